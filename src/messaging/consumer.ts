/**
 * Consumes queues on one channel and hands over the messages of each round trip together. What a message means, and when
 * it is acknowledged, is the caller's matter.
 */
import type { Message } from '../protocol/message.ts'
import type { Channel, Delivery, OnDeliveries, RejectOptions } from '../transport/transport.ts'
import type { Logger } from '../util/logger.ts'
import { declareQueue } from './queue.ts'
import type { Queue } from './queue.ts'

/** Where a message came from, under the wire's names. */
export interface DeliveryInfo {
  readonly exchange: string
  readonly routing_key: string
  readonly priority: number | null
  readonly redelivered: boolean
}

/** What was said of a message. It is said once; what follows has no effect. */
export type MessageState = 'unacked' | 'acked' | 'rejected'

/** The channel that a message came on, as far as a message needs it. */
interface Acknowledger {
  ack(message: IncomingMessage): Promise<void>
  reject(message: IncomingMessage, requeue: boolean, options?: RejectOptions): Promise<void>
  /** Something was said a second time. */
  repeated(message: IncomingMessage, verb: string): Promise<void>
}

/** A message that came in and that somebody must acknowledge, reject or give back. */
export class IncomingMessage {
  readonly message: Message
  readonly deliveryInfo: DeliveryInfo
  /** The queue that it was taken from. */
  readonly queue: string
  readonly deliveryTag: number
  readonly #by: Acknowledger
  /** Set where this is another form of a message: what is said of one is said of both. */
  readonly #original: IncomingMessage | undefined
  #state: MessageState

  /** Made by a consumer. */
  constructor(delivery: Delivery, by: Acknowledger, state: MessageState, original?: IncomingMessage) {
    this.message = delivery.message
    this.queue = delivery.queue
    this.deliveryTag = delivery.deliveryTag
    this.deliveryInfo = {
      exchange: delivery.exchange,
      routing_key: delivery.routingKey,
      priority: delivery.message.properties.priority ?? null,
      redelivered: delivery.redelivered,
    }
    this.#by = by
    this.#state = state
    this.#original = original
  }

  get state(): MessageState {
    return this.#original?.state ?? this.#state
  }

  /** It is done for. Resolves when the broker knows; rejects with `OperationalError` when it comes again instead. */
  ack(): Promise<void> {
    if (!this.#becomes('acked')) return this.#by.repeated(this, 'acknowledged')
    return this.#by.ack(this)
  }

  /** Throw it away, or with `requeue` let it come again, marked as redelivered. */
  reject(options: { readonly requeue?: boolean } = {}): Promise<void> {
    if (!this.#becomes('rejected')) return this.#by.repeated(this, 'rejected')
    return this.#by.reject(this, options.requeue ?? false)
  }

  /**
   * Nobody looked at it: it comes again, unmarked where the broker lets us choose. With `dueMs` not before this Unix time
   * in milliseconds, where the broker can keep it so long (`features.delayed`).
   */
  giveBack(options: Pick<RejectOptions, 'dueMs'> = {}): Promise<void> {
    if (!this.#becomes('rejected')) return this.#by.repeated(this, 'given back')
    return this.#by.reject(this, true, { redelivered: false, ...options })
  }

  /** The same delivery with another message in it, such as one brought into a newer form. */
  withMessage(message: Message): IncomingMessage {
    const { queue, deliveryTag, deliveryInfo } = this
    const { exchange, routing_key: routingKey, redelivered } = deliveryInfo
    const delivery: Delivery = { deliveryTag, exchange, routingKey, queue, redelivered, message }
    return new IncomingMessage(delivery, this.#by, this.#state, this.#original ?? this)
  }

  /** Answers whether nothing had been said before. */
  #becomes(state: 'acked' | 'rejected'): boolean {
    if (this.#original !== undefined) return this.#original.#becomes(state)
    if (this.#state !== 'unacked') return false
    this.#state = state
    return true
  }
}

export interface ConsumerOptions {
  /** It belongs to this consumer as long as it consumes; closing it stays with the caller. */
  readonly channel: Channel
  readonly queues?: readonly Queue[]
  /** Takes the messages of one round trip. Must not throw. */
  readonly onMessages: (messages: readonly IncomingMessage[]) => void
  /** At most so many unacknowledged messages; 0 is no limit. Default 0. */
  readonly prefetchCount?: number
  /** How many messages may come at this moment, where the broker lets us say so (`Channel.basicQos`). Default any number. */
  readonly wanted?: (() => number) | undefined
  /** Deliveries need no acknowledgement. Default: as each queue says. */
  readonly noAck?: boolean
  readonly logger: Logger
}

/** One queue that is consumed, and the tag it is consumed under once it is. */
interface Consumed {
  readonly queue: Queue
  readonly consuming: Promise<string>
}

export class Consumer implements Acknowledger {
  readonly #options: ConsumerOptions
  readonly #channel: Channel
  readonly #consumed = new Map<string, Consumed>()
  /** The promise whose failure is already being logged: acknowledgements of one turn share one. */
  #watched: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.#channel = options.channel
  }

  /** The queues that are consumed. */
  get queues(): readonly Queue[] {
    return [...this.#consumed.values()].map(({ queue }) => queue)
  }

  /** Declare the queues, all of them before the first is consumed, and begin. */
  async start(): Promise<void> {
    const queues = this.#options.queues ?? []
    for (const queue of queues) await declareQueue(this.#channel, queue)
    await this.setPrefetchCount(this.#options.prefetchCount ?? 0)
    for (const queue of queues) await this.#consume(queue)
  }

  /** Declare and consume one more queue. Nothing happens where it is consumed already. */
  async addQueue(queue: Queue): Promise<void> {
    if (this.#consumed.has(queue.name)) return
    await declareQueue(this.#channel, queue)
    await this.#consume(queue)
  }

  /** Stop consuming a queue. Resolves when nothing more of it comes. Answers whether it was consumed. */
  async cancelQueue(name: string): Promise<boolean> {
    const consumed = this.#consumed.get(name)
    if (consumed === undefined) return false
    this.#consumed.delete(name)
    await this.#channel.basicCancel(await consumed.consuming)
    return true
  }

  /** At most so many unacknowledged messages from now on; 0 is no limit. */
  async setPrefetchCount(count: number): Promise<void> {
    await this.#channel.basicQos(count, this.#options.wanted)
  }

  /** Resolves when nothing more comes. What came can still be acknowledged. May be called twice. */
  async stop(): Promise<void> {
    await Promise.all([...this.#consumed.keys()].map((name) => this.cancelQueue(name)))
  }

  /** For messages of this consumer. */
  ack(message: IncomingMessage): Promise<void> {
    return this.#watch(this.#channel.basicAck([message.deliveryTag]))
  }

  /** For messages of this consumer. */
  reject(message: IncomingMessage, requeue: boolean, options?: RejectOptions): Promise<void> {
    return this.#watch(this.#channel.basicReject([message.deliveryTag], requeue, options))
  }

  /** For messages of this consumer. */
  async repeated(message: IncomingMessage, verb: string): Promise<void> {
    this.#options.logger.warning(
      `Message ${String(message.deliveryTag)} of queue ${message.queue} was ${verb}, but it was ${message.state} before`,
    )
  }

  async #consume(queue: Queue): Promise<void> {
    const noAck = this.#options.noAck ?? queue.noAck
    const consuming = this.#channel.basicConsume(queue.name, noAck ? this.#onUnackable : this.#onAckable, {
      noAck,
      arguments: queue.consumerArguments,
    })
    this.#consumed.set(queue.name, { queue, consuming })
    try {
      await consuming
    } catch (error) {
      this.#consumed.delete(queue.name)
      throw error
    }
  }

  // The same two functions for all queues: the channel then hands over a round trip's messages in one call.
  readonly #onAckable: OnDeliveries = (deliveries) => {
    this.#handOver(deliveries, 'unacked')
  }

  readonly #onUnackable: OnDeliveries = (deliveries) => {
    this.#handOver(deliveries, 'acked')
  }

  #handOver(deliveries: readonly Delivery[], state: MessageState): void {
    const messages = deliveries.map((delivery) => new IncomingMessage(delivery, this, state))
    try {
      this.#options.onMessages(messages)
    } catch (error) {
      this.#options.logger.error('Handling messages failed; those that were not acknowledged come again later', {
        error,
      })
    }
  }

  /** Nobody has to look after an acknowledgement: one that fails is logged, and the message comes again. */
  #watch(promise: Promise<void>): Promise<void> {
    if (promise !== this.#watched) {
      this.#watched = promise
      promise.catch((error: unknown) => {
        this.#options.logger.warning('Could not acknowledge messages; they will come again', { error })
      })
    }
    return promise
  }
}
