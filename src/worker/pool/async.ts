/**
 * The `async` pool: up to `concurrency` jobs at the same time in this process, for tasks that mostly wait. What cannot
 * be done here is to kill: a job that is over its hard limit, or was terminated, has its signal aborted and its outcome
 * told at once and its slot goes to the next job, but its function may go on until it heeds the signal or ends. What it
 * stores after that is dropped.
 */
import type { EncodedResult } from '../../backend/backend.ts'
import {
  ImproperlyConfigured,
  SoftTimeLimitExceeded,
  Terminated,
  TimeLimitExceeded,
  WorkerShutdown,
} from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Timer } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import { Deadlines } from './deadlines.ts'
import { LazySignal } from './lazy-signal.ts'
import type { Job, JobControl, JobObserver, Pool, PoolOptions } from './pool.ts'

/** How long aborted jobs may take to end by themselves in a cold stop. */
const COLD_GRACE_MS = 500

type State = 'open' | 'stopping' | 'cold'

export class AsyncPool implements Pool {
  readonly isolated: boolean = false
  readonly #options: PoolOptions
  readonly #running = new Set<Run>()
  readonly #soft: Deadlines<Run>
  readonly #hard: Deadlines<Run>
  #waiting: Run[] = []
  #concurrency: number
  #state: State = 'open'
  #empty: Deferred<void> | undefined
  #grace: Timer | undefined
  #tellsFree = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#concurrency = checkConcurrency(options.concurrency)
    this.#soft = new Deadlines(options.clock, (run) => {
      run.abort(new SoftTimeLimitExceeded((run.job.softLimitMs ?? 0) / 1000))
    })
    this.#hard = new Deadlines(options.clock, (run) => {
      const seconds = (run.job.hardLimitMs ?? 0) / 1000
      this.#abandon(run, new TimeLimitExceeded(seconds), { kind: 'timeout', seconds })
    })
  }

  get free(): number {
    if (this.#state !== 'open') return 0
    return Math.max(this.#concurrency - this.#running.size - this.#waiting.length, 0)
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  execute(job: Job, observer: JobObserver): void {
    const run = new Run(job, observer)
    if (this.#state !== 'open') run.settle({ kind: 'unstarted' })
    else if (this.#running.size < this.#concurrency) this.#begin(run)
    else this.#waiting.push(run)
  }

  terminate(key: number, signal: NodeJS.Signals): boolean {
    for (const run of this.#running) {
      if (run.job.key === key) {
        this.#abandon(run, new Terminated(signal), { kind: 'terminated', signal })
        return true
      }
    }
    const run = this.#waiting.find((waiting) => waiting.job.key === key)
    if (run === undefined) return false
    this.#waiting = this.#waiting.filter((waiting) => waiting !== run)
    run.settle({ kind: 'terminated', signal })
    return true
  }

  resize(concurrency: number): Promise<void> {
    return new Promise((resolve) => {
      this.#concurrency = checkConcurrency(concurrency)
      this.#beginWaiting()
      this.#tellFree()
      resolve()
    })
  }

  restart(): Promise<void> {
    return Promise.reject(
      new ImproperlyConfigured(
        "This pool runs tasks in the worker's own process, where code is not loaded twice: restart the worker, or use " +
          'the pool "prefork"',
      ),
    )
  }

  info(): Readonly<Record<string, unknown>> {
    return {
      implementation: 'celeriac.worker.pool.async:AsyncPool',
      'max-concurrency': this.#concurrency,
      'running-jobs': this.#running.size,
      'free-slots': this.free,
    }
  }

  stop(how: 'warm' | 'cold'): Promise<void> {
    if (this.#state === 'open') this.#giveBackWaiting()
    if (how === 'cold' && this.#state !== 'cold') this.#hasten()
    else if (this.#state === 'open') this.#state = 'stopping'
    this.#empty ??= deferred()
    if (this.#running.size === 0) this.#finish()
    return this.#empty.promise
  }

  #begin(run: Run): void {
    const { job } = run
    this.#running.add(run)
    run.observer.accepted(process.pid)
    if (job.softLimitMs !== undefined) this.#soft.set(run, job.softLimitMs)
    if (job.hardLimitMs !== undefined) this.#hard.set(run, job.hardLimitMs)
    const outcome = this.#options.run(job, run)
    if (outcome instanceof Promise) this.#endLater(run, outcome)
    else this.#end(run, outcome)
  }

  #endLater(run: Run, outcome: Promise<Outcome>): void {
    outcome.then(
      (known) => {
        this.#end(run, known)
      },
      (error: unknown) => {
        // `run` never rejects; if it does all the same, the job must not hang.
        const { taskName, taskId } = run.job
        this.#options.logger.critical(`Task ${taskName}[${taskId}] ended without an outcome`, { error })
        this.#end(run, { kind: 'lost', exit: String(error) })
      },
    )
  }

  #end(run: Run, outcome: Outcome): void {
    if (!this.#running.delete(run)) return
    if (run.job.softLimitMs !== undefined) this.#soft.clear(run)
    if (run.job.hardLimitMs !== undefined) this.#hard.clear(run)
    // Those that wait come before what the worker may answer with.
    this.#beginWaiting()
    run.settle(outcome)
    if (this.#state === 'open') this.#tellFree()
    else if (this.#running.size === 0) this.#finish()
  }

  /** Tell the outcome of a job whose function may still run: all that it does from now on concerns nobody. */
  #abandon(run: Run, reason: Error, outcome: Outcome): void {
    run.abort(reason)
    this.#end(run, outcome)
  }

  #beginWaiting(): void {
    while (this.#waiting.length > 0 && this.#running.size < this.#concurrency) {
      this.#begin(this.#waiting.shift() as Run)
    }
  }

  /** Jobs that end in one turn are told together, so that the worker fetches for all of them at once. */
  #tellFree(): void {
    if (this.#tellsFree) return
    this.#tellsFree = true
    setImmediate(() => {
      this.#tellsFree = false
      if (this.free > 0) this.#options.onFree()
    })
  }

  #giveBackWaiting(): void {
    for (const run of this.#waiting.splice(0)) run.settle({ kind: 'unstarted' })
  }

  #hasten(): void {
    this.#state = 'cold'
    for (const run of this.#running) run.abort(new WorkerShutdown('The worker is shutting down'))
    this.#grace = this.#options.clock.after(COLD_GRACE_MS, () => {
      for (const run of this.#running) this.#end(run, { kind: 'cancelled' })
    })
  }

  #finish(): void {
    this.#soft.close()
    this.#hard.close()
    this.#grace?.cancel()
    this.#empty?.resolve()
  }
}

/** One job here, which is also what its function is handed as control. */
class Run extends LazySignal implements JobControl {
  readonly job: Job
  readonly observer: JobObserver
  #settled = false

  constructor(job: Job, observer: JobObserver) {
    super()
    this.job = job
    this.observer = observer
  }

  store(result: EncodedResult): void {
    if (!this.#settled) this.observer.store(result)
  }

  endPart(body: Body): void {
    if (!this.#settled) this.observer.endPart(body)
  }

  settle(outcome: Outcome): void {
    this.#settled = true
    this.observer.ended(outcome)
  }
}

/** Throws `ImproperlyConfigured` for what cannot be a number of slots. */
export function checkConcurrency(concurrency: number): number {
  if (Number.isSafeInteger(concurrency) && concurrency >= 0) return concurrency
  throw new ImproperlyConfigured(`The size of a pool is a whole number, not ${String(concurrency)}`)
}
