/**
 * The consumer: keeps a worker connected. Each connection gets the same parts in the same order: channel, queues,
 * remote control. When it is lost, what was reserved from it is forgotten (the broker hands it out again) and the next
 * one is made; tasks that run go on.
 */
import type { BrokerConnection } from '../messaging/connection.ts'
import { Consumer as QueueConsumer } from '../messaging/consumer.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import type { Queue } from '../messaging/queue.ts'
import type { Channel, Connection } from '../transport/transport.ts'
import type { Logger } from '../util/logger.ts'

export interface ConsumerParts {
  readonly broker: BrokerConnection
  readonly queues: readonly Queue[]
  /** At most so many messages in hand at first; 0 is no limit. */
  readonly prefetchCount: number
  readonly logger: Logger
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

export class Consumer {
  readonly #parts: ConsumerParts
  #session: Session | undefined
  #running: Promise<void> | undefined
  #stopping = false
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
    const connection = await this.#parts.broker.ensure()
    this.#session = await this.#open(connection)
    this.#running = this.#keepConnected(connection)
  }

  /** Resolves when the consumer has stopped; rejects when the broker cannot be had any more. */
  async ended(): Promise<void> {
    await this.#running
  }

  /** Take no further messages. Those in hand can still be acknowledged. */
  async stopConsuming(): Promise<void> {
    this.#stopping = true
    await this.#session?.queues.stop()
  }

  /** Leave the broker; what is unacknowledged goes back. */
  async stop(): Promise<void> {
    this.#stopping = true
    const session = this.#session
    this.#session = undefined
    await session?.detach()
    await session?.channel.close()
    await this.#parts.broker.close()
    await this.#running
  }

  async #open(connection: Connection): Promise<Session> {
    const { queues, logger, onMessages, attach } = this.#parts
    const prefetchCount = this.#prefetchCount
    const channel = await connection.openChannel()
    const consumer = new QueueConsumer({ channel, queues, prefetchCount, logger, onMessages })
    await consumer.start()
    return { channel, queues: consumer, detach: await attach(connection) }
  }

  async #keepConnected(first: Connection): Promise<void> {
    const { broker, logger, onLost } = this.#parts
    for (let connection = first; ;) {
      const error = await connection.closed
      if (this.#stopping) return
      logger.error('The connection to the broker is lost; connecting again', { error })
      onLost()
      connection = await broker.ensure()
      this.#session = await this.#open(connection)
    }
  }
}
