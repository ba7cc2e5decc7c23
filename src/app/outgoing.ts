/** Outgoing: the open connection on which an app publishes, and what sends calls on it. */
import type { BrokerConnection } from '../messaging/connection.ts'
import { isOperational } from '../messaging/failure.ts'
import { Producer } from '../messaging/producer.ts'
import type { Queues } from './queues.ts'
import { Router } from './routes.ts'
import { Sender } from './send.ts'
import type { SenderParts } from './send.ts'

/** What is needed to publish. */
export interface OutgoingParts extends Omit<SenderParts, 'producer' | 'router'> {
  /** Its own: it is closed with this. */
  readonly connection: BrokerConnection
  readonly queues: Queues
}

/** A way out, from its opening to its end. */
export class Outgoing {
  readonly connection: BrokerConnection
  readonly sender: Sender
  readonly #producer: Producer

  /** Connects when it first publishes. */
  constructor(parts: OutgoingParts) {
    const { connection, queues, ...rest } = parts
    const { settings, clock } = rest
    this.connection = connection
    this.#producer = new Producer({ connection, clock, retryPolicy: settings.taskPublishRetryPolicy })
    this.sender = new Sender({ ...rest, producer: this.#producer, router: new Router(settings, queues) })
  }

  /** Publishes what is on its way, then closes the connection. */
  async close(): Promise<void> {
    await this.sender.idle()
    try {
      await this.#producer.close()
    } catch (error) {
      // Its channel went with a lost connection. Whoever published was told.
      if (!isOperational(error)) throw error
    } finally {
      await this.connection.close()
    }
  }
}
