/**
 * One child of a pool, with the line of jobs that it was handed. Its states:
 *
 *     starting   made, loads the app
 *     ready      takes jobs
 *     retiring   takes no more, ends its line
 *     leaving    was told to leave or killed; its exit is awaited
 *
 * What it gets and when is `child-pool.ts`, how many there are is `population.ts`.
 */
import type { Outcome } from '../../task/outcome.ts'
import type { Timer } from '../../util/clock.ts'
import type { Assignment } from './assignment.ts'
import type { ChildHandle } from './child-handle.ts'

export type ChildState = 'starting' | 'ready' | 'retiring' | 'leaving'

/** A child is handed jobs ahead for so many milliseconds, */
export const WINDOW_MS = 2
/** but not more than so many, */
const WINDOW_JOBS = 64
/** nothing before its line is down to this part, for a write for each job would cost more than many a job, */
const REFILL_AT = 0.5
/** and none while its running job takes longer than this: then those in line are recalled. */
export const STALLED_MS = 10

/** Why a child was killed: for this job, whose outcome that is. */
export interface Verdict {
  readonly assignment: Assignment
  readonly outcome: Outcome
}

export class PoolChild {
  state: ChildState = 'starting'
  readonly handle: ChildHandle
  /** On the pool's monotonic clock. */
  readonly spawnedMs: number
  readyMs = 0
  /** When the first job of the line became the first. */
  runningSinceMs = 0
  /** It was asked to give back what has not started, and gets nothing before it has answered. */
  recalling = false
  /** Another child takes or will take its place. */
  replaced = false
  /** It was spawned before the pool was last restarted. */
  outdated = false
  /** How many jobs it was handed and has not given back. */
  jobs = 0
  verdict: Verdict | undefined
  /** When it last told something. */
  heardMs = 0
  /** When it was asked whether it is there, and has not answered; it had no job then. See `heartbeat.ts`. */
  askedMs: number | undefined
  askedIdle = false
  /** It has answered since it had its last job. */
  isRested = true
  /** Its time to become ready, later to leave. */
  timer: Timer | undefined
  readonly #line: Assignment[] = []
  #lineMs = 0
  /** Not since its line was last full. */
  #isFilling = true

  constructor(handle: ChildHandle, spawnedMs: number) {
    this.handle = handle
    this.spawnedMs = spawnedMs
  }

  /** The job that runs: the first of the line. */
  get running(): Assignment | undefined {
    return this.#line[0]
  }

  /** The running job and those behind it. */
  get length(): number {
    return this.#line.length
  }

  /** Milliseconds of work that the line is likely to be. */
  get lineMs(): number {
    return this.#lineMs
  }

  /** A job runs here. One that is leaving was killed, or has none. */
  get isBusy(): boolean {
    return this.#line.length > 0 && this.state !== 'leaving'
  }

  find(key: number): Assignment | undefined {
    return this.#line.find((assignment) => assignment.job.key === key)
  }

  push(assignment: Assignment): void {
    this.#line.push(assignment)
    this.#lineMs += assignment.estimateMs
    this.jobs += 1
    if (this.#line.length >= WINDOW_JOBS || this.#lineMs >= WINDOW_MS) this.#isFilling = false
  }

  /** The running job has ended. */
  shift(): void {
    const assignment = this.#line.shift()
    // Sums of fractions drift; an empty line is exactly 0.
    this.#lineMs = this.#line.length === 0 ? 0 : this.#lineMs - (assignment?.estimateMs ?? 0)
    this.#refill()
  }

  /** Take these out of the line, in its order. */
  take(keys: readonly number[]): Assignment[] {
    const given = new Set(keys)
    const taken = this.#line.filter((assignment) => given.has(assignment.job.key))
    const left = this.#line.filter((assignment) => !given.has(assignment.job.key))
    this.#line.splice(0, this.#line.length, ...left)
    this.#lineMs = left.reduce((sum, assignment) => sum + assignment.estimateMs, 0)
    this.jobs -= taken.length
    this.#refill()
    return taken
  }

  /** The child is gone. */
  takeAll(): Assignment[] {
    return this.take(this.#line.map((assignment) => assignment.job.key))
  }

  /** How many more jobs of `estimateMs` each it may be handed behind those that it has. */
  room(estimateMs: number, nowMs: number): number {
    if (this.state !== 'ready' || this.recalling || this.running?.terminating !== undefined) return 0
    if (!this.#isFilling) return 0
    if (this.length > 0 && nowMs - this.runningSinceMs > STALLED_MS) return 0
    const byTime = Math.floor((WINDOW_MS - this.#lineMs) / estimateMs)
    return Math.max(Math.min(byTime, WINDOW_JOBS - this.length), 0)
  }

  #refill(): void {
    if (this.#line.length <= WINDOW_JOBS * REFILL_AT && this.#lineMs <= WINDOW_MS * REFILL_AT) this.#isFilling = true
  }
}
