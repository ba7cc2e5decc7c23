/**
 * The line between broker and pool. Messages come in batches; each is admitted (revoked? expired?) and waits here until
 * the pool has room. What has not started can always be given back.
 */
import type { IncomingMessage } from '../messaging/consumer.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { Pool } from './pool/pool.ts'
import type { Request } from './request.ts'
import type { WorkerState } from './state.ts'

/** What a dispatcher needs of its worker. */
export interface DispatcherParts {
  readonly pool: Pool
  readonly state: WorkerState<Request>
  readonly clock: Clock
  readonly logger: Logger
  readonly receive: (message: IncomingMessage) => Request | undefined
  /** Told of each request that was admitted. */
  readonly onReceived: (request: Request) => void
  /** Told of each request that is over. */
  readonly onEnded: () => void
}

/** The line of one worker. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  /** Requests on their way into the pool, which does not count them yet. */
  #starting = 0
  #open = true
  readonly #running = new Set<Promise<void>>()

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  /** Take the messages of one round trip. Those that come when it is closed go back. */
  add(messages: readonly IncomingMessage[]): void {
    if (!this.#open) {
      void Promise.allSettled(messages.map((message) => message.giveBack()))
      return
    }
    for (const message of messages) {
      const request = this.#parts.receive(message)
      if (request !== undefined) this.#admit(request)
    }
    this.dispatch()
  }

  /** Give the pool as much as it takes. Called whenever it may have room. */
  dispatch(): void {
    const { state, pool } = this.#parts
    for (const request of state.reserved.values()) {
      if (!this.#open || pool.free <= this.#starting) return
      if (!this.#drops(request)) this.#start(request)
    }
  }

  /** Start nothing any more, and give back what waits. */
  async close(): Promise<void> {
    this.#open = false
    await this.#giveBack([...this.#parts.state.reserved.values()])
  }

  /** Keep at most so many in hand: those that came last and have not started go back. */
  async shrink(count: number): Promise<void> {
    const { reserved, active } = this.#parts.state
    const keep = Math.max(count - active.size, 0)
    if (reserved.size > keep) await this.#giveBack([...reserved.values()].slice(keep))
  }

  /** Resolves when all that was started has been settled. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** What cannot be given back comes again by itself: the connection it came on is lost. */
  async #giveBack(requests: readonly Request[]): Promise<void> {
    await Promise.allSettled(requests.map((request) => request.giveBack()))
  }

  #admit(request: Request): void {
    this.#parts.state.reserved.set(request.key, request)
    this.#parts.onReceived(request)
    this.#drops(request)
  }

  /** Asked on arrival and again before the start: a task may expire or be revoked while it waits. */
  #drops(request: Request): boolean {
    const { state, clock } = this.#parts
    if (state.revoked.has(request.head.id)) this.#watch(request.drop('revoked'), request)
    else if (request.head.expiresMs !== undefined && clock.now() > request.head.expiresMs) {
      this.#watch(request.drop('expired'), request)
    } else return false
    return true
  }

  #start(request: Request): void {
    this.#starting += 1
    const running = request.execute(() => {
      this.#starting -= 1
    })
    this.#watch(running, request)
  }

  #watch(work: Promise<void>, request: Request): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#parts.logger.error(`Task ${request.label} could not be settled; its message will come again`, { error })
      })
      .finally(() => {
        this.#running.delete(tracked)
        this.#parts.onEnded()
        this.dispatch()
      })
    this.#running.add(tracked)
  }
}
