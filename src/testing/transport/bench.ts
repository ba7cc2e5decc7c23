/** What the parts of the transport suite share: connections of one test, short verbs, and small builders. */
import type { Message } from '../../protocol/message.ts'
import { CeleryError } from '../../errors.ts'
import type { Channel, Connection, Publication, QueueDeclaration } from '../../transport/transport.ts'
import { until } from '../suite.ts'

/** A broker with nothing in it, made for one test. */
export interface BrokerUnderTest {
  /** A new connection to the broker. The suite closes it. */
  connect(): Promise<Connection>
  /** Called after the test, when all connections are closed. */
  remove(): Promise<void>
  /** Delays are rounded up to a multiple of so many milliseconds. Default: any delay will do. */
  readonly delayStepMs?: number
  /** What is not due lies elsewhere: it is neither counted nor purged with its queue. Default false. */
  readonly delaysElsewhere?: boolean
}

/** Declares one test with a bench of its own. */
export type Test = (name: string, body: (bench: Bench) => Promise<void>) => void

/** The connections of one test, and short verbs. */
export class Bench {
  readonly #broker: BrokerUnderTest
  readonly #connections: Connection[] = []

  /** Two delays that differ by so many milliseconds are told apart. */
  readonly delayStepMs: number
  readonly delaysElsewhere: boolean

  constructor(broker: BrokerUnderTest) {
    this.#broker = broker
    this.delayStepMs = broker.delayStepMs ?? 120
    this.delaysElsewhere = broker.delaysElsewhere ?? false
  }

  async connect(): Promise<Connection> {
    const connection = await this.#broker.connect()
    this.#connections.push(connection)
    return connection
  }

  /** A channel on a connection of its own. */
  async channel(): Promise<Channel> {
    return (await this.connect()).openChannel()
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
  }
}

/** A message with nothing but a body. */
export function message(body: Message['body'], properties: Message['properties'] = {}): Message {
  return {
    body,
    contentType: typeof body === 'string' ? 'application/json' : 'application/data',
    contentEncoding: typeof body === 'string' ? 'utf-8' : 'binary',
    headers: {},
    properties,
  }
}

/** A publication to one queue. */
export function to(queue: string, body: Message['body'], more: Partial<Publication> = {}): Publication {
  return { exchange: '', routingKey: queue, message: message(body), ...more }
}

/** A publication to an exchange. */
export function via(exchange: string, routingKey: string, body: string, more: Partial<Publication> = {}): Publication {
  return { exchange, routingKey, message: message(body), ...more }
}

/** A durable queue. */
export function queue(name: string, more: Partial<QueueDeclaration> = {}): QueueDeclaration {
  return { name, durable: true, exclusive: false, autoDelete: false, ...more }
}

/** Declare a durable exchange. */
export async function declareExchange(
  channel: Channel,
  name: string,
  type: 'direct' | 'topic' | 'fanout',
): Promise<void> {
  await channel.exchangeDeclare({ name, type, durable: true, autoDelete: false })
}

/** `0`, `1`, `2` ... */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index))
}

/** Take what waits, once so many wait; nothing else must come. */
export async function drain(channel: Channel, name: string, count: number): Promise<unknown[]> {
  const bodies: unknown[] = []
  await until(`${String(count)} messages are in ${name}`, async () => {
    const deliveries = await channel.basicGet(name, 1000, { noAck: true })
    bodies.push(...deliveries.map((delivery) => delivery.message.body))
    return bodies.length >= count
  })
  const rest = await channel.basicGet(name, 1000, { noAck: true })
  return [...bodies, ...rest.map((delivery) => delivery.message.body)]
}

/** How many messages wait in the queue. */
export async function count(channel: Channel, name: string): Promise<number> {
  return (await channel.queueDeclare(queue(name))).messages
}

/** For `assert.rejects`: an error of ours with this code. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => CeleryError.isCeleryError(error) && error.code === code
}
