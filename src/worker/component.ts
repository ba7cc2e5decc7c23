/**
 * SEAM Component: a part of a worker with a life of its own; Celery's bootsteps. A worker's components are one list, started
 * from top to bottom before the pool, and stopped from bottom to top after the broker was left, so that tasks may use
 * what they set up. What lives on the connection to the broker is attached to each one, before the first message is taken
 * from it.
 */
import type { App } from '../app/app.ts'
import type { Connection } from '../transport/transport.ts'
import type { MaybePromise } from '../util/maybe-promise.ts'
import type { WorkerFacts } from './facts.ts'
import type { Pool } from './pool/pool.ts'
import type { Request } from './request.ts'
import type { WorkerState } from './state.ts'

/** How strongly to stop. */
export type StopStrength = 'warm' | 'soft' | 'cold'

/** Undoes what a component has done. */
export type Undo = () => MaybePromise<void>

/** What a component may know of its worker, and do to it. */
export interface ComponentHost {
  readonly app: App
  /** Who the worker is: its node name, its queues. */
  readonly facts: WorkerFacts
  /** What it has in hand. */
  readonly state: WorkerState<Request>
  readonly pool: Pool
  /** Aborted when the worker begins to stop. */
  readonly stopping: AbortSignal
  /** Begin to stop; answers at once. Default: warm. */
  stop(how?: StopStrength): void
}

/**
 * One part of a worker.
 *
 *     app.addWorkerComponent({
 *       name: 'health',
 *       start(worker) {
 *         const server = createServer((_, response) => response.end(worker.facts.hostname)).listen(8080)
 *         return () => void server.close()
 *       },
 *     })
 */
export interface Component {
  /** What logs call it. */
  readonly name: string
  /** The worker starts. Answers how to undo it. An error keeps the worker from starting. */
  start?(worker: ComponentHost): MaybePromise<Undo | undefined>
  /**
   * There is a connection to the broker: the first one, or one after a loss. Answers how to undo it, called before the
   * connection is closed in order, not where it is lost. An `OperationalError` has the connection made anew; any other
   * error ends the worker.
   */
  attach?(connection: Connection, worker: ComponentHost): MaybePromise<Undo | undefined>
}
