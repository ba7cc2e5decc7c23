/**
 * Channel over AMQP. One channel here is several of AMQP's: one for declarations, one for publications, one for each
 * consumer and one for `basicGet`, because the broker closes an AMQP channel after each refusal, and what is consumed is
 * not to suffer from a declaration that was refused.
 */
import type { AmqpConnection } from '../../driver/amqp.ts'
import { ChannelError, ConnectionError } from '../../errors.ts'
import { QUEUE_TYPE_ARGUMENT } from '../../protocol/arguments.ts'
import type { Logger } from '../../util/logger.ts'
import type {
  Binding,
  Channel,
  ConsumeOptions,
  DeleteOptions,
  Delivery,
  DeliveryTag,
  ExchangeDeclaration,
  OnDeliveries,
  Publication,
  QueueDeclaration,
  QueueStatus,
  RejectOptions,
} from '../transport.ts'
import { AmqpConsumer } from './consumer.ts'
import { restoreDelivery, type DelayedDelivery } from './delayed.ts'
import { Lane, laneNumber } from './lane.ts'
import type { Verdict } from './lane.ts'
import { fromDelivery } from './messages.ts'
import { Publisher } from './publisher.ts'
import { ReopeningChannel } from './reopening.ts'
import { Window } from './window.ts'

/** What was declared on a connection, as far as delayed delivery needs to know it. */
export interface Declared {
  /** Exchanges whose routing keys have wildcards, or no meaning. */
  readonly wideExchanges: Set<string>
  readonly quorumQueues: Set<string>
}

/** What the connection gives its channels. */
export interface ChannelParts {
  readonly connection: AmqpConnection
  readonly delayed: DelayedDelivery
  readonly declared: Declared
  readonly logger: Logger
  /** A consumer cannot go on. */
  readonly onFailure: (error: Error) => void
  /** The channel is closed. */
  readonly onClose: () => void
}

export class AmqpTransportChannel implements Channel {
  readonly #parts: ChannelParts
  readonly #control: ReopeningChannel
  readonly #publisher: Publisher
  readonly #window = new Window()
  readonly #consumers = new Map<string, AmqpConsumer>()
  readonly #lanes = new Map<number, Lane>()
  #lastLane = 0
  #lastConsumer = 0
  /** Where `basicGet` takes from. */
  #getting: Promise<Lane> | undefined
  #prefetchCount = 0
  #closing: Promise<void> | undefined
  /** Why verbs are refused; undefined while the channel is open. */
  #refusal: Error | undefined

  constructor(parts: ChannelParts) {
    this.#parts = parts
    this.#control = new ReopeningChannel(() => parts.connection.openChannel({ confirms: false }))
    this.#publisher = new Publisher(parts.connection, parts.delayed)
  }

  async exchangeDeclare({ name, ...exchange }: ExchangeDeclaration): Promise<void> {
    this.#checkOpen()
    await this.#control.inTurn((channel) => channel.exchangeDeclare(name, exchange))
    if (exchange.type !== 'direct') this.#parts.declared.wideExchanges.add(name)
  }

  async exchangeDelete(name: string, options?: Pick<DeleteOptions, 'ifUnused'>): Promise<void> {
    this.#checkOpen()
    await this.#control.inTurn((channel) => channel.exchangeDelete(name, options))
    this.#parts.declared.wideExchanges.delete(name)
  }

  async queueDeclare({ name, ...queue }: QueueDeclaration): Promise<QueueStatus> {
    this.#checkOpen()
    const status = await this.#control.inTurn((channel) => channel.queueDeclare(name, queue))
    if (queue.arguments?.[QUEUE_TYPE_ARGUMENT] === 'quorum') this.#parts.declared.quorumQueues.add(name)
    return { name, messages: status.messageCount, consumers: status.consumerCount }
  }

  async queueSize(name: string): Promise<number> {
    this.#checkOpen()
    return (await this.#control.inTurn((channel) => channel.queueCheck(name))).messageCount
  }

  async queuePurge(name: string): Promise<number> {
    this.#checkOpen()
    return this.#control.inTurn((channel) => channel.queuePurge(name))
  }

  async queueDelete(name: string, options?: DeleteOptions): Promise<number> {
    this.#checkOpen()
    const removed = await this.#control.inTurn((channel) => channel.queueDelete(name, options))
    this.#parts.declared.quorumQueues.delete(name)
    return removed
  }

  async queueBind(binding: Binding): Promise<void> {
    this.#checkOpen()
    const { queue, exchange, routingKey } = binding
    // Every queue is bound to the default exchange under its own name, and never otherwise.
    if (exchange === '') return
    await this.#control.inTurn((channel) => channel.queueBind(queue, exchange, routingKey, binding.arguments))
    const { wideExchanges, quorumQueues } = this.#parts.declared
    // Celery's clients delay what goes to quorum queues by the way of their exchange.
    if (quorumQueues.has(queue) && wideExchanges.has(exchange)) {
      await this.#parts.delayed.bindAsCelery(queue, exchange, routingKey)
    }
  }

  async queueUnbind(binding: Binding): Promise<void> {
    this.#checkOpen()
    const { queue, exchange, routingKey } = binding
    await this.#control.inTurn((channel) => channel.queueUnbind(queue, exchange, routingKey, binding.arguments))
  }

  async basicPublish(publications: readonly Publication[]): Promise<void> {
    this.#checkOpen()
    try {
      await this.#publisher.publish(publications)
    } catch (error) {
      throw this.#refusal ?? error
    }
  }

  /** RabbitMQ tells only whether a queue took it. */
  async broadcast(publication: Publication): Promise<number | undefined> {
    this.#checkOpen()
    try {
      return (await this.#publisher.reaches(publication)) ? undefined : 0
    } catch (error) {
      throw this.#refusal ?? error
    }
  }

  /** RabbitMQ counts for each consumer; the window sees to it that all together do not exceed the count. */
  async basicQos(prefetchCount: number): Promise<void> {
    this.#checkOpen()
    this.#prefetchCount = prefetchCount
    this.#window.resize(prefetchCount)
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.setPrefetchCount(prefetchCount)))
  }

  async basicConsume(queue: string, onDeliveries: OnDeliveries, options: ConsumeOptions = {}): Promise<string> {
    this.#checkOpen()
    const { logger, onFailure } = this.#parts
    const window = this.#window
    const onSettled = (count: number): void => {
      window.release(count)
    }
    const openLane = (): Promise<Lane> => this.#openLane(onSettled)
    const consumer = new AmqpConsumer({ queue, onDeliveries, options, window, logger, openLane, onFailure })
    await consumer.start(this.#prefetchCount)
    this.#checkOpen()
    this.#lastConsumer += 1
    const tag = `ctag-${String(this.#lastConsumer)}`
    this.#consumers.set(tag, consumer)
    // It may have been changed meanwhile.
    await consumer.setPrefetchCount(this.#prefetchCount)
    return tag
  }

  async basicCancel(consumerTag: string): Promise<void> {
    const consumer = this.#consumers.get(consumerTag)
    if (consumer === undefined) return
    this.#consumers.delete(consumerTag)
    await consumer.stop()
  }

  async basicGet(queue: string, max: number, options: { readonly noAck?: boolean } = {}): Promise<readonly Delivery[]> {
    this.#checkOpen()
    const noAck = options.noAck === true
    const lane = await this.#laneForGet()
    const deliveries: Delivery[] = []
    while (deliveries.length < max) {
      const found = await lane.channel.basicGet(queue, noAck)
      if (found === undefined) break
      const { deliveryTag, exchange, routingKey, redelivered } = found.fields
      const place = { deliveryTag: lane.tagOf(deliveryTag), exchange, routingKey, queue, redelivered }
      const delivery = restoreDelivery({ ...place, message: fromDelivery(found) })
      if (!noAck) lane.hold(delivery)
      deliveries.push(delivery)
    }
    return deliveries
  }

  /** Not an async function: all calls of one turn are to get the same promise. */
  basicAck(deliveryTags: readonly DeliveryTag[]): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    return this.#settle(deliveryTags, 'ack')
  }

  async basicReject(
    deliveryTags: readonly DeliveryTag[],
    requeue: boolean,
    options: RejectOptions = {},
  ): Promise<void> {
    this.#checkOpen()
    if (requeue && options.dueMs !== undefined) return this.#delayAgain(deliveryTags, options.dueMs)
    return this.#settle(deliveryTags, requeue ? 'requeue' : 'discard')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The connection is over, with `reason` where it was lost: refuse everything from now on. */
  abort(reason: Error | undefined): void {
    this.#refusal ??= refusal(reason)
    this.#closing ??= Promise.resolve()
    this.#window.stop()
  }

  /** What is settled leaves before its channel is closed; the broker gives the rest to somebody else. */
  async #close(): Promise<void> {
    this.#refusal ??= refusal(undefined)
    this.#window.stop()
    try {
      const lanes = [...this.#lanes.values()]
      await Promise.all(lanes.map((lane) => lane.flush()))
      await Promise.all(
        [this.#control, this.#publisher, ...lanes.map((lane) => lane.channel)].map((each) => each.close()),
      )
    } finally {
      this.#parts.onClose()
    }
  }

  async #openLane(onSettled: (count: number) => void): Promise<Lane> {
    const channel = await this.#parts.connection.openChannel({ confirms: false })
    this.#lastLane += 1
    const lane = new Lane(this.#lastLane, channel, onSettled)
    this.#lanes.set(lane.number, lane)
    void channel.closed.then((error) => {
      // Where it failed, who still holds its messages is told so.
      if (error === undefined) this.#lanes.delete(lane.number)
    })
    if (this.#refusal !== undefined) {
      await channel.close()
      throw this.#refusal
    }
    return lane
  }

  async #laneForGet(): Promise<Lane> {
    const lane = await this.#getting?.catch(() => undefined)
    if (lane?.channel.isOpen === true) return lane
    // What is taken one by one is not counted.
    const opening = this.#openLane(() => undefined)
    this.#getting = opening
    const opened = await opening
    void opened.channel.closed.then((error) => {
      if (error !== undefined) opened.fail(error)
    })
    return opened
  }

  #settle(deliveryTags: readonly DeliveryTag[], verdict: Verdict): Promise<void> {
    const [first] = deliveryTags
    if (first === undefined) return Promise.resolve()
    const number = laneNumber(first)
    const isOneLane = deliveryTags.every((tag) => laneNumber(tag) === number)
    if (isOneLane) return this.#settleOn(number, deliveryTags, verdict)
    const numbers = [...new Set(deliveryTags.map(laneNumber))]
    const settled = numbers.map((each) => {
      const tags = deliveryTags.filter((tag) => laneNumber(tag) === each)
      return this.#settleOn(each, tags, verdict)
    })
    return Promise.all(settled).then(() => undefined)
  }

  #settleOn(number: number, deliveryTags: readonly DeliveryTag[], verdict: Verdict): Promise<void> {
    const lane = this.#lanes.get(number)
    const tags = lane?.unsettled(deliveryTags) ?? []
    if (lane === undefined || tags.length === 0) return Promise.resolve()
    return lane.settle(tags, verdict)
  }

  /** Published anew before it is acknowledged: where the broker or we are lost in between, it comes twice at worst. */
  async #delayAgain(deliveryTags: readonly DeliveryTag[], dueMs: number): Promise<void> {
    const deliveries = deliveryTags
      .map((tag) => this.#lanes.get(laneNumber(tag))?.delivery(tag))
      .filter((delivery) => delivery !== undefined)
    await this.#publisher.publish(
      deliveries.map(({ queue, message }) => ({ exchange: '', routingKey: queue, message, dueMs })),
    )
    await this.#settle(deliveryTags, 'ack')
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }
}

function refusal(reason: Error | undefined): Error {
  if (reason === undefined) return new ChannelError('The channel is closed')
  return new ConnectionError(`The connection was lost: ${reason.message}`, { cause: reason })
}
