/**
 * One logical connection to the broker, in one of these states:
 *
 * 1. *none*: nobody has needed it yet, or it was lost.
 * 2. *opening*: a round over all URLs, shared by all who wait for it; between two rounds each waits for itself.
 * 3. *open*: until the transport says that it has ended, or somebody finds that it does not answer (`discard`).
 * 4. *closed*: for good.
 *
 * What is done on it is the matter of producers, consumers and mailboxes.
 */
import { CeleryError, ConnectionError, ImproperlyConfigured } from '../errors.ts'
import type { TransportRegistry } from '../transport/registry.ts'
import type { Channel, Connection, TransportContext, TransportOptions } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import { deferred } from '../util/deferred.ts'
import { maskPassword, splitUrls } from '../util/url.ts'
import { within } from '../util/within.ts'
import { FailoverOrder } from './failover.ts'
import type { Failover } from './failover.ts'
import { isOperational } from './failure.ts'

export interface BrokerConnectionOptions {
  /** Where the broker is; several are tried in turn. */
  readonly urls: string | readonly string[]
  readonly transports: TransportRegistry
  readonly context: TransportContext
  readonly transportOptions?: TransportOptions
  /** Which of several URLs comes next. Default `round-robin`. */
  readonly failover?: Failover
  /** How long one attempt to connect to one URL may take, in milliseconds. Default 4000. */
  readonly connectTimeoutMs?: number
  /** How often `ensure` tries all URLs again; null is for ever. Default 100. */
  readonly maxRetries?: number | null
  /** A number from 0 to 1 by which waits differ, so that not all who lost a broker come back together. Default `Math.random`. */
  readonly random?: () => number
}

/** A round over all URLs has failed, and another one follows. */
export interface RetryNews {
  readonly error: CeleryError
  /** How long until then, in milliseconds. */
  readonly delayMs: number
  /** Which retry that will be; 1 is the first. */
  readonly retry: number
  /** How many there may be; null is any number. */
  readonly maxRetries: number | null
}

/** How long `ensure` tries. */
export interface EnsureOptions {
  /** In milliseconds. Default: until the retries are used up. */
  readonly timeoutMs?: number
  /** Instead of the connection's own. 0: all URLs once. */
  readonly maxRetries?: number | null
  /** Gives up: rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Told before each wait. */
  readonly onRetry?: (news: RetryNews) => void
}

/** Told that an open connection was lost. */
export type OnLost = (error: Error) => void

const DEFAULT_CONNECT_TIMEOUT_MS = 4000
const DEFAULT_MAX_RETRIES = 100
/** Celery's: 2, 4, 6 ... 30 seconds. */
const RETRY_WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }
/** A wait is at least this part of Celery's. */
const SHORTEST_WAIT = 0.5
/** What is asked on a channel for once is answered by then, in milliseconds. */
const ANSWER_TIMEOUT_MS = 30_000
/** A connection that does not even answer to its end is left to itself after so many milliseconds. */
const CLOSE_TIMEOUT_MS = 5000

export class BrokerConnection {
  readonly #options: BrokerConnectionOptions
  readonly #order: FailoverOrder
  readonly #maxRetries: number | null
  readonly #onLost = new Set<OnLost>()
  readonly #closing = new AbortController()
  #current: Connection | undefined
  #opening: Promise<Connection> | undefined

  /** Throws nothing: wrong URLs are told of when the connection is opened. */
  constructor(options: BrokerConnectionOptions) {
    this.#options = options
    this.#order = new FailoverOrder(splitUrls(options.urls), options.failover)
    this.#maxRetries = options.maxRetries === undefined ? DEFAULT_MAX_RETRIES : options.maxRetries
  }

  /** The URL in use, or the next to be tried, without its password. */
  get displayUrl(): string {
    return maskPassword(this.#order.current ?? '')
  }

  /** The open connection, if there is one. */
  get current(): Connection | undefined {
    return this.#current
  }

  /**
   * The open connection; opens one where there is none. Rejects with `ConnectionError` when the retries or the time are
   * used up or after `close()`, with `ImproperlyConfigured` or `MissingDriver` at once.
   */
  async ensure(options: EnsureOptions = {}): Promise<Connection> {
    if (this.#current !== undefined && !this.#closing.signal.aborted) return this.#current
    const { clock } = this.#options.context
    const maxRetries = options.maxRetries === undefined ? this.#maxRetries : options.maxRetries
    const endMs = clock.monotonic() + (options.timeoutMs ?? Infinity)
    for (let retry = 0; ; retry += 1) {
      options.signal?.throwIfAborted()
      const remainingMs = endMs - clock.monotonic()
      try {
        return await this.#within(remainingMs, options.signal)
      } catch (error) {
        if (!isOperational(error) || retry >= (maxRetries ?? Infinity) || this.#closing.signal.aborted) throw error
        const delayMs = this.#waitBefore(retry)
        if (clock.monotonic() + delayMs >= endMs) throw error
        options.onRetry?.({ error, delayMs, retry: retry + 1, maxRetries })
        await pause(clock, delayMs, options.signal, this.#closing.signal)
      }
    }
  }

  /**
   * Run `work` on a channel of its own, which is closed afterwards. Rejects with `ConnectionError` when that takes longer
   * than `timeoutMs` milliseconds with all retries, by default 30000; the connection counts as lost then.
   */
  async withChannel<T>(work: (channel: Channel) => Promise<T>, options: EnsureOptions = {}): Promise<T> {
    const { timeoutMs = ANSWER_TIMEOUT_MS } = options
    const { clock } = this.#options.context
    const endMs = clock.monotonic() + timeoutMs
    const connection = await this.ensure({ ...options, timeoutMs })
    return this.answered(connection, endMs - clock.monotonic(), async () => {
      const channel = await connection.openChannel()
      try {
        return await work(channel)
      } finally {
        await channel.close()
      }
    })
  }

  /**
   * What `work` on this connection becomes. When it takes longer than `timeoutMs` milliseconds, the connection is
   * discarded and this rejects with `ConnectionError`.
   */
  answered<T>(connection: Connection, timeoutMs: number, work: () => Promise<T>): Promise<T> {
    const { displayUrl } = this
    return within(this.#options.context.clock, timeoutMs, work(), () => {
      const error = new ConnectionError(`${displayUrl} did not answer within ${String(timeoutMs / 1000)} s`)
      this.discard(connection, error)
      return error
    })
  }

  /**
   * It does not answer: it counts as lost from now on, as if the transport had said so. Closed as far as that is
   * possible; nobody waits for it.
   */
  discard(connection: Connection, error: Error): void {
    this.#ended(connection, error)
    connection.close().catch(() => undefined)
  }

  /** Resolves when this connection is over: the transport says so, with the error, or somebody has discarded it. */
  endOf(connection: Connection): Promise<Error | undefined> {
    const ended = deferred<Error | undefined>()
    const end = (error: Error | undefined): void => {
      forget()
      ended.resolve(error)
    }
    const forget = this.onLost(end)
    void connection.closed.then(end)
    return ended.promise
  }

  /** Call `listener` whenever an open connection is lost, though not by `close()`. Answers how to stop listening. */
  onLost(listener: OnLost): () => void {
    this.#onLost.add(listener)
    return () => {
      this.#onLost.delete(listener)
    }
  }

  /** Close it for good. May be called twice. Ends after five seconds at the latest. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { clock } = this.#options.context
    const over = new AbortController()
    await Promise.race([this.#close(), pause(clock, CLOSE_TIMEOUT_MS, over.signal)]).finally(() => {
      over.abort()
    })
  }

  async #close(): Promise<void> {
    const open = this.#current ?? (await this.#opening?.catch(() => undefined))
    await open?.close()
  }

  #waitBefore(retry: number): number {
    const { random = Math.random } = this.#options
    return waitBefore(retry, RETRY_WAIT) * (SHORTEST_WAIT + (1 - SHORTEST_WAIT) * random())
  }

  /** One round over all URLs, shared by all who wait for it, for `timeoutMs` at most. */
  async #within(timeoutMs: number, signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#closing.signal.aborted) throw new ConnectionError(`The connection to ${this.displayUrl} is closed`)
    this.#opening ??= this.#openAny().finally(() => {
      this.#opening = undefined
    })
    const opening = this.#opening
    if (timeoutMs === Infinity && signal === undefined) return opening
    const { clock } = this.#options.context
    const over = new AbortController()
    // What goes on in the background serves the next who asks; if it fails, the others have been told.
    const waited = pause(clock, timeoutMs, signal, over.signal)
    try {
      const connection = await Promise.race([opening, waited])
      if (connection !== undefined) return connection
    } finally {
      over.abort()
    }
    signal?.throwIfAborted()
    throw new ConnectionError(`No connection to ${this.displayUrl} within ${String(timeoutMs / 1000)} s`)
  }

  async #openAny(): Promise<Connection> {
    if (this.#order.size === 0) throw new ImproperlyConfigured('There is no broker URL')
    const errors: Error[] = []
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#openOne(this.#order.current ?? '')
      } catch (error) {
        if (!isOperational(error)) throw error
        errors.push(error)
        this.#order.next()
        if (attempt === this.#order.size) break
        this.#options.context.logger.warning(`${error.message}; trying ${this.displayUrl} instead`)
      }
    }
    const [first] = errors
    if (first !== undefined && errors.length === 1) throw first
    throw new ConnectionError(errors.map((error) => error.message).join('; '), { cause: first })
  }

  async #openOne(url: string): Promise<Connection> {
    const { transports, transportOptions = {}, context } = this.#options
    const { found, url: canonical } = await transports.find(url)
    const connecting = found.connect(canonical, transportOptions, context)
    const connection = await this.#connected(connecting, maskPassword(url))
    this.#current = connection
    void connection.closed.then((error) => {
      this.#ended(connection, error)
    })
    if (this.#closing.signal.aborted) {
      await connection.close()
      throw new ConnectionError(`The connection to ${maskPassword(url)} is closed`)
    }
    return connection
  }

  /** Bounds the time of an attempt, and words its error. */
  async #connected(connecting: Promise<Connection>, displayUrl: string): Promise<Connection> {
    const timeoutMs = this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS
    const over = new AbortController()
    const late = pause(this.#options.context.clock, timeoutMs, over.signal)
    try {
      const connection = await Promise.race([connecting, late])
      if (connection !== undefined) return connection
    } catch (error) {
      // A wrong URL or a missing package does not get better by trying again.
      if (CeleryError.isCeleryError(error) && !isOperational(error)) throw error
      const message = error instanceof Error ? error.message : String(error)
      throw new ConnectionError(`Cannot connect to ${displayUrl}: ${message}`, { cause: error })
    } finally {
      over.abort()
    }
    connecting.then(
      (connection) => void connection.close(),
      () => undefined,
    )
    throw new ConnectionError(`Cannot connect to ${displayUrl}: no answer within ${String(timeoutMs / 1000)} s`)
  }

  #ended(connection: Connection, error: Error | undefined): void {
    if (this.#current !== connection) return
    this.#current = undefined
    if (error === undefined || this.#closing.signal.aborted) return
    this.#options.context.logger.warning(`Connection to ${this.displayUrl} lost: ${error.message}`)
    for (const listener of [...this.#onLost]) listener(error)
  }
}
