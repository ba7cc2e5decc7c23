/** What a worker is, for the banner, for components and for commands. What makes it so is `options.ts`. */
import type { Queue } from '../messaging/queue.ts'
import type { AutoscaleRange } from './autoscaler.ts'

/** Who a worker is. */
export interface WorkerFacts {
  /** The node name. */
  readonly hostname: string
  /** The pool's name. */
  readonly pool: string
  /** How many tasks run at a time; with `autoscale`, at first. */
  readonly concurrency: number
  /** Where the pool grows and shrinks: between which sizes. */
  readonly autoscale: AutoscaleRange | undefined
  /** Those that are consumed. */
  readonly queues: readonly Queue[]
}
