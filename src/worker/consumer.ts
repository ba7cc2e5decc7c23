/**
 * The consumer: keeps a worker connected. Each connection gets the same parts in the same order: channel, queues,
 * remote control. When it is lost, what was reserved from it is forgotten (the broker hands it out again) and the next
 * one is made; tasks that run go on.
 */
import type { BrokerConnection } from '../messaging/connection.ts'
import { Consumer as QueueConsumer } from '../messaging/consumer.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { isOperational } from '../messaging/failure.ts'
import { declareQueue } from '../messaging/queue.ts'
import type { Queue } from '../messaging/queue.ts'
import type { Channel, Connection } from '../transport/transport.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'

/** What a consumer is made of. */
export interface ConsumerParts {
  /** Its own: it is closed with the consumer. */
  readonly broker: BrokerConnection
  readonly queues: readonly Queue[]
  /** At most so many messages in hand at first; 0 is no limit. */
  readonly prefetchCount: number
  /** Throw away what waits in the queues before the first message is taken. */
  readonly purge: boolean
  /** Try again when the first connection cannot be had. */
  readonly retryFirst: boolean
  readonly logger: Logger
  readonly clock: Clock
  readonly onMessages: (messages: readonly IncomingMessage[]) => void
  /** Start what else lives on a connection; answers how to stop it. */
  readonly attach: (connection: Connection) => Promise<() => Promise<void>>
  /** The connection is gone: messages in hand can no longer be acknowledged. */
  readonly onLost: () => void
}

/** What lives on one connection. */
interface Session {
  readonly channel: Channel
  readonly queues: QueueConsumer
  readonly detach: () => Promise<void>
}

/** Between two attempts to consume on a connection that stands: as long as between two attempts to connect. */
const WAIT: GrowingWait = { startMs: 2000, stepMs: 2000, maxMs: 30_000 }

/** Consumes queues for one worker, on one connection after the other. */
export class Consumer {
  readonly #parts: ConsumerParts
  readonly #stopping = new AbortController()
  #session: Session | undefined
  #running: Promise<void> | undefined
  #prefetchCount: number

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#prefetchCount = parts.prefetchCount
  }

  /** At most so many messages in hand from now on, on this connection and the next ones. */
  async setPrefetchCount(count: number): Promise<void> {
    this.#prefetchCount = count
    await this.#session?.queues.setPrefetchCount(count)
  }

  /** Connect and consume. Resolves when the first connection stands; `ended` tells of the end. */
  async start(): Promise<void> {
    const { broker, retryFirst, purge } = this.#parts
    const { signal } = this.#stopping
    const connection = await broker.ensure(retryFirst ? { signal } : { signal, maxRetries: 0 })
    if (purge) await this.#purge(connection)
    await this.#open(connection)
    this.#running = this.#keepConnected(connection)
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
    await this.#session?.queues.stop()
  }

  /** Leave the broker; what is unacknowledged goes back. May be called twice, and at any time. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const session = this.#session
    this.#session = undefined
    await this.#leave('remote control', session?.detach)
    await this.#leave('the channel', () => session?.channel.close())
    await this.#leave('the connection', () => this.#parts.broker.close())
    await this.#running?.catch(() => undefined)
  }

  /** On a connection that is lost, nothing can be closed in order; the rest is left all the same. */
  async #leave(what: string, close: (() => Promise<void> | undefined) | undefined): Promise<void> {
    try {
      await close?.()
    } catch (error) {
      this.#parts.logger.debug(`Closing ${what} failed`, { error })
    }
  }

  async #purge(connection: Connection): Promise<void> {
    const channel = await connection.openChannel()
    let count = 0
    for (const queue of this.#parts.queues) {
      await declareQueue(channel, queue)
      count += await channel.queuePurge(queue.name)
    }
    await channel.close()
    this.#parts.logger.info(`Purged ${String(count)} message${count === 1 ? '' : 's'} before the start`)
  }

  async #open(connection: Connection): Promise<void> {
    const { queues, logger, onMessages, attach } = this.#parts
    const channel = await connection.openChannel()
    try {
      const prefetchCount = this.#prefetchCount
      const consumer = new QueueConsumer({ channel, queues, prefetchCount, logger, onMessages })
      await consumer.start()
      this.#session = { channel, queues: consumer, detach: await attach(connection) }
      // What was asked meanwhile could not reach it yet.
      if (this.#prefetchCount !== prefetchCount) await consumer.setPrefetchCount(this.#prefetchCount)
      if (this.#stopping.signal.aborted) await consumer.stop()
    } catch (error) {
      await this.#leave('the channel', () => channel.close())
      throw error
    }
  }

  async #keepConnected(first: Connection): Promise<void> {
    const { logger, onLost } = this.#parts
    let connection: Connection | undefined = first
    while (connection !== undefined) {
      const error = await connection.closed
      if (this.#stopping.signal.aborted) return
      this.#session = undefined
      logger.error('The connection to the broker is lost; connecting again', { error })
      onLost()
      connection = await this.#reconnect()
    }
  }

  /** The next connection, consumed; undefined when there shall be none. Rejects when the broker cannot be had any more. */
  async #reconnect(): Promise<Connection | undefined> {
    const { logger, clock } = this.#parts
    for (let attempt = 0; ; attempt += 1) {
      const connection = await this.#nextConnection()
      if (connection === undefined) return undefined
      try {
        await this.#open(connection)
        return connection
      } catch (error) {
        if (!isOperational(error)) throw error
        logger.error('The queues cannot be consumed; trying again', { error })
        await pause(clock, waitBefore(attempt, WAIT), this.#stopping.signal)
      }
    }
  }

  async #nextConnection(): Promise<Connection | undefined> {
    const { signal } = this.#stopping
    try {
      return await this.#parts.broker.ensure({ signal })
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }
}
