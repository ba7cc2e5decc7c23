/**
 * SEAM Transport → Connection → Channel: AMQP's verbs, in batches. An AMQP driver implements them directly; stores
 * without exchanges implement `virtual/store.ts` and get a channel from `virtual/channel.ts`. Every implementation
 * passes `test/suites/transport.test.ts`.
 */
import type { Message } from '../protocol/message.ts'
import type { Logger } from '../util/logger.ts'
import type { Clock } from '../util/clock.ts'
import type { SqliteRegistry } from '../driver/sqlite.ts'

/** What a transport can do. Nothing above this layer compares URL schemes; it asks these. */
export interface TransportFeatures {
  /** A publication with `dueMs` lies in the broker until then; otherwise the worker that receives it holds it. */
  readonly delayed: boolean
  /** Messages published to a fanout exchange reach every bound queue, so that remote control works. */
  readonly fanout: boolean
  /** Which of two messages is delivered first: AMQP's way is `highest-first`, kombu's Redis way `lowest-first`. */
  readonly priority: 'highest-first' | 'lowest-first' | 'none'
  /** Other processes can reach the same queues. */
  readonly shared: boolean
  /** The type of the exchange of events: kombu's Redis has fanout exchanges that look at routing keys, and takes those. */
  readonly events: 'topic' | 'fanout'
  /** What need not outlive the broker (delivery mode 1) is not written to a disk. */
  readonly transient: boolean
  /** Messages are fetched, as many at a time as `basicQos` is told is wanted; otherwise the broker pushes them. */
  readonly fetches: boolean
  /** A publication with `once` is left out where one with the same key and no smaller number came before. */
  readonly once: boolean
}

/** What the settings say of the broker's connection, for transports that know such a thing. */
export interface BrokerSettings {
  /** `brokerUseSsl`: true, or a table of options. */
  readonly useSsl?: boolean | Readonly<Record<string, unknown>>
  /** `brokerLoginMethod`. */
  readonly loginMethod?: string | null
  /** `brokerHeartbeat`, in seconds; null is none. */
  readonly heartbeat?: number | null
  /** `brokerNativeDelayedDeliveryQueueType`. */
  readonly delayedQueueType?: 'quorum' | 'classic'
}

/** What every transport may be given besides its URL. */
export interface TransportContext {
  readonly logger: Logger
  readonly clock: Clock
  /** The open SQLite files of this app, so that broker and backend share one connection and its transactions. */
  readonly sqlite: SqliteRegistry
  /** Weaker than what the URL and the transport's options say. */
  readonly settings?: BrokerSettings
}

/** Options that belong to one transport (`brokerTransportOptions`), checked by the transport itself. */
export type TransportOptions = Readonly<Record<string, unknown>>

export interface Transport {
  /** The transport's name in banners and reports, such as `sqlite`. */
  readonly name: string
  /** Open a connection. Throws `ConnectionError` when it cannot be had, `ImproperlyConfigured` for a wrong URL or option. */
  connect(url: string, options: TransportOptions, context: TransportContext): Promise<Connection>
}

export interface Connection {
  readonly features: TransportFeatures
  /** Resolves when the connection is over: with the error that ended it, or undefined after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>
  openChannel(): Promise<Channel>
  /** Closes all channels. May be called twice. What is unacknowledged goes back to its queues. */
  close(): Promise<void>
}

export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'

export interface ExchangeDeclaration {
  readonly name: string
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface QueueDeclaration {
  readonly name: string
  readonly durable: boolean
  /** Only this connection uses the queue; it goes with the connection. */
  readonly exclusive: boolean
  /** The queue goes with its last consumer. */
  readonly autoDelete: boolean
  /** AMQP's `x-` arguments: `x-expires` and `x-message-ttl` in milliseconds, `x-max-priority` ... */
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface QueueStatus {
  readonly name: string
  /** Messages that wait, without those that are unacknowledged. */
  readonly messages: number
  readonly consumers: number
}

export interface Binding {
  readonly exchange: string
  readonly queue: string
  readonly routingKey: string
  /** What a headers exchange looks at; brokers without such exchanges need not keep it. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/**
 * Of the messages with one key each number is published once, and numbers only grow: what comes with one that is not
 * greater is left out, and nobody is told. The key is remembered in the same step in which the message is stored.
 */
export interface Once {
  readonly key: string
  readonly number: number
  /** For how long the key must be remembered, in milliseconds; after that it may be forgotten. Default for ever. */
  readonly forMs?: number
}

/** A message on its way out. */
export interface Publication {
  /** The empty string is the default exchange, where the routing key is the queue's name. */
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
  /** Unix time in milliseconds before which it is not delivered. Only where `features.delayed`; ignored elsewhere. */
  readonly dueMs?: number
  /** Fail with `ChannelError` when no queue takes it. */
  readonly mandatory?: boolean
  /** Only where `features.once`; ignored elsewhere. */
  readonly once?: Once
}

/** Names one delivery on its channel. */
export type DeliveryTag = number

/** A message on its way in. */
export interface Delivery {
  readonly deliveryTag: DeliveryTag
  readonly exchange: string
  readonly routingKey: string
  /** The queue that it was taken from. */
  readonly queue: string
  /** It was delivered before and not acknowledged. */
  readonly redelivered: boolean
  readonly message: Message
}

export interface ConsumeOptions {
  /** Deliveries need no acknowledgement. Default false. */
  readonly noAck?: boolean
  readonly exclusive?: boolean
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface RejectOptions {
  /**
   * False: nobody looked at the messages, so they come again as if for the first time, where the broker lets us choose
   * (AMQP does not). Default true.
   */
  readonly redelivered?: boolean
  /**
   * Given back, to come again at this Unix time in milliseconds, as if for the first time. Only where
   * `features.delayed`; ignored elsewhere.
   */
  readonly dueMs?: number
}

/** Takes the messages of one round trip. Must not throw. */
export type OnDeliveries = (deliveries: readonly Delivery[]) => void

/** When something is not to be deleted after all: the verb then rejects with `ChannelError`. */
export interface DeleteOptions {
  /** Only without consumers (a queue) or bindings (an exchange). Where a broker cannot tell, the verb rejects. */
  readonly ifUnused?: boolean
  /** Only a queue in which nothing waits. */
  readonly ifEmpty?: boolean
}

/** All verbs reject with `ChannelError` or `ConnectionError`; after `close()` they reject with `ChannelError`. */
export interface Channel {
  exchangeDeclare(exchange: ExchangeDeclaration): Promise<void>
  exchangeDelete(name: string, options?: Pick<DeleteOptions, 'ifUnused'>): Promise<void>
  /** Declaring again is harmless. */
  queueDeclare(queue: QueueDeclaration): Promise<QueueStatus>
  /** Remove all that waits; what is unacknowledged stays. Answers how many were removed. */
  queuePurge(name: string): Promise<number>
  /**
   * How many messages wait, due or not, without those that are unacknowledged. Changes nothing, and costs the broker next
   * to nothing; undefined where there is nothing between us and the messages that could be lost.
   */
  queueSize?(name: string): Promise<number>
  /**
   * Hand out what waits for its time in this queue (`dueMs`) as if that had come: for who takes messages elsewhere. Who
   * works them sees by their own `eta` that it is too early. Undefined where the broker keeps them in other places.
   */
  queueRipen?(name: string): Promise<void>
  /** Answers how many messages went with it. */
  queueDelete(name: string, options?: DeleteOptions): Promise<number>
  queueBind(binding: Binding): Promise<void>
  queueUnbind(binding: Binding): Promise<void>
  /** All bindings that this broker knows, for `celeriac list bindings`; undefined where it cannot tell. */
  listBindings?(): Promise<readonly Binding[]>
  /** Publish all in one go. Resolves once the broker has them: all or, when it rejects, possibly none. */
  basicPublish(publications: readonly Publication[]): Promise<void>
  /**
   * Publish one message to a fanout exchange. Answers how many queues it has reached, so that who waits for answers knows
   * how many there may be; undefined where it was more than none and the broker does not count.
   */
  broadcast(publication: Publication): Promise<number | undefined>
  /**
   * At most so many unacknowledged deliveries on this channel from now on; 0 is no limit. Where `features.fetches`, `wanted`
   * is asked before each fetch how many messages may come, whatever is unacknowledged; when it answers more than before,
   * call again.
   */
  basicQos(prefetchCount: number, wanted?: () => number): Promise<void>
  /** Answers the consumer's tag. Deliveries come in batches, never more than the prefetch count allows. */
  basicConsume(queue: string, onDeliveries: OnDeliveries, options?: ConsumeOptions): Promise<string>
  /** Resolves when no further delivery will come. What was delivered stays unacknowledged. May be called twice. */
  basicCancel(consumerTag: string): Promise<void>
  /** Take up to `max` messages now; an empty list where the queue is. */
  basicGet(queue: string, max: number, options?: { readonly noAck?: boolean }): Promise<readonly Delivery[]>
  /**
   * Acknowledge: the messages are done for. Resolves when the broker knows. Unknown tags are ignored, for a lease may
   * have been lost. Calls of one turn of the event loop may share one round trip and one promise.
   */
  basicAck(deliveryTags: readonly DeliveryTag[]): Promise<void>
  /** Give back (`requeue`) or throw away. A message that is given back keeps its place in the queue where possible. */
  basicReject(deliveryTags: readonly DeliveryTag[], requeue: boolean, options?: RejectOptions): Promise<void>
  /** Gives back what is unacknowledged. May be called twice. */
  close(): Promise<void>
}
