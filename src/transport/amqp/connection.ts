/** Connection over AMQP: opens channels, and ends them together with the connection. */
import type { AmqpConnection } from '../../driver/amqp.ts'
import { pause } from '../../util/backoff.ts'
import { deferred } from '../../util/deferred.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Channel, Connection, TransportFeatures } from '../transport.ts'
import { AmqpTransportChannel } from './channel.ts'
import type { Declared } from './channel.ts'
import { DelayedDelivery } from './delayed.ts'
import type { DelayedQueueType } from './options.ts'

/** So long channels may take to be closed in order. */
const CLOSE_TIMEOUT_MS = 2000
const FEATURES: TransportFeatures = {
  delayed: true,
  fanout: true,
  priority: 'highest-first',
  shared: true,
  events: 'topic',
  transient: true,
  fetches: false,
  once: false,
}

/** What a connection is made of. */
export interface ConnectionParts {
  /** It belongs to this connection from now on and is closed with it. */
  readonly connection: AmqpConnection
  readonly logger: Logger
  readonly clock: Clock
  readonly delayedQueueType: DelayedQueueType
}

export class AmqpTransportConnection implements Connection {
  readonly features: TransportFeatures = FEATURES
  readonly closed: Promise<Error | undefined>
  readonly #parts: ConnectionParts
  readonly #delayed: DelayedDelivery
  readonly #declared: Declared = { wideExchanges: new Set(), quorumQueues: new Set() }
  readonly #channels = new Set<AmqpTransportChannel>()
  readonly #ended = deferred<Error | undefined>()
  #closing: Promise<void> | undefined
  /** Why it was lost, where it was. */
  #loss: Error | undefined

  constructor(parts: ConnectionParts) {
    const { connection, clock, logger, delayedQueueType } = parts
    this.#parts = parts
    this.#delayed = new DelayedDelivery({ connection, clock, queueType: delayedQueueType })
    this.closed = this.#ended.promise
    void connection.closed.then((error) => {
      if (error !== undefined) this.#fail(error)
    })
    connection.onBlocked((reason) => {
      if (reason === undefined) logger.info('RabbitMQ takes messages again')
      else logger.warning(`RabbitMQ takes no messages until it has recovered (${reason}): publications wait`)
    })
  }

  async openChannel(): Promise<Channel> {
    const { connection, logger } = this.#parts
    const channel = new AmqpTransportChannel({
      connection,
      delayed: this.#delayed,
      declared: this.#declared,
      logger,
      onFailure: (error) => {
        this.#fail(error)
      },
      onClose: () => {
        this.#channels.delete(channel)
      },
    })
    if (this.#closing !== undefined) channel.abort(this.#loss)
    else this.#channels.add(channel)
    return channel
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { connection, clock } = this.#parts
    const over = new AbortController()
    try {
      const closing = Promise.all([...this.#channels].map((channel) => channel.close()))
      // A broker that takes no messages does not hear that channels are to be closed either.
      if (connection.blocked === undefined) await Promise.race([closing, pause(clock, CLOSE_TIMEOUT_MS, over.signal)])
    } finally {
      over.abort()
      await connection.close()
      this.#ended.resolve(undefined)
    }
  }

  /** It is lost, or a consumer on it cannot go on: tell everybody. What is unacknowledged the broker gives to others. */
  #fail(reason: Error): void {
    if (this.#closing !== undefined) return
    this.#loss = reason
    for (const channel of this.#channels) channel.abort(reason)
    this.#channels.clear()
    this.#closing = this.#parts.connection.close()
    this.#ended.resolve(reason)
  }
}
