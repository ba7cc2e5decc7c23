/**
 * One logical connection to the broker. Opened when it is first needed, opened again after it was lost, over a list of
 * URLs that are tried in turn. What is done on it is the matter of producers, consumers and mailboxes.
 */
import { CeleryError, ConnectionError, ImproperlyConfigured } from '../errors.ts'
import type { TransportRegistry } from '../transport/registry.ts'
import type { Channel, Connection, TransportContext, TransportOptions } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import { maskPassword, splitUrls } from '../util/url.ts'
import { isOperational } from './failure.ts'

export interface BrokerConnectionOptions {
  /** Where the broker is; several are tried in turn. */
  readonly urls: string | readonly string[]
  readonly transports: TransportRegistry
  readonly context: TransportContext
  readonly transportOptions?: TransportOptions
  /** Which of several URLs comes first: as listed, or in an order drawn by lot. Default `round-robin`. */
  readonly failover?: 'round-robin' | 'shuffle'
  /** How long one attempt to connect to one URL may take, in milliseconds. Default 4000. */
  readonly connectTimeoutMs?: number
  /** How often `ensure` tries all URLs again; null is for ever. Default 100. */
  readonly maxRetries?: number | null
}

/** How long `ensure` tries. */
export interface EnsureOptions {
  /** In milliseconds. Default: until the retries are used up. */
  readonly timeoutMs?: number
  /** Instead of the connection's own. 0: all URLs once. */
  readonly maxRetries?: number | null
  /** Gives up: rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Told before each wait, in milliseconds. */
  readonly onRetry?: (error: Error, delayMs: number) => void
}

/** Told that an open connection was lost. */
export type OnLost = (error: Error) => void

const DEFAULT_CONNECT_TIMEOUT_MS = 4000
const DEFAULT_MAX_RETRIES = 100
/** Celery's: 2, 4, 6 ... 30 seconds. */
const RETRY_WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }

export class BrokerConnection {
  readonly #options: BrokerConnectionOptions
  readonly #urls: string[]
  readonly #onLost = new Set<OnLost>()
  readonly #closing = new AbortController()
  /** Of `#urls`: the one in use, or to be tried next. */
  #index = 0
  #current: Connection | undefined
  #opening: Promise<Connection> | undefined

  /** Throws nothing: wrong URLs are told of when the connection is opened. */
  constructor(options: BrokerConnectionOptions) {
    this.#options = options
    const urls = splitUrls(options.urls)
    this.#urls = options.failover === 'shuffle' ? shuffled(urls) : urls
  }

  /** The URL in use, or the next to be tried, without its password. */
  get displayUrl(): string {
    return maskPassword(this.#urls[this.#index] ?? '')
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
    const maxRetries = options.maxRetries === undefined ? this.#options.maxRetries : options.maxRetries
    const retries = maxRetries === null ? Infinity : (maxRetries ?? DEFAULT_MAX_RETRIES)
    const endMs = clock.monotonic() + (options.timeoutMs ?? Infinity)
    for (let retry = 0; ; retry += 1) {
      options.signal?.throwIfAborted()
      const remainingMs = endMs - clock.monotonic()
      try {
        return await this.#within(remainingMs, options.signal)
      } catch (error) {
        if (!isOperational(error) || retry >= retries || this.#closing.signal.aborted) throw error
        const delayMs = waitBefore(retry, RETRY_WAIT)
        if (clock.monotonic() + delayMs >= endMs) throw error
        options.onRetry?.(error, delayMs)
        await pause(clock, delayMs, options.signal, this.#closing.signal)
      }
    }
  }

  /** Run `work` on a channel of its own, which is closed afterwards. */
  async withChannel<T>(work: (channel: Channel) => Promise<T>, options?: EnsureOptions): Promise<T> {
    const connection = await this.ensure(options)
    const channel = await connection.openChannel()
    try {
      return await work(channel)
    } finally {
      await channel.close()
    }
  }

  /** Call `listener` whenever an open connection is lost, though not by `close()`. Answers how to stop listening. */
  onLost(listener: OnLost): () => void {
    this.#onLost.add(listener)
    return () => {
      this.#onLost.delete(listener)
    }
  }

  /** Close it for good. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort()
    const open = this.#current ?? (await this.#opening?.catch(() => undefined))
    await open?.close()
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
    if (this.#urls.length === 0) throw new ImproperlyConfigured('There is no broker URL')
    const errors: Error[] = []
    for (const _url of this.#urls) {
      try {
        return await this.#openOne(this.#urls[this.#index] ?? '')
      } catch (error) {
        if (!isOperational(error)) throw error
        errors.push(error)
        this.#index = (this.#index + 1) % this.#urls.length
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

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
