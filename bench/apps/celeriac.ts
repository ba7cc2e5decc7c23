/** The app that the workers of the bench load. Broker and backend come from the environment. */
import { Celery } from 'celeriac'

export const app = new Celery('bench')

export const noop = app.task('bench.noop', (number: number) => number)
