/**
 * Channel over a QueueStore: AMQP's verbs for brokers that only know queues. Routing is in `exchange.ts`, the prefetch
 * window in `qos.ts`, the loop that fetches for consumers in `puller.ts`.
 */
import { ChannelError, ConnectionError } from '../../errors.ts'
import { TurnBatch } from '../../util/turn.ts'
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
import { noSuchExchange, routePublications } from './exchange.ts'
import type { QueueLifetimes } from './lifetimes.ts'
import type { QueueConsumer } from './puller.ts'
import { Puller } from './puller.ts'
import { Qos } from './qos.ts'
import type { QueueStore, ReleaseOptions, StoredMessage } from './store.ts'

/** What the connection gives its channels. */
export interface ChannelParts {
  readonly store: QueueStore
  readonly lifetimes: QueueLifetimes
  /** The store has failed. */
  readonly onError: (error: unknown) => void
  /** The channel is closed. */
  readonly onClose: () => void
}

/** One message on its way back. */
interface Release {
  readonly message: StoredMessage
  readonly redelivered: boolean
  readonly dueMs: number | undefined
}

interface Consumer extends QueueConsumer {
  readonly tag: string
}

export class VirtualChannel implements Channel {
  readonly #parts: ChannelParts
  readonly #store: QueueStore
  readonly #lifetimes: QueueLifetimes
  readonly #qos = new Qos()
  readonly #puller: Puller
  readonly #acks: TurnBatch<StoredMessage>
  readonly #releases: TurnBatch<Release>
  readonly #consumers = new Map<string, Consumer>()
  #lastConsumer = 0
  #closing: Promise<void> | undefined
  /** Why verbs are refused; undefined while the channel is open. */
  #refusal: Error | undefined

  constructor(parts: ChannelParts) {
    this.#parts = parts
    this.#store = parts.store
    this.#lifetimes = parts.lifetimes
    this.#puller = new Puller(parts.store, this.#qos, parts.onError)
    const { store } = parts
    this.#acks = new TurnBatch((messages) => this.#settleInStore(() => store.ackMany(messages)))
    this.#releases = new TurnBatch((releases) => this.#settleInStore(() => releaseAll(store, releases)))
  }

  async exchangeDeclare(exchange: ExchangeDeclaration): Promise<void> {
    this.#checkOpen()
    if (exchange.type === 'headers') {
      throw new ChannelError(
        `This broker has no headers exchanges; declare "${exchange.name}" as direct, topic or fanout`,
      )
    }
    const existing = await this.#store.getExchange(exchange.name)
    if (existing !== undefined && existing.type !== exchange.type) {
      throw new ChannelError(
        `Exchange "${exchange.name}" is of type ${existing.type}, so it cannot be declared as ${exchange.type}`,
      )
    }
    await this.#store.declareExchange(exchange)
  }

  async exchangeDelete(name: string, options: Pick<DeleteOptions, 'ifUnused'> = {}): Promise<void> {
    this.#checkOpen()
    if (options.ifUnused === true && (await this.#store.bindings(name)).length > 0) {
      throw new ChannelError(`Exchange "${name}" is in use: queues are bound to it`)
    }
    await this.#store.deleteExchange(name)
  }

  async queueDeclare(queue: QueueDeclaration): Promise<QueueStatus> {
    this.#checkOpen()
    await this.#store.declareQueue(queue)
    this.#lifetimes.declared(queue)
    const messages = await this.#store.size(queue.name)
    return { name: queue.name, messages, consumers: this.#lifetimes.consumers(queue.name) }
  }

  async queuePurge(name: string): Promise<number> {
    this.#checkOpen()
    return this.#store.purge(name)
  }

  async queueSize(name: string): Promise<number> {
    this.#checkOpen()
    return this.#store.size(name)
  }

  async queueRipen(name: string): Promise<void> {
    this.#checkOpen()
    await this.#store.ripen(name)
  }

  /** Whether it is empty is looked at just before: what comes in between goes with it, as in kombu. */
  async queueDelete(name: string, options: DeleteOptions = {}): Promise<number> {
    this.#checkOpen()
    if (options.ifUnused === true) {
      throw new ChannelError(`This broker cannot tell whether somebody consumes the queue "${name}"`)
    }
    if (options.ifEmpty === true && (await this.#store.size(name)) > 0) {
      throw new ChannelError(`Queue "${name}" is not empty`)
    }
    this.#lifetimes.deleted(name)
    return this.#store.deleteQueue(name)
  }

  async queueBind(binding: Binding): Promise<void> {
    this.#checkOpen()
    // Every queue is bound to the default exchange under its own name, and never otherwise.
    if (binding.exchange === '') return
    const exchange = await this.#store.getExchange(binding.exchange)
    if (exchange === undefined) throw noSuchExchange(binding.exchange)
    await this.#store.bind(binding)
  }

  async queueUnbind(binding: Binding): Promise<void> {
    this.#checkOpen()
    await this.#store.unbind(binding)
  }

  async listBindings(): Promise<readonly Binding[]> {
    this.#checkOpen()
    return this.#store.bindings()
  }

  async basicPublish(publications: readonly Publication[]): Promise<void> {
    this.#checkOpen()
    const entries = await routePublications(this.#store, publications)
    if (entries.length > 0) await this.#store.putMany(entries)
  }

  async broadcast(publication: Publication): Promise<number | undefined> {
    this.#checkOpen()
    const entries = await routePublications(this.#store, [publication])
    const [first] = entries
    if (first === undefined) return 0
    if (this.#store.tell !== undefined) return this.#store.tell(first)
    await this.#store.putMany(entries)
    return entries.length
  }

  async basicQos(prefetchCount: number, wanted?: () => number): Promise<void> {
    this.#checkOpen()
    this.#qos.setPrefetchCount(prefetchCount, wanted)
    this.#puller.wake()
  }

  async basicConsume(queue: string, onDeliveries: OnDeliveries, options: ConsumeOptions = {}): Promise<string> {
    this.#checkOpen()
    this.#lastConsumer += 1
    const tag = `ctag-${String(this.#lastConsumer)}`
    const consumer: Consumer = { tag, queue, noAck: options.noAck === true, onDeliveries, cancelled: false }
    await this.#beginConsuming(queue)
    this.#consumers.set(tag, consumer)
    this.#puller.add(consumer)
    return tag
  }

  async basicCancel(consumerTag: string): Promise<void> {
    const consumer = this.#consumers.get(consumerTag)
    if (consumer === undefined) return
    this.#consumers.delete(consumerTag)
    await this.#puller.remove(consumer)
    if (this.#refusal === undefined) await this.#consumerGone(consumer)
  }

  async basicGet(queue: string, max: number, options: { readonly noAck?: boolean } = {}): Promise<readonly Delivery[]> {
    this.#checkOpen()
    const noAck = options.noAck === true
    const messages = await this.#store.getMany([queue], max, { noAck })
    return messages.map((message) => this.#qos.deliver(message, noAck))
  }

  /** Not an async function: all calls of one turn are to get the same promise. */
  basicAck(deliveryTags: readonly DeliveryTag[]): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    const messages = this.#settle(deliveryTags)
    return messages.length === 0 ? Promise.resolve() : this.#acks.add(messages)
  }

  async basicReject(
    deliveryTags: readonly DeliveryTag[],
    requeue: boolean,
    options: RejectOptions = {},
  ): Promise<void> {
    if (!requeue) return this.basicAck(deliveryTags)
    this.#checkOpen()
    const messages = this.#settle(deliveryTags)
    if (messages.length === 0) return undefined
    const { redelivered = true, dueMs } = options
    return this.#releases.add(messages.map((message) => ({ message, redelivered, dueMs })))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /**
   * The connection is over, with `reason` where it was lost: refuse everything from now on. Resolves when it was tried
   * to bring the last acknowledgements home. What is unacknowledged the store gives back when it closes.
   */
  async abort(reason: Error | undefined): Promise<void> {
    this.#refusal ??= refusal(reason)
    this.#closing ??= Promise.resolve()
    await Promise.all([this.#flush(), this.#puller.stop()])
  }

  /** In this order: nothing new comes, what is acknowledged is gone, the rest goes back, queues end. */
  async #close(): Promise<void> {
    this.#refusal ??= refusal(undefined)
    const consumers = [...this.#consumers.values()]
    this.#consumers.clear()
    try {
      await this.#puller.stop()
      await this.#flush()
      const unacked = this.#qos.settleAll()
      if (unacked.length > 0) await this.#store.releaseMany(unacked, { redelivered: true })
      for (const consumer of consumers) await this.#consumerGone(consumer)
    } catch (error) {
      this.#parts.onError(error)
    } finally {
      this.#parts.onClose()
    }
  }

  async #beginConsuming(queue: string): Promise<void> {
    const first = this.#lifetimes.consumerAdded(queue)
    try {
      if (first) await this.#store.startConsuming(queue)
      // It may have been closed meanwhile.
      this.#checkOpen()
    } catch (error) {
      if (this.#lifetimes.consumerRemoved(queue)) await this.#store.stopConsuming(queue)
      throw error
    }
  }

  async #consumerGone(consumer: Consumer): Promise<void> {
    if (this.#lifetimes.consumerRemoved(consumer.queue)) await this.#store.stopConsuming(consumer.queue)
  }

  #settle(deliveryTags: readonly DeliveryTag[]): StoredMessage[] {
    const wasFull = this.#qos.room === 0
    const messages = this.#qos.settle(deliveryTags)
    if (wasFull) this.#puller.wake()
    return messages
  }

  async #flush(): Promise<void> {
    await Promise.all([this.#acks.flush(), this.#releases.flush()])
  }

  /** Messages that can be neither acknowledged nor given back mean that the connection is of no use any more. */
  async #settleInStore(verb: () => Promise<void>): Promise<void> {
    try {
      await verb()
    } catch (error) {
      this.#parts.onError(error)
      throw error
    }
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }
}

/** One call of the store for all that go back in the same way. */
async function releaseAll(store: QueueStore, releases: readonly Release[]): Promise<void> {
  const groups = new Map<string, { readonly options: ReleaseOptions; readonly messages: StoredMessage[] }>()
  for (const { message, redelivered, dueMs } of releases) {
    const key = `${String(redelivered)} ${String(dueMs)}`
    const group = groups.get(key)
    if (group !== undefined) group.messages.push(message)
    else
      groups.set(key, { options: dueMs === undefined ? { redelivered } : { redelivered, dueMs }, messages: [message] })
  }
  await Promise.all([...groups.values()].map(({ messages, options }) => store.releaseMany(messages, options)))
}

function refusal(reason: Error | undefined): Error {
  if (reason === undefined) return new ChannelError('The channel is closed')
  return new ConnectionError(`The connection was lost: ${reason.message}`, { cause: reason })
}
