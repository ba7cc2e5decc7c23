/**
 * SEAM QueueStore: what a broker without exchanges must offer to become a transport. `channel.ts` adds AMQP's verbs on
 * top: exchanges, prefetch, consumers, acknowledgement. All verbs take and give batches, one round trip each.
 */
import type { Message } from '../../protocol/message.ts'
import type { Binding, ExchangeDeclaration, Once, QueueDeclaration, TransportFeatures } from '../transport.ts'

/** A message on its way into one queue. */
export interface QueueEntry {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
  /** Unix time in milliseconds before which it is not given out. */
  readonly dueMs?: number | undefined
  /**
   * Only where `features.once`. Entries that share the object belong to one publication: all of them are stored, or none.
   */
  readonly once?: Once | undefined
}

/** A message that the store gave out. `handle` is the store's own name for it. */
export interface StoredMessage {
  readonly handle: unknown
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly message: Message
}

/** How messages go back. */
export interface ReleaseOptions {
  /** They were looked at: they come again marked. */
  readonly redelivered: boolean
  /**
   * Unix time in milliseconds before which they are not given out; the mark may be lost meanwhile. Only where
   * `features.delayed`; ignored elsewhere. A time in the past, or none, is at once.
   */
  readonly dueMs?: number
}

export interface QueueStore {
  readonly features: TransportFeatures
  /** Resolves when the store is lost (with the error) or closed (undefined). Never rejects. */
  readonly closed: Promise<Error | undefined>

  declareExchange(exchange: ExchangeDeclaration): Promise<void>
  deleteExchange(name: string): Promise<void>
  /** The declared exchange, if any process declared it. */
  getExchange(name: string): Promise<ExchangeDeclaration | undefined>
  declareQueue(queue: QueueDeclaration): Promise<void>
  /** Also removes its bindings. Answers how many messages went with it. */
  deleteQueue(name: string): Promise<number>
  bind(binding: Binding): Promise<void>
  unbind(binding: Binding): Promise<void>
  /** Bindings of one exchange, or of all. */
  bindings(exchange?: string): Promise<readonly Binding[]>

  /** Store all or none, but for those that `once` leaves out. Publishing to a queue that was never declared creates it, as kombu's virtual transports do. */
  putMany(entries: readonly QueueEntry[]): Promise<void>
  /**
   * Tell all who listen to the entry's fanout exchange. Answers how many got it; undefined where that is not known. Only
   * for stores that do not keep such messages in queues; of the others the bound queues are counted.
   */
  tell?(entry: QueueEntry): Promise<number | undefined>
  /**
   * Is this known to be such an exchange? Then a message needs no look-up of who is bound, unless it is mandatory: its one
   * entry names no queue.
   */
  tells?(exchange: string): boolean
  /**
   * Take up to `max` due messages, the most urgent first, from any of `queues`, and note them as given out to this
   * process in the same step. With `noAck` they are gone at once. Does not wait.
   */
  getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<readonly StoredMessage[]>
  /**
   * Resolves when `getMany` may find something (at once where it may already) or when `signal` aborts; never rejects.
   * Costs nothing while idle.
   */
  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void>
  /** This connection has a first consumer on the queue: from now on the queue is in use. */
  startConsuming(queue: string): Promise<void>
  /**
   * The last consumer of this connection on the queue is gone. Deletes the queue where it is declared auto-delete and
   * no other connection consumes it.
   */
  stopConsuming(queue: string): Promise<void>
  /** Forget messages that were given out. Handles that are no longer held are ignored. */
  ackMany(messages: readonly StoredMessage[]): Promise<void>
  /** Make given-out messages available again, in their old place where they are not put off. */
  releaseMany(messages: readonly StoredMessage[], options: ReleaseOptions): Promise<void>

  /** How many wait, due or not, without those given out. */
  size(queue: string): Promise<number>
  /** Make due what waits for its time in this queue. */
  ripen(queue: string): Promise<void>
  /** Remove all that waits. Answers how many. */
  purge(queue: string): Promise<number>
  /** Gives back all that this connection holds, and consumes no more. May be called twice. */
  close(): Promise<void>
}
