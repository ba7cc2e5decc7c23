/**
 * The consumer: keeps a worker connected, in one of these states:
 *
 * 1. *connecting*: to the first broker that answers; again and again, as long as it may.
 * 2. *opening*: each connection gets the same parts in the same order: components, channel, queues, watchdog.
 * 3. *consuming*: until the connection is lost, or the watchdog finds it dead. What was reserved from it is forgotten
 *    then (the broker hands it out again), tasks that run go on, and it is connecting again.
 * 4. *stopped*.
 */
import { ConnectionError } from '../errors.ts'
import type { BrokerConnection, RetryNews } from '../messaging/connection.ts'
import { Consumer as QueueConsumer } from '../messaging/consumer.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { isChannelError, isOperational } from '../messaging/failure.ts'
import { declareQueue } from '../messaging/queue.ts'
import type { Queue } from '../messaging/queue.ts'
import type { Channel, Connection, TransportFeatures } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { within } from '../util/within.ts'
import { Watchdog } from './watchdog.ts'

/** What a consumer is made of. */
export interface ConsumerParts {
  /** Its own: it is closed with the consumer. */
  readonly broker: BrokerConnection
  readonly queues: readonly Queue[]
  /** At most so many messages in hand at first; 0 is no limit. */
  readonly prefetchCount: number
  /** How many messages may come at this moment, whatever is in hand; tell of more with `fetch`. Default any number. */
  readonly wanted?: (() => number) | undefined
  /** Throw away what waits in the queues before the first message is taken. */
  readonly purge: boolean
  /** Try again when the first connection cannot be had. */
  readonly retryFirst: boolean
  /** Connect again when the connection is lost. */
  readonly retryLost: boolean
  /** Try again when the broker refuses the queues at the start. */
  readonly retryRefused: boolean
  readonly logger: Logger
  readonly clock: Clock
  readonly onMessages: (messages: readonly IncomingMessage[]) => void
  /** Start what else lives on a connection, until it is over; answers how to stop it. */
  readonly attach: (connection: Connection, over: AbortSignal) => Promise<() => Promise<void>>
  /** Would a message that comes now be worked at once? */
  readonly hasRoom: () => boolean
  /** The connection is gone: messages in hand can no longer be acknowledged. */
  readonly onLost: () => void
}

/** What lives on one connection. */
interface Session {
  /** With the error, where it was lost. */
  readonly ended: Promise<Error | undefined>
  readonly channel: Channel
  readonly queues: QueueConsumer
  readonly watchdog: Watchdog
  /** What the queues were told. */
  readonly prefetchCount: number
  readonly detach: () => Promise<void>
}

/** Between two attempts to consume on a connection that stands: as long as between two attempts to connect. */
const WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }
/** A connection on which consuming has not begun by then is dead, in milliseconds. */
const OPEN_TIMEOUT_MS = 30_000
/** A connection that is lost so soon, so often in a row, is no reason to hurry to the next one. */
const HASTY_MS = 1000
const MAX_HASTY = 5
/** Nobody waits longer for the orderly end of something on a connection, in milliseconds. */
const LEAVE_TIMEOUT_MS = 5000

const PUSHES =
  'This broker pushes messages, so workerDisablePrefetch has no effect; with workerPrefetchMultiplier 1 a worker takes few'

/** Consumes queues for one worker, on one connection after the other. */
export class Consumer {
  readonly #parts: ConsumerParts
  readonly #stopping = new AbortController()
  #session: Session | undefined
  #running: Promise<void> | undefined
  #prefetchCount: number
  /** Those to be consumed, on this connection and the next ones, by name. */
  readonly #queues: Map<string, Queue>

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#queues = new Map(parts.queues.map((queue) => [queue.name, queue]))
    this.#prefetchCount = parts.prefetchCount
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** What the broker of now can do; undefined while there is no connection. */
  get features(): TransportFeatures | undefined {
    return this.#parts.broker.current?.features
  }

  /** The queues that are consumed, or will be once there is a connection. */
  get queues(): readonly Queue[] {
    return [...this.#queues.values()]
  }

  /**
   * Consume one more queue, on this connection and the next ones. Nothing happens where it is consumed already. Rejects
   * with what the broker refuses it with; then it is not consumed.
   */
  async addQueue(queue: Queue): Promise<void> {
    if (this.#queues.has(queue.name)) return
    this.#queues.set(queue.name, queue)
    try {
      await this.#session?.queues.addQueue(queue)
    } catch (error) {
      // Where the connection is lost on the way, the next one begins with it.
      if (isOperational(error) && !isChannelError(error)) return
      this.#queues.delete(queue.name)
      throw error
    }
  }

  /** Stop consuming a queue, on this connection and the next ones. */
  async cancelQueue(name: string): Promise<void> {
    this.#queues.delete(name)
    try {
      await this.#session?.queues.cancelQueue(name)
    } catch (error) {
      if (!isOperational(error)) throw error
    }
  }

  /** At most so many messages in hand from now on, on this connection and the next ones. */
  async setPrefetchCount(count: number): Promise<void> {
    this.#prefetchCount = count
    try {
      await this.#session?.queues.setPrefetchCount(count)
    } catch (error) {
      // Lost on the way: the next connection begins with it.
      if (!isOperational(error)) throw error
    }
  }

  /** More messages are wanted than before. */
  fetch(): void {
    void this.#leave('the window', () => this.#session?.queues.setPrefetchCount(this.#prefetchCount))
  }

  /** Connect and consume. Resolves when the first connection stands; `ended` tells of the end. */
  async start(): Promise<void> {
    const { retryFirst, retryRefused, purge } = this.#parts
    const retries = (error: unknown): boolean => retryFirst && (retryRefused || !isChannelError(error))
    const first = await this.#connect(retries, purge)
    this.#running = this.#keepConnected(first)
    // Whoever asks `ended` is told; nobody has to.
    this.#running.catch(() => undefined)
  }

  /** Resolves when the consumer has stopped; rejects when the broker cannot be had any more. */
  async ended(): Promise<void> {
    await this.#running
  }

  /** Take no further messages. Those in hand can still be acknowledged. May be called twice. */
  async stopConsuming(): Promise<void> {
    this.#stopping.abort()
    await this.#inTime(this.#session?.queues.stop())
  }

  /** Leave the broker; what is unacknowledged goes back. May be called twice, and at any time. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const session = this.#session
    this.#session = undefined
    session?.watchdog.stop()
    await this.#leave('the components', session?.detach)
    await this.#leave('the channel', () => session?.channel.close())
    await this.#leave('the connection', () => this.#parts.broker.close())
    await this.#running?.catch(() => undefined)
  }

  /** On a connection that is lost, nothing can be closed in order; the rest is left all the same. */
  async #leave(what: string, close: (() => Promise<unknown> | undefined) | undefined): Promise<void> {
    try {
      await this.#inTime(close?.())
    } catch (error) {
      this.#parts.logger.debug(`Closing ${what} failed`, { error })
    }
  }

  async #inTime(leaving: Promise<unknown> | undefined): Promise<void> {
    if (leaving === undefined) return
    await within(this.#parts.clock, LEAVE_TIMEOUT_MS, leaving, () => new ConnectionError('The broker does not answer'))
  }

  async #purge(connection: Connection): Promise<void> {
    const channel = await connection.openChannel()
    let count = 0
    for (const queue of this.queues) {
      await declareQueue(channel, queue)
      count += await channel.queuePurge(queue.name)
    }
    await channel.close()
    this.#parts.logger.info(`Purged ${String(count)} message${count === 1 ? '' : 's'} before the start`)
  }

  /** Connect and open until it has worked once. Rejects with what is not to be tried again. */
  async #connect(retries: (error: unknown) => boolean, purge: boolean): Promise<Session> {
    const { broker, logger, clock } = this.#parts
    const { signal } = this.#stopping
    for (let attempt = 0; ; attempt += 1) {
      const connection = await this.#ensure(retries)
      try {
        const session = await broker.answered(connection, OPEN_TIMEOUT_MS, () => this.#open(connection, purge))
        this.#begin(session)
        return session
      } catch (error) {
        if (!isOperational(error) || !retries(error) || this.#stopped) throw error
        logger.error(`The queues cannot be consumed; trying again: ${error.message}`, { error })
        await pause(clock, waitBefore(attempt, WAIT), signal)
      }
    }
  }

  /** An open connection. Where connecting is not to be tried again, an error of the first round is the end. */
  async #ensure(retries: (error: unknown) => boolean): Promise<Connection> {
    const { broker, logger } = this.#parts
    const { signal } = this.#stopping
    const onRetry = ({ error, delayMs, retry, maxRetries }: RetryNews): void => {
      const wait = `Trying again in ${(delayMs / 1000).toFixed(2)} seconds`
      logger.error(`consumer: ${error.message}. ${wait}... (${String(retry)}/${String(maxRetries ?? 'no limit')})`)
    }
    const mayRetry = retries(new ConnectionError('not there'))
    return broker.ensure({ signal, onRetry, ...(mayRetry ? {} : { maxRetries: 0 }) })
  }

  /** Put the parts of a session together. Nothing of it is known to others yet, for it may come too late. */
  async #open(connection: Connection, purge: boolean): Promise<Session> {
    const { logger, clock, hasRoom, wanted, onMessages, onLost, broker } = this.#parts
    if (wanted !== undefined && !connection.features.fetches) logger.warning(PUSHES)
    const ended = broker.endOf(connection)
    if (purge) await this.#purge(connection)
    const over = new AbortController()
    void ended.then(() => {
      over.abort()
    })
    const detach = await this.#parts.attach(connection, over.signal)
    const channel = await connection.openChannel()
    const prefetchCount = this.#prefetchCount
    const watchdog = new Watchdog({
      channel,
      clock,
      hasRoom,
      queues: () => consumer.queues.map(({ name }) => name),
      onDead: (error) => {
        broker.discard(connection, error)
      },
    })
    const consumer = new QueueConsumer({
      channel,
      queues: this.queues,
      prefetchCount,
      wanted,
      logger,
      onMessages: (messages) => {
        watchdog.heard()
        onMessages(messages)
      },
    })
    try {
      await consumer.start()
      return { ended, channel, queues: consumer, watchdog, prefetchCount, detach }
    } catch (error) {
      await this.#leave('the components', detach)
      await this.#leave('the channel', () => channel.close())
      onLost()
      throw error
    }
  }

  /** From now on it is the session. What was asked while it was opened could not reach it. */
  #begin(session: Session): void {
    this.#session = session
    session.watchdog.start()
    const count = this.#prefetchCount
    if (count !== session.prefetchCount) void this.#leave('the window', () => session.queues.setPrefetchCount(count))
    for (const queue of this.queues) void this.#leave('a queue', () => session.queues.addQueue(queue))
    for (const { name } of session.queues.queues) {
      if (!this.#queues.has(name)) void this.#leave('a queue', () => session.queues.cancelQueue(name))
    }
    if (this.#stopped) void this.#leave('the queues', () => session.queues.stop())
  }

  async #keepConnected(first: Session): Promise<void> {
    const { logger, clock, onLost, retryLost } = this.#parts
    const { signal } = this.#stopping
    let session = first
    for (let hasty = 0; ;) {
      const sinceMs = clock.monotonic()
      const error = await session.ended
      session.watchdog.stop()
      if (signal.aborted) return
      this.#session = undefined
      logger.error('consumer: Connection to broker lost. Trying to re-establish the connection...', { error })
      onLost()
      if (!retryLost) throw error ?? new ConnectionError('The broker has closed the connection')
      hasty = clock.monotonic() - sinceMs < HASTY_MS ? hasty + 1 : 0
      if (hasty > MAX_HASTY) await pause(clock, waitBefore(hasty - MAX_HASTY, WAIT), signal)
      try {
        session = await this.#connect(() => true, false)
      } catch (failure) {
        if (this.#stopped) return
        throw failure
      }
    }
  }
}
