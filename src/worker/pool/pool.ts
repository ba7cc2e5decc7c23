/** SEAM Pool: where tasks run. Every implementation passes `test/suites/pool.test.ts`. */
import type { AppLocation } from '../../app/loader.ts'
import type { EncodedResult } from '../../backend/backend.ts'
import type { WorkerError } from '../../errors.ts'
import type { Body, Message } from '../../protocol/message.ts'
import type { TaskHead } from '../../protocol/task.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger, LogLevel } from '../../util/logger.ts'
import type { MaybePromise } from '../../util/maybe-promise.ts'

/** Where a message came from, under the wire's names (`request.deliveryInfo`). */
export interface DeliveryInfo {
  readonly exchange: string
  readonly routing_key: string
  readonly priority: number | null
  readonly redelivered: boolean
}

/** One execution: the undecoded message, and all that a process without a broker needs to run it. Plain data. */
export interface Job {
  /** The worker's own number for this execution: one task id may be delivered twice. */
  readonly key: number
  readonly taskId: string
  readonly taskName: string
  readonly message: Message
  /** The decoded headers, for pools in this process; not sent to children. */
  readonly head?: TaskHead | undefined
  readonly deliveryInfo: DeliveryInfo
  /** The worker's node name. */
  readonly hostname: string
  /** Milliseconds from the start of the function; undefined is no limit. */
  readonly softLimitMs: number | undefined
  readonly hardLimitMs: number | undefined
}

/** What a running job is told, and what it tells. */
export interface JobControl {
  /** Aborted by the soft limit, by a revoke with `terminate` and by a cold shutdown; the reason says which. */
  readonly signal: AbortSignal
  /** Takes result documents in order. The worker stores them before it acknowledges. */
  store(result: EncodedResult): void
  /**
   * Takes what a part of a chord says at its end (`ChordStore.encodePart`), before its result. The worker counts it, and
   * sends the body where it was the last, before it acknowledges.
   */
  endPart(body: Body): void
}

/** Runs one job to its end. Never throws nor rejects. A promise only where the job had to wait for something. */
export type RunJob = (job: Job, control: JobControl) => MaybePromise<Outcome>

/** What the pool tells the worker about one job. */
export interface JobObserver {
  /** The job left the line and starts now, in process `pid`. Called once, before any `store`. */
  accepted(pid: number): void
  /** A result document of this job, to be stored before its message goes. */
  store(result: EncodedResult): void
  /** The job was a part of a chord and has ended: to be counted before its message goes. */
  endPart(body: Body): void
  /**
   * How the job ended. Called once, after all else, also in the middle of `execute`; the worker may answer with the next
   * job at once.
   */
  ended(outcome: Outcome): void
}

export type { AppLocation }

export interface PoolOptions {
  /** How many tasks run at the same time. */
  readonly concurrency: number
  /** For pools that run in this process. */
  readonly run: RunJob
  readonly logger: Logger
  readonly clock: Clock
  /** For pools that run elsewhere; undefined where the app cannot be imported, which such a pool refuses. */
  readonly appLocation: AppLocation | undefined
  /** Settings that children must share with this worker (command line overrides), by setting name. */
  readonly settings: Readonly<Record<string, unknown>>
  /** End a child after so many tasks; undefined is never. */
  readonly maxTasksPerChild: number | undefined
  /** End a child whose resident memory is above, after its task; undefined is never. */
  readonly maxMemoryPerChildBytes: number | undefined
  /** A child must be ready by then. */
  readonly childStartTimeoutMs: number
  /**
   * For pools of processes: the level at which their standard output and error are logged, or `inherit` to let them go
   * where the worker's own go. Default `WARNING`.
   */
  readonly childOutput?: LogLevel | 'inherit'
  /** How long after a child's end its last reports may still arrive (`workerLostWait`). Default 10 seconds. */
  readonly lostWaitMs?: number
  /** Called before each child is made. */
  readonly onSpawn?: () => void
  /** Called when `free` has grown. */
  readonly onFree: () => void
  /** Called when the pool cannot go on; it stops cold by itself. */
  readonly onFailed?: (error: WorkerError) => void
}

export interface Pool {
  /** A task that kills its process leaves the worker alive. */
  readonly isolated: boolean
  /** How many jobs `execute` takes right now without making one wait behind a long one. */
  readonly free: number
  /** Resolves when all slots can work. Rejects with `WorkerError` when they cannot. */
  start(): Promise<void>
  /** Run one job; the observer is told how it ends. */
  execute(job: Job, observer: JobObserver): void
  /** End a job by force: its outcome is `terminated`. False where the pool cannot, or the job is not running. */
  terminate(key: number, signal: NodeJS.Signals): boolean
  /** Have so many slots from now on; 0 is none for now. Running jobs end first. Resolves when those that are new can work. */
  resize(concurrency: number): Promise<void>
  /**
   * Let new children, which import the app anew, take the place of all that there are: one after the other, each old one
   * leaves when its job has ended. Resolves when all are new. Rejects with `WorkerError` where a new one cannot start,
   * and the old ones go on; with `ImproperlyConfigured` where there are no children.
   */
  restart(): Promise<void>
  /** Facts for `inspect stats`, under Celery's names. */
  info(): Readonly<Record<string, unknown>>
  /**
   * `warm`: resolves when all jobs have ended. `cold`: aborts the jobs' signals, ends what still runs after a short
   * grace; their outcome is `cancelled`. Cold may follow warm, and hastens it. May be called twice.
   */
  stop(how: 'warm' | 'cold'): Promise<void>
}
