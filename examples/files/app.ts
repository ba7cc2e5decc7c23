/** The app. It names no broker, so tasks and results live in a file `celeriac.db` of the working directory. */
import { Celery } from 'celeriac'

export const app = new Celery('files', { include: ['./tasks.ts', '../map-reduce/tasks.ts'] })
