/** The backend's way to Redis: a connection that is made when it is first needed and made anew when it was lost. */
import { mayPass } from '../../driver/redis.ts'
import type { RedisClient } from '../../driver/redis.ts'
import { BackendError } from '../../errors.ts'
import { pause, waitBefore } from '../../util/backoff.ts'
import type { Clock } from '../../util/clock.ts'
import { Lazy } from '../../util/lazy.ts'
import type { Logger } from '../../util/logger.ts'
import type { RetryPolicy } from './options.ts'

/** What a session needs. */
export interface SessionParts {
  readonly connect: () => Promise<RedisClient>
  readonly retry: RetryPolicy
  readonly clock: Clock
  readonly logger: Logger
  /** For errors and logs: the URL without its password. */
  readonly displayUrl: string
}

export class Session {
  readonly #parts: SessionParts
  readonly #client: Lazy<RedisClient>
  readonly #closing = new AbortController()
  #isClosed = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#client = new Lazy(() => this.#connect())
  }

  /**
   * Do `work` with a connection; after one was lost, once more with another, as the retry policy says. Rejects with the
   * driver's errors, and with `BackendError` after `close()`. `work` may be called again after it was done in part.
   */
  async use<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    const { clock, retry } = this.#parts
    for (let attempt = 0; ; attempt += 1) {
      if (this.#isClosed) throw new BackendError(`${this.#parts.displayUrl} is closed`)
      try {
        return await work(this.#client.current ?? (await this.#client.get()))
      } catch (error) {
        if (!mayPass(error) || attempt >= retry.maxRetries || this.#closing.signal.aborted) throw error
        await pause(clock, waitBefore(attempt, retry), this.#closing.signal)
      }
    }
  }

  /** From now on nothing is tried again: it is about to be closed. */
  hurry(): void {
    this.#closing.abort()
  }

  /** What waits for a new connection gives up. May be called twice. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#closing.abort()
    return this.#client.close()
  }

  async #connect(): Promise<RedisClient> {
    const client = await this.#parts.connect()
    void client.closed.then((error) => {
      if (this.#closing.signal.aborted) return
      // It is over already: this only makes room for the next one.
      void this.#client.close()
      this.#parts.logger.error(`The result backend lost its connection and makes a new one: ${String(error?.message)}`)
    })
    return client
  }
}
