/** Celery: the app as users know it, with the floors above it: a worker inside the program. */
import { App } from './app/app.ts'
import { Worker } from './worker/worker.ts'
import type { WorkerOptions } from './worker/worker.ts'

/**
 * An app: its settings, its tasks, and the ways to call them and to work them.
 *
 *     export const app = new Celery('proj')
 *     export const add = app.task('proj.add', (x: number, y: number) => x + y)
 */
export class Celery extends App {
  /** A worker inside this program; it does nothing before `start()`. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options)
  }
}
