/**
 * Rate limits: how often a task may start in this worker. Each task with a limit has a bucket with room for one start,
 * which fills at its rate (Celery's token bucket); requests that find it empty are held here in order, and others go past
 * them. As in Celery, what is held counts as in hand, so that no worker hoards more than its prefetch count.
 */
import { startsPerSecond } from '../task/rate.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { Deque } from '../util/deque.ts'
import type { Request } from './request.ts'
import type { WorkerState } from './state.ts'

/** What rate limits need of their worker. */
export interface RateLimitParts {
  readonly state: WorkerState<Request>
  readonly clock: Clock
  /** Told of requests that may start: they are held no more. */
  readonly onReady: (requests: readonly Request[]) => void
}

/** The starts of one task. */
interface Bucket {
  /** As it was written: another text is another limit. */
  readonly rate: string | number
  readonly perMs: number
  /** How many starts were there at `atMs`, at most one. */
  tokens: number
  atMs: number
  readonly waiting: Deque<Request>
  timer: Timer | undefined
}

/** What timers can wait at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Those of one worker. */
export class RateLimits {
  readonly #parts: RateLimitParts
  readonly #buckets = new Map<string, Bucket>()

  constructor(parts: RateLimitParts) {
    this.#parts = parts
  }

  /** Hold a request that may not start yet. Answers whether it was one; where it was not, it has had its start. */
  hold(request: Request): boolean {
    const { rateLimit } = request.definition.policy
    if (rateLimit === undefined) return false
    const { name } = request.head
    const known = this.#buckets.get(name)
    const bucket = known?.rate === rateLimit ? known : this.#change(name, rateLimit)
    if (!this.#hasWaiting(bucket) && this.#take(bucket)) return false
    this.#parts.state.limited.set(request.key, request)
    bucket.waiting.push(request)
    this.#arm(bucket)
    return true
  }

  /** The limit of this task is another one from now on, or none: what is held goes by it. */
  reset(name: string, rateLimit: string | number | undefined): void {
    const bucket = this.#buckets.get(name)
    if (bucket === undefined) return
    if (rateLimit !== undefined) {
      this.#arm(this.#change(name, rateLimit))
      return
    }
    bucket.timer?.cancel()
    this.#buckets.delete(name)
    this.#release(bucket, () => true)
  }

  /** Forget what is held. */
  clear(): void {
    for (const { timer } of this.#buckets.values()) timer?.cancel()
    this.#buckets.clear()
    this.#parts.state.limited.clear()
  }

  /** A new bucket, full, with what waited in the old one. */
  #change(name: string, rate: string | number): Bucket {
    const before = this.#buckets.get(name)
    before?.timer?.cancel()
    const bucket: Bucket = {
      rate,
      perMs: startsPerSecond(rate) / 1000,
      tokens: 1,
      atMs: this.#parts.clock.monotonic(),
      waiting: before?.waiting ?? new Deque(),
      timer: undefined,
    }
    this.#buckets.set(name, bucket)
    return bucket
  }

  #take(bucket: Bucket): boolean {
    this.#fill(bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  #fill(bucket: Bucket): void {
    const nowMs = this.#parts.clock.monotonic()
    bucket.tokens = Math.min(1, bucket.tokens + (nowMs - bucket.atMs) * bucket.perMs)
    // Ten times a tenth is less than one.
    if (bucket.tokens > 1 - 1e-9) bucket.tokens = 1
    bucket.atMs = nowMs
  }

  /** Is anybody still waiting? What was given back or revoked meanwhile is not. */
  #hasWaiting({ waiting }: Bucket): boolean {
    const { limited } = this.#parts.state
    for (let first = waiting.at(0); first !== undefined && !limited.has(first.key); first = waiting.at(0))
      waiting.shift()
    return waiting.size > 0
  }

  /** Wait until the next one may start. */
  #arm(bucket: Bucket): void {
    if (bucket.timer !== undefined || !this.#hasWaiting(bucket)) return
    this.#fill(bucket)
    // What is too little by the error of a division is not waited for.
    const waitMs = Math.ceil((1 - bucket.tokens) / bucket.perMs - 1e-3)
    const onTime = (): void => {
      bucket.timer = undefined
      this.#release(bucket, () => this.#take(bucket))
      this.#arm(bucket)
    }
    // A longer wait than timers have is waited for in parts.
    bucket.timer = this.#parts.clock.after(Math.min(waitMs, LONGEST_TIMER_MS), onTime, { unref: true })
  }

  #release(bucket: Bucket, mayStart: () => boolean): void {
    const { state, onReady } = this.#parts
    const ready: Request[] = []
    while (this.#hasWaiting(bucket) && mayStart()) {
      const request = bucket.waiting.shift()
      if (request !== undefined && state.limited.delete(request.key)) ready.push(request)
    }
    if (ready.length > 0) onReady(ready)
  }
}
