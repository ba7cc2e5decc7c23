/**
 * EventReceiver: captures the events of a cluster for a program (`celery/events/receiver.py`), on a connection of its own.
 * One that is lost is made again, and capturing goes on; what was sent meanwhile is not heard, for events wait for nobody.
 * How events are heard on a connection is `listener.ts`; what a cluster looks like from them is `state.ts`.
 */
import { TimeoutError } from '../errors.ts'
import type { BrokerConnection, RetryNews } from '../messaging/connection.ts'
import { isChannelError, isOperational } from '../messaging/failure.ts'
import type { Connection } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import { EventLine } from './line.ts'
import { EventListener } from './listener.ts'
import type { Listening, ListenerOptions, ListenerParts, ReceivedEvent } from './listener.ts'

export type ReceiverOptions<T extends string = string> = ListenerOptions<T>

/** What a receiver needs of its app. */
export interface ReceiverParts extends ListenerParts {
  /** A connection of its own; the receiver closes it. */
  readonly connect: () => Promise<BrokerConnection>
  /** Asks all workers to say at once that they are there. */
  readonly wakeup: () => Promise<void>
}

/** How long a capture goes on. */
export interface CaptureOptions {
  /** Stop after so many events. Default: never. */
  readonly limit?: number
  /** Give up when nothing came for so many seconds. Default: never. */
  readonly timeout?: number
  /** Ask all workers to say at once that they are there, on each connection. Default true. */
  readonly wakeup?: boolean
  /** Ends the capture. */
  readonly signal?: AbortSignal
  /** Told before each new attempt to connect. */
  readonly onRetry?: (news: RetryNews) => void
  /** Told each time that events are heard from now on. */
  readonly onReady?: () => void
}

/** Between two attempts to listen on a connection that stands. */
const WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }
/** A connection on which listening has not begun by then is dead, in milliseconds. */
const OPEN_TIMEOUT_MS = 30_000
/** So many events wait for the reader of `itercapture`. */
const MAX_WAITING = 100_000

/** A connection that is lost so soon, so often in a row, is no reason to hurry to the next one. */
const HASTY_MS = 1000
const MAX_HASTY = 3

/** One capture that goes on. */
interface Capture {
  readonly options: CaptureOptions
  readonly onEvent: (event: ReceivedEvent) => void
  /** Aborted when it is to end, for whatever reason. */
  readonly over: AbortController
  /** Resolves then. */
  readonly ended: Promise<void>
  count: number
  /** Events were heard on a connection, or could have been. */
  ready: boolean
  /** When the last event came, in milliseconds of the monotonic clock. */
  heardMs: number
  /** Why it ended; undefined where that was asked for. */
  error: Error | undefined
}

export class EventReceiver<T extends string = string> {
  readonly #parts: ReceiverParts
  readonly #listener: EventListener<T>

  /** Made by `app.events.receiver()`. */
  constructor(parts: ReceiverParts, options: ReceiverOptions<T> = {}) {
    this.#parts = parts
    this.#listener = new EventListener(parts, options)
  }

  /**
   * Hand events to the handlers until the signal aborts or there were enough. Rejects with `TimeoutError` when nothing
   * came for the time that is set, and with `OperationalError` where the broker cannot be had or refuses the queue.
   */
  capture(options: CaptureOptions = {}): Promise<void> {
    return this.#capture(options, () => undefined)
  }

  /**
   * The same, event by event: `for await (const event of receiver.itercapture())`. Leaving the loop ends it. The
   * handlers are called too. For a reader who is slow 100000 events wait; then the oldest go, and the log says so.
   */
  async *itercapture(options: CaptureOptions = {}): AsyncGenerator<ReceivedEvent, void> {
    const left = new AbortController()
    const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal])
    const line = new EventLine<ReceivedEvent>({
      maxSize: MAX_WAITING,
      onOverflow: () => {
        this.#parts.logger.warning('Events come faster than they are read: the oldest are left out')
      },
    })
    const capturing = this.#capture({ ...options, signal }, (event) => {
      line.add(event)
    }).finally(() => {
      line.end()
    })
    // Told below, where it is waited for.
    capturing.catch(() => undefined)
    try {
      yield* line.take()
      await capturing
    } finally {
      left.abort()
      await capturing.catch(() => undefined)
    }
  }

  /** Hear events on somebody else's connection, until `stop()` or the end of the connection. */
  listen(connection: Connection): Promise<Listening> {
    return this.#listener.listen(connection)
  }

  async #capture(options: CaptureOptions, onEvent: (event: ReceivedEvent) => void): Promise<void> {
    const { signal, limit = Infinity } = options
    if (signal?.aborted === true || limit <= 0) return
    const over = new AbortController()
    const end = (): void => {
      over.abort()
    }
    const ended = new Promise<void>((resolve) => {
      over.signal.addEventListener('abort', () => {
        resolve()
      })
    })
    const heardMs = this.#parts.clock.monotonic()
    const capture: Capture = { options, onEvent, over, ended, count: 0, ready: false, heardMs, error: undefined }
    signal?.addEventListener('abort', end)
    const broker = await this.#parts.connect()
    void this.#watchSilence(capture)
    try {
      await this.#stayConnected(capture, broker)
    } finally {
      end()
      signal?.removeEventListener('abort', end)
      await broker.close()
    }
    if (capture.error !== undefined) throw capture.error
  }

  async #stayConnected(capture: Capture, broker: BrokerConnection): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal } = capture.over
    for (let hasty = 0; !signal.aborted;) {
      const connection = await this.#ensure(capture, broker)
      if (connection === undefined) return
      const sinceMs = clock.monotonic()
      try {
        await this.#listenOn(connection, capture, broker)
      } catch (error) {
        // What a broker refuses from the start, it will refuse again.
        if (!isOperational(error) || (isChannelError(error) && !capture.ready)) throw error
        logger.warning(`Events cannot be heard; trying again: ${error.message}`)
      }
      hasty = clock.monotonic() - sinceMs < HASTY_MS ? hasty + 1 : 0
      if (hasty > MAX_HASTY) await pause(clock, waitBefore(hasty - MAX_HASTY - 1, WAIT), signal)
    }
  }

  /** An open connection; undefined where the capture ends meanwhile. */
  async #ensure({ options, over }: Capture, broker: BrokerConnection): Promise<Connection | undefined> {
    const { onRetry } = options
    try {
      return await broker.ensure({ signal: over.signal, ...(onRetry === undefined ? {} : { onRetry }) })
    } catch (error) {
      if (over.signal.aborted) return undefined
      throw error
    }
  }

  /** Hear events until the connection or the capture ends. */
  async #listenOn(connection: Connection, capture: Capture, broker: BrokerConnection): Promise<void> {
    const lost = broker.endOf(connection)
    await broker.answered(connection, OPEN_TIMEOUT_MS, () =>
      this.#listener.listen(connection, (event) => {
        this.#take(event, capture)
      }),
    )
    capture.ready = true
    capture.options.onReady?.()
    if (capture.options.wakeup ?? true) void this.#wakeup()
    await Promise.race([lost, capture.ended])
  }

  #take(event: ReceivedEvent, capture: Capture): void {
    const { options, over, onEvent } = capture
    if (over.signal.aborted) return
    capture.count += 1
    capture.heardMs = this.#parts.clock.monotonic()
    this.#listener.handle(event)
    onEvent(event)
    if (capture.count >= (options.limit ?? Infinity)) over.abort()
  }

  /** Without it the workers are heard of all the same, a little later. */
  async #wakeup(): Promise<void> {
    try {
      await this.#parts.wakeup()
    } catch (error) {
      this.#parts.logger.warning('The workers could not be asked to say that they are there', { error })
    }
  }

  /** Ends the capture when nothing came for so long. */
  async #watchSilence(capture: Capture): Promise<void> {
    const { timeout } = capture.options
    if (timeout === undefined) return
    const { clock } = this.#parts
    const { signal } = capture.over
    for (let leftMs = timeout * 1000; leftMs > 0; leftMs = capture.heardMs + timeout * 1000 - clock.monotonic()) {
      await pause(clock, leftMs, signal)
      if (signal.aborted) return
    }
    capture.error = new TimeoutError(`No event came for ${String(timeout)} s`)
    capture.over.abort()
  }
}
