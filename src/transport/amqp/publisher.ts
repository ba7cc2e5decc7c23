/**
 * Publishes for one channel: waits while the broker takes nothing, and until it has confirmed all of a batch. It has an
 * AMQP channel of its own, for a publication to an exchange that is not there closes it.
 */
import type { AmqpConnection, AmqpPublication } from '../../driver/amqp.ts'
import { ChannelError } from '../../errors.ts'
import type { Publication } from '../transport.ts'
import type { DelayedDelivery } from './delayed.ts'
import { toContent, toProperties } from './messages.ts'
import { ReopeningChannel } from './reopening.ts'

export class Publisher {
  readonly #connection: AmqpConnection
  readonly #delayed: DelayedDelivery
  readonly #channel: ReopeningChannel

  constructor(connection: AmqpConnection, delayed: DelayedDelivery) {
    this.#connection = connection
    this.#delayed = delayed
    this.#channel = new ReopeningChannel(() => connection.openChannel({ confirms: true }))
  }

  /**
   * Resolves when the broker has all of them. Rejects with `ChannelError` where one is `mandatory` and no queue takes it,
   * or where an exchange or, for a delayed one, a queue is not there.
   */
  async publish(publications: readonly Publication[]): Promise<void> {
    if (publications.length === 0) return
    const returned = await this.#send(publications)
    if (returned !== undefined) throw unroutable(returned)
  }

  /** Publish one. Resolves when the broker has it: did any queue take it? */
  async reaches(publication: Publication): Promise<boolean> {
    return (await this.#send([{ ...publication, mandatory: true }])) === undefined
  }

  /** May be called twice. */
  close(): Promise<void> {
    return this.#channel.close()
  }

  /** Answers the first of the mandatory ones that no queue took. */
  async #send(publications: readonly Publication[]): Promise<AmqpPublication | undefined> {
    const addressed = await this.#delayed.delay(publications)
    // What is not sent yet can still be given up by who waits for it.
    await this.#connection.blocked
    const channel = await this.#channel.get()
    const [returned] = await channel.basicPublish(addressed.map(write))
    return returned
  }
}

function write({ exchange, routingKey, message, mandatory }: Publication): AmqpPublication {
  const properties = toProperties(message)
  const options = mandatory === true ? { ...properties, mandatory } : properties
  return { exchange, routingKey, content: toContent(message.body), options }
}

function unroutable({ exchange, routingKey }: AmqpPublication): ChannelError {
  return new ChannelError(
    exchange === ''
      ? `There is no queue "${routingKey}", so the message was returned: declare it first`
      : `No queue takes what is sent to the exchange "${exchange}" with the routing key "${routingKey}", so the ` +
          `message was returned: bind one to it first`,
  )
}
