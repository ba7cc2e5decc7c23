/**
 * The jobs of one child, inside the child: one runs, the others wait their turn and can be given back. Says what became
 * of each through a `Reports`; how that reaches the parent is `child.ts`.
 */
import type { EncodedResult } from '../../backend/backend.ts'
import { SoftTimeLimitExceeded } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import { READY_STATES } from '../../protocol/states.ts'
import type { Outcome } from '../../task/outcome.ts'
import { systemClock } from '../../util/clock.ts'
import { Deadlines } from './deadlines.ts'
import type { Done } from './ipc.ts'
import { LazySignal } from './lazy-signal.ts'
import type { Job, JobControl, RunJob } from './pool.ts'

/** Where a line tells what it does. Each call has reached the parent when it returns. */
export interface Reports {
  result(key: number, result: EncodedResult): void
  part(key: number, body: Body): void
  done(done: Done): void
  back(keys: readonly number[]): void
}

/** When a child is too large. */
export interface MemoryLimit {
  /** Above it, DONE says that the child is overweight; undefined is no limit. */
  readonly maxMemoryBytes: number | undefined
  readonly memoryBytes: () => number
}

export class JobLine {
  readonly #run: RunJob
  readonly #reports: Reports
  readonly #memory: MemoryLimit
  readonly #soft: Deadlines<RunningJob>
  #waiting: Job[] = []
  #running: RunningJob | undefined
  #flushes = false

  constructor(run: RunJob, reports: Reports, memory: MemoryLimit) {
    this.#run = run
    this.#reports = reports
    this.#memory = memory
    this.#soft = new Deadlines(systemClock, (running) => {
      running.abort(new SoftTimeLimitExceeded((running.job.softLimitMs ?? 0) / 1000))
    })
  }

  /** Put a job at the end; where nothing runs it starts before this returns. */
  push(job: Job): void {
    this.#waiting.push(job)
    if (this.#running === undefined) void this.#work()
  }

  /** Give back all that has not started. */
  recall(): void {
    this.#reports.back(this.#waiting.splice(0).map((job) => job.key))
  }

  /** Abort the signal of the job, where it is the one that runs. */
  abort(key: number, reason: Error): boolean {
    if (!this.isRunning(key)) return false
    this.#running?.abort(reason)
    return true
  }

  isRunning(key: number): boolean {
    return this.#running?.job.key === key
  }

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      const startedMs = performance.now()
      const running = new RunningJob(job, this.#onStore, this.#onPart)
      this.#running = running
      if (job.softLimitMs !== undefined) this.#soft.set(running, job.softLimitMs)
      const outcome = await this.#outcomeOf(job, running)
      if (job.softLimitMs !== undefined) this.#soft.clear(running)
      this.#running = undefined
      this.#reports.done({
        key: job.key,
        busyMs: performance.now() - startedMs,
        overweight: this.#isOverweight(),
        outcome,
        ...running.close(),
      })
    }
  }

  /** `run` never rejects; if it does all the same, the child is no better than one that is gone. */
  async #outcomeOf(job: Job, running: RunningJob): Promise<Outcome> {
    try {
      return await this.#run(job, running)
    } catch (error) {
      return { kind: 'lost', exit: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }

  /**
   * The document that ends a task waits for its outcome: they arrive together or not at all, and cost one write. Not
   * for long though: what a task does after its result was stored may take its time. Others, like progress, go at once.
   */
  readonly #onStore = (running: RunningJob, result: EncodedResult): void => {
    if (!READY_STATES.has(result.status)) {
      this.#flush(running)
      this.#reports.result(running.job.key, result)
      return
    }
    running.held.push(result)
    this.#flushSoon()
  }

  /** The same for what a part of a chord says. */
  readonly #onPart = (running: RunningJob, body: Body): void => {
    running.part = body
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushes) return
    this.#flushes = true
    setImmediate(() => {
      this.#flushes = false
      if (this.#running !== undefined) this.#flush(this.#running)
    })
  }

  #flush(running: RunningJob): void {
    if (running.part !== undefined) this.#reports.part(running.job.key, running.part)
    running.part = undefined
    for (const result of running.held.splice(0)) this.#reports.result(running.job.key, result)
  }

  /** Asked when the line is empty: reading it takes as long as many a job. */
  #isOverweight(): boolean {
    const { maxMemoryBytes, memoryBytes } = this.#memory
    if (maxMemoryBytes === undefined || this.#waiting.length > 0) return false
    return memoryBytes() > maxMemoryBytes
  }
}

class RunningJob extends LazySignal implements JobControl {
  readonly job: Job
  held: EncodedResult[] = []
  part: Body | undefined
  readonly #onStore: (running: RunningJob, result: EncodedResult) => void
  readonly #onPart: (running: RunningJob, body: Body) => void
  #open = true

  constructor(
    job: Job,
    onStore: (running: RunningJob, result: EncodedResult) => void,
    onPart: (running: RunningJob, body: Body) => void,
  ) {
    super()
    this.job = job
    this.#onStore = onStore
    this.#onPart = onPart
  }

  store(result: EncodedResult): void {
    // What a function stores after its end would overwrite what it ended with.
    if (this.#open) this.#onStore(this, result)
  }

  endPart(body: Body): void {
    if (this.#open) this.#onPart(this, body)
  }

  /** The job has ended: what was held. */
  close(): Pick<Done, 'results' | 'part'> {
    this.#open = false
    return { results: this.held, part: this.part }
  }
}
