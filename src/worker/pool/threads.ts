/**
 * The `threads` pool: its children are threads of the worker's process, which start sooner and take less memory than
 * processes. Each has a heap of its own, imports the app by itself and can be ended by force; but what ends the whole
 * process (a crash of native code, a signal that a task sends itself) ends the worker.
 */
import { ChildPool } from './child-pool.ts'
import type { ChildPoolOptions } from './child-pool.ts'
import { ChildThread } from './child-thread.ts'

export class ThreadsPool extends ChildPool {
  readonly isolated = false

  /** Throws `ImproperlyConfigured` where children could not import the app. */
  constructor(options: ChildPoolOptions) {
    super(options, {
      pool: 'threads',
      childName: 'ThreadPoolWorker',
      createChild: (child, listener) => new ChildThread(child, listener),
    })
  }

  override info(): Readonly<Record<string, unknown>> {
    const { children, ...facts } = this.facts()
    return {
      implementation: 'celeriac.worker.pool.threads:ThreadsPool',
      ...facts,
      threads: children.length,
    }
  }
}
