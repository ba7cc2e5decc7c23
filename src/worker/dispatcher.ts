/**
 * The line between broker and pool. Messages come in batches; each is admitted (revoked? expired? too early?) and waits
 * here until the pool has room. What has not started can always be given back.
 */
import type { IncomingMessage } from '../messaging/consumer.ts'
import { isOperational } from '../messaging/failure.ts'
import { asError } from '../util/as-error.ts'
import type { Clock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import type { Logger } from '../util/logger.ts'
import { EtaHold } from './eta.ts'
import type { Pool } from './pool/pool.ts'
import { RateLimits } from './rate-limit.ts'
import type { Request, RequestLine } from './request.ts'
import type { WorkerState } from './state.ts'

/** What a dispatcher needs of its worker. */
export interface DispatcherParts {
  readonly pool: Pool
  readonly state: WorkerState<Request>
  readonly clock: Clock
  readonly logger: Logger
  readonly receive: (message: IncomingMessage) => Request | undefined
  /** Tasks start no more often than their rate limits say. */
  readonly limitsRates: boolean
  /** Can the broker keep what is given back until it is due? */
  readonly brokerDelays: () => boolean
  /** Told how many requests are held until their time, or on their way back to the broker until then. */
  readonly onHeld: (count: number) => void
  /** Told of each request that was admitted. */
  readonly onReceived: (request: Request) => void
  /** Told of each request that is over. */
  readonly onEnded: () => void
}

/** More are not taken while so many are on their way back. */
const RETURNING_MAX = 1000
/** More are not started while the results of so many are on their way: stores may be slower than tasks. */
const SETTLING_MAX = 5000

/** The line of one worker. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #eta: EtaHold
  /** Undefined where they are switched off. */
  readonly #rateLimits: RateLimits | undefined
  /** Requests on their way into the pool, which does not count them yet. */
  #starting = 0
  #allEntered: Deferred<void> | undefined
  /** Requests on their way back to the broker until their time. */
  #returning = 0
  #open = true
  /** Requests that were started or dropped and are not settled yet. */
  #unsettled = 0
  #drained: Deferred<void> | undefined
  #isDispatching = false
  readonly #line: RequestLine = {
    entered: () => {
      this.#entered()
    },
    settled: (request, error) => {
      this.#settled(request, error)
    },
  }

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    const { state, clock, brokerDelays, limitsRates } = parts
    this.#eta = new EtaHold({ state, clock, brokerDelays, onDue: this.#due })
    this.#rateLimits = limitsRates ? new RateLimits({ state, clock, onReady: this.#ready }) : undefined
  }

  /** Take the messages of one round trip. Those that come when it is closed go back. */
  add(messages: readonly IncomingMessage[]): void {
    if (!this.#open) {
      void Promise.allSettled(messages.map((message) => message.giveBack()))
      return
    }
    for (const message of messages) {
      const request = this.#parts.receive(message)
      if (request !== undefined && !this.#returns(request)) this.#admit(request)
    }
    this.#tellHeld()
    this.dispatch()
  }

  /** Give the pool as much as it takes. Called whenever it may have room, also in here: by a task that ends at once. */
  dispatch(): void {
    if (this.#isDispatching) return
    this.#isDispatching = true
    try {
      this.#giveOut()
    } finally {
      this.#isDispatching = false
    }
  }

  #giveOut(): void {
    const { state, pool } = this.#parts
    for (const request of state.reserved.values()) {
      if (!this.#open || pool.free <= this.#starting || state.settling >= SETTLING_MAX) return
      if (!this.#drops(request)) this.#start(request)
    }
  }

  /** Start nothing any more, and give back what waits. Resolves when the pool has all that was started. */
  async close(): Promise<void> {
    const { scheduled, limited, reserved } = this.#parts.state
    this.#open = false
    const waiting = [...reserved.values(), ...limited.values(), ...scheduled.values()]
    this.#eta.clear()
    this.#rateLimits?.clear()
    await this.#giveBack(waiting)
    // A pool that is told to stop takes nothing any more, and these are acknowledged already.
    if (this.#starting > 0) await (this.#allEntered ??= deferred()).promise
  }

  /** The connection is lost, and what is unacknowledged comes again: forget what has not started, recognise the rest. */
  forget(): void {
    const { reserved, active, orphans } = this.#parts.state
    for (const request of active.values()) if (request.message.state === 'unacked') orphans.add(request)
    reserved.clear()
    this.#eta.clear()
    this.#rateLimits?.clear()
    this.#tellHeld()
  }

  /** Keep at most so many in hand: those that came last and have not started go back. */
  async shrink(count: number): Promise<void> {
    const { reserved, limited, active } = this.#parts.state
    const keep = Math.max(count - active.size, 0)
    if (reserved.size + limited.size > keep) {
      await this.#giveBack([...reserved.values(), ...limited.values()].slice(keep))
    }
  }

  /** The rate limit of a task is another one from now on, or none: what it holds goes by it. */
  resetRateLimit(taskName: string, rateLimit: string | number | undefined): void {
    this.#rateLimits?.reset(taskName, rateLimit)
  }

  /** Resolves when all that was started has been settled. */
  async drained(): Promise<void> {
    if (this.#unsettled === 0) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }

  /** What cannot be given back comes again by itself: the connection it came on is lost. */
  async #giveBack(requests: readonly Request[]): Promise<void> {
    await Promise.allSettled(requests.map((request) => request.giveBack()))
  }

  /** Is it a task that is in hand already, come again from a lost connection? */
  #returns(request: Request): boolean {
    if (!request.message.deliveryInfo.redelivered) return false
    const orphan = this.#parts.state.orphans.take(request)
    if (orphan !== undefined) this.#watch(orphan.adopt(request.message), orphan)
    return orphan !== undefined
  }

  #admit(request: Request): void {
    const reason = this.#reasonToDrop(request)
    if (reason === undefined && this.#eta.returns(request)) {
      void this.#putOff(request)
      return
    }
    this.#parts.onReceived(request)
    if (reason !== undefined) {
      this.#watch(request.drop(reason), request)
      return
    }
    request.received()
    if (!this.#eta.hold(request)) this.#reserve(request)
  }

  /** Held requests whose time has come. */
  readonly #due = (requests: readonly Request[]): void => {
    for (const request of requests) this.#reserve(request)
    this.#tellHeld()
    this.dispatch()
  }

  /** Requests that their rate limit held, and holds no more. */
  readonly #ready = (requests: readonly Request[]): void => {
    for (const request of requests) this.#parts.state.reserved.set(request.key, request)
    this.dispatch()
  }

  #reserve(request: Request): void {
    if (this.#rateLimits?.hold(request) !== true) this.#parts.state.reserved.set(request.key, request)
  }

  /** Let the broker keep it until its time. On the way there it must not keep the worker from work either. */
  async #putOff(request: Request): Promise<void> {
    this.#returning += 1
    await this.#giveBack([request])
    this.#returning -= 1
    if (this.#returning === 0) this.#tellHeld()
  }

  #tellHeld(): void {
    this.#parts.onHeld(this.#parts.state.scheduled.size + Math.min(this.#returning, RETURNING_MAX))
  }

  #drops(request: Request): boolean {
    const reason = this.#reasonToDrop(request)
    if (reason !== undefined) this.#watch(request.drop(reason), request)
    return reason !== undefined
  }

  /** Asked on arrival and again before the start: a task may expire or be revoked while it waits. */
  #reasonToDrop({ head }: Request): 'revoked' | 'expired' | undefined {
    const { state, clock } = this.#parts
    const { id, expiresMs } = head
    if (state.revoked.has(id) || state.revokedStamps.matches(head)) return 'revoked'
    return expiresMs !== undefined && clock.now() > expiresMs ? 'expired' : undefined
  }

  #start(request: Request): void {
    this.#starting += 1
    this.#unsettled += 1
    request.execute(this.#line)
  }

  #entered(): void {
    this.#starting -= 1
    if (this.#starting === 0) this.#allEntered?.resolve()
  }

  #watch(work: Promise<void>, request: Request): void {
    this.#unsettled += 1
    work.then(
      () => {
        this.#settled(request, undefined)
      },
      (error: unknown) => {
        this.#settled(request, asError(error))
      },
    )
  }

  #settled(request: Request, error: Error | undefined): void {
    if (error !== undefined) this.#expectAgain(request, error)
    this.#unsettled -= 1
    this.#parts.onEnded()
    this.dispatch()
    if (this.#unsettled > 0) return
    this.#drained?.resolve()
    this.#drained = undefined
  }

  #expectAgain(request: Request, error: Error): void {
    const { logger, state } = this.#parts
    if (isOperational(error) && request.inPool) state.orphans.add(request)
    else state.orphans.delete(request)
    logger.error(`Task ${request.label} could not be settled; its message will come again`, { error })
  }
}
