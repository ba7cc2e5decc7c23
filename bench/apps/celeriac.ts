/** The app that the workers of the bench load. Broker and backend come from the environment. */
import { Celery } from 'celeriac'
import type { Task } from 'celeriac'

export const app: Celery = new Celery('bench')

export const noop: Task<[number], number> = app.task('bench.noop', (number: number) => number)
