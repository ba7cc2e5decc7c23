/**
 * Publishes messages, surely and together: all that is published in one callback of the event loop leaves in one go, and
 * what is published while that is under way leaves with the next. Serialization is the caller's matter.
 *
 * The stages of a publication: *pending* → *under way* (queues declared, handed to the channel) → done, or after an
 * error *pending* again, until the retries or the time are used up.
 */
import { ConnectionError, OperationalError } from '../errors.ts'
import type { Channel, Connection, Publication } from '../transport/transport.ts'
import { waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { endOfCallback } from '../util/turn.ts'
import type { BrokerConnection } from './connection.ts'
import { isChannelError, isOperational } from './failure.ts'
import { declareQueue } from './queue.ts'
import type { Queue } from './queue.ts'

/** How often a publication is tried again. Times in seconds, as in Celery's `taskPublishRetryPolicy`. */
export interface RetryPolicy {
  /** How often; null is until the time is over. What a broker refuses is tried again three times at most. Default null. */
  readonly maxRetries?: number | null
  /** The wait before the first new attempt. Default 0. */
  readonly intervalStart?: number
  /** Added to the wait each time. Default 0.2. */
  readonly intervalStep?: number
  /** The longest wait. Default 1. */
  readonly intervalMax?: number
  /** How long a publication may take with all its retries. Default 30. */
  readonly timeout?: number
}

export interface ProducerOptions {
  readonly connection: BrokerConnection
  readonly clock: Clock
  /** How long one attempt may take before the connection counts as dead, in milliseconds. Default 15000. */
  readonly attemptMs?: number
  /** For publications that bring none. */
  readonly retryPolicy?: RetryPolicy
}

export interface PublishOptions {
  /**
   * Declared before the first publication on a connection that names them. Hand over the same objects each time, for
   * it is they that are remembered.
   */
  readonly declare?: readonly Queue[]
  /** Try again after an `OperationalError`. Default true. */
  readonly retry?: boolean
  readonly retryPolicy?: RetryPolicy
  /** Gives up: rejects with the signal's reason. What is under way may arrive all the same. */
  readonly signal?: AbortSignal
}

/** One call of `publish`. */
interface Job {
  readonly publications: readonly Publication[]
  readonly options: PublishOptions
  readonly done: Deferred<void>
  readonly endMs: number
  retries: number
  /** Why the last attempt failed. */
  error: unknown
  settled: boolean
}

/** Is the time of this attempt over, so that what still comes of it does not count? */
type IsOver = () => boolean

const DEFAULT_TIMEOUT = 30
const DEFAULT_ATTEMPT_MS = 15_000
/** What the broker refuses on a connection that stands seldom gets better. */
const MAX_REFUSALS = 3
/** A bulk of any size leaves in portions, so that other work has its turn in between. */
const MAX_PUBLICATIONS = 5000

export class Producer {
  readonly #options: ProducerOptions
  readonly #clock: Clock
  #pending: Job[] = []
  /** Between two attempts. */
  readonly #waiting = new Set<Job>()
  #draining: Promise<void> | undefined
  #channel: { readonly on: Connection; readonly channel: Channel } | undefined
  /** What was declared on the connection of `#channel`. */
  #declared = new WeakSet<Queue>()

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  /**
   * Publish all of `publications`. Resolves when the broker has them; what could not be said for sure is tried again, so
   * that a message may arrive twice rather than never. Rejects with `OperationalError` when the retries or the time are
   * used up, and with whatever else the transport says of a message that it cannot carry.
   */
  publish(publications: readonly Publication[], options: PublishOptions = {}): Promise<void> {
    if (options.signal?.aborted === true) return Promise.reject(asError(options.signal.reason))
    const endMs = this.#clock.monotonic() + (this.#policyOf(options).timeout ?? DEFAULT_TIMEOUT) * 1000
    const job: Job = { publications, options, done: deferred(), endMs, retries: 0, error: undefined, settled: false }
    if (options.signal !== undefined) abortWith(options.signal, job)
    this.#enqueue(job)
    return job.done.promise
  }

  /** Publishes what was handed over before, then closes the channel; the connection stays. May be called twice. */
  async close(): Promise<void> {
    while (this.#draining !== undefined || this.#waiting.size > 0) {
      await this.#draining
      await Promise.allSettled([...this.#waiting].map((job) => job.done.promise))
    }
    const channel = this.#channel?.channel
    this.#channel = undefined
    await channel?.close()
  }

  #enqueue(job: Job): void {
    this.#waiting.delete(job)
    this.#pending.push(job)
    this.#draining ??= this.#drain()
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      await endOfCallback()
      const jobs = this.#takePending()
      if (jobs.length > 0) await this.#sendInTime(jobs)
    }
    // In the same step as the last look: a job that comes later starts a new drain.
    this.#draining = undefined
  }

  #takePending(): Job[] {
    const jobs: Job[] = []
    let size = 0
    let next = 0
    for (const job of this.#pending) {
      if (size >= MAX_PUBLICATIONS) break
      next += 1
      if (job.settled) continue
      jobs.push(job)
      size += job.publications.length
    }
    this.#pending = this.#pending.slice(next)
    return jobs
  }

  /** A broker that does not answer keeps nobody waiting for longer than promised. */
  async #sendInTime(jobs: readonly Job[]): Promise<void> {
    let over = false
    const expired = deferred<'expired'>()
    const attemptEndMs = this.#clock.monotonic() + (this.#options.attemptMs ?? DEFAULT_ATTEMPT_MS)
    const endMs = jobs.reduce((earliest, job) => Math.min(earliest, job.endMs), attemptEndMs)
    const timer = this.#clock.after(endMs - this.#clock.monotonic(), () => {
      expired.resolve('expired')
    })
    const outcome = await Promise.race([this.#send(jobs, () => over), expired.promise])
    timer.cancel()
    if (outcome !== 'expired') return
    over = true
    const error = new ConnectionError(`${this.#options.connection.displayUrl} did not answer in time`)
    // It may be half open: the next attempt is to find another one.
    if (this.#channel !== undefined) this.#options.connection.discard(this.#channel.on, error)
    this.#channel = undefined
    for (const job of jobs) this.#failed(job, job.error === undefined ? error : withReason(error, job.error))
  }

  async #send(jobs: readonly Job[], isOver: IsOver): Promise<void> {
    let sending = jobs
    try {
      const channel = await this.#open()
      sending = await this.#declare(channel, jobs, isOver)
      if (isOver() || sending.length === 0) return
      await channel.basicPublish(publicationsOf(sending))
      // Also when the time was over: what waits for another attempt needs none then.
      for (const job of sending) settle(job)
    } catch (error) {
      if (isOver()) return
      if (!isOperational(error) || isChannelError(error)) {
        if (isChannelError(error)) this.#dropChannel()
        // One of them is to blame: the others are not to suffer from it.
        if (sending.length > 1) return this.#sendHalves(sending, isOver)
      } else {
        this.#dropChannel()
      }
      for (const job of sending) this.#failed(job, error)
    }
    return undefined
  }

  async #sendHalves(jobs: readonly Job[], isOver: IsOver): Promise<void> {
    const middle = jobs.length >> 1
    await this.#send(jobs.slice(0, middle), isOver)
    if (!isOver()) await this.#send(jobs.slice(middle), isOver)
  }

  async #open(): Promise<Channel> {
    // Waiting is done by each job for itself: some have more time than others.
    const connection = await this.#options.connection.ensure({ maxRetries: 0 })
    if (this.#channel?.on !== connection) {
      this.#declared = new WeakSet()
      this.#channel = { on: connection, channel: await connection.openChannel() }
    }
    return this.#channel.channel
  }

  /** Declares what is new. Answers the jobs whose queues are there; the others have failed. */
  async #declare(channel: Channel, jobs: readonly Job[], isOver: IsOver): Promise<readonly Job[]> {
    let failed: Set<Job> | undefined
    for (const job of jobs) {
      for (const queue of job.options.declare ?? []) {
        if (this.#declared.has(queue)) continue
        try {
          await declareQueue(channel, queue)
          this.#declared.add(queue)
        } catch (error) {
          if (!isChannelError(error)) throw error
          if (!isOver()) this.#failed(job, error)
          failed ??= new Set()
          failed.add(job)
          break
        }
      }
    }
    return failed === undefined ? jobs : jobs.filter((job) => !failed.has(job))
  }

  #failed(job: Job, error: unknown): void {
    if (job.settled) return
    job.error = error
    const { retry = true } = job.options
    const retryPolicy = this.#policyOf(job.options)
    const maxRetries = Math.min(retryPolicy.maxRetries ?? Infinity, isChannelError(error) ? MAX_REFUSALS : Infinity)
    if (!isOperational(error) || !retry || job.retries >= maxRetries) {
      settle(job, error)
      return
    }
    const delayMs = waitBefore(job.retries, waitOf(retryPolicy))
    if (this.#clock.monotonic() + delayMs >= job.endMs) {
      settle(job, error)
      return
    }
    job.retries += 1
    if (delayMs === 0) {
      this.#enqueue(job)
      return
    }
    this.#waiting.add(job)
    this.#clock.after(delayMs, () => {
      this.#enqueue(job)
    })
  }

  #policyOf(options: PublishOptions): RetryPolicy {
    return options.retryPolicy ?? this.#options.retryPolicy ?? {}
  }

  /** The next publication opens another channel. */
  #dropChannel(): void {
    const channel = this.#channel?.channel
    this.#channel = undefined
    channel?.close().catch(() => undefined)
  }
}

function publicationsOf(jobs: readonly Job[]): readonly Publication[] {
  const [first] = jobs
  if (jobs.length === 1 && first !== undefined) return first.publications
  const publications: Publication[] = []
  for (const job of jobs) for (const publication of job.publications) publications.push(publication)
  return publications
}

function settle(job: Job, error?: unknown): void {
  if (job.settled) return
  job.settled = true
  if (error === undefined) job.done.resolve()
  else job.done.reject(error)
}

function abortWith(signal: AbortSignal, job: Job): void {
  const abort = (): void => {
    settle(job, asError(signal.reason))
  }
  signal.addEventListener('abort', abort, { once: true })
  const stop = (): void => {
    signal.removeEventListener('abort', abort)
  }
  job.done.promise.then(stop, stop)
}

function waitOf(policy: RetryPolicy): GrowingWait {
  return {
    startMs: (policy.intervalStart ?? 0) * 1000,
    stepMs: (policy.intervalStep ?? 0.2) * 1000,
    maxMs: (policy.intervalMax ?? 1) * 1000,
  }
}

function withReason(error: Error, reason: unknown): Error {
  const before = reason instanceof Error ? reason.message : String(reason)
  return new ConnectionError(`${error.message}; before: ${before}`, { cause: reason })
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new OperationalError(String(reason), { cause: reason })
}
