/**
 * One AMQP channel: its methods as promises, publications confirmed in batches. The broker closes a channel after each
 * refusal; it is over then, and what else was under way on it has failed as well.
 */
import { ChannelError, EncodeError } from '../../errors.ts'
import { deferred } from '../../util/deferred.ts'
import type { Deferred } from '../../util/deferred.ts'
import { explainChannelFailure } from './failure.ts'
import type { AmqpDelivery, AmqpProperties, AmqpTable, RawChannel, RawQueueStatus } from './library.ts'

export interface AmqpExchange {
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments?: AmqpTable | undefined
}

export interface AmqpQueue {
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments?: AmqpTable | undefined
}

export interface AmqpConsumeOptions {
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly arguments?: AmqpTable | undefined
}

/** A message on its way out. */
export interface AmqpPublication {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  /** `mandatory`: the broker returns it when no queue takes it. */
  readonly options: AmqpProperties & { readonly mandatory?: boolean }
}

const REFUSED =
  'RabbitMQ refused a message: its queue is full (x-max-length with x-overflow reject-publish) or has no majority'

/** One batch that waits for its confirmations. */
interface Batch {
  readonly publications: readonly AmqpPublication[]
  readonly done: Deferred<readonly AmqpPublication[]>
  /** Those that no queue took. */
  readonly returned: AmqpPublication[]
  missing: number
}

/** A channel that is open, or was. All verbs reject with `ChannelError`, or `ConnectionError` when all is lost. */
export class AmqpChannel {
  /** Resolves when the channel is over: with the error that ended it, or undefined after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>
  readonly #raw: RawChannel
  readonly #ended = deferred<Error | undefined>()
  readonly #connectionFailure: () => Error | undefined
  readonly #batches = new Set<Batch>()
  #failure: Error | undefined
  #isOpen = true
  #closing: Promise<void> | undefined

  /** `connectionFailure` tells why the connection is over, if it is. */
  constructor(raw: RawChannel, connectionFailure: () => Error | undefined) {
    this.#raw = raw
    this.#connectionFailure = connectionFailure
    this.closed = this.#ended.promise
    raw.on('error', (error) => {
      this.#failure ??= explainChannelFailure(error)
      this.#isOpen = false
    })
    raw.on('close', () => {
      this.#isOpen = false
      // The connection tells why it is over just after its channels are.
      queueMicrotask(() => {
        this.#end()
      })
    })
    raw.on('return', (message) => {
      this.#returned(message)
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  async exchangeDeclare(name: string, exchange: AmqpExchange): Promise<void> {
    const { type, ...options } = exchange
    await this.#call((raw) => raw.assertExchange(name, type, options))
  }

  /** Rejects where there is no such exchange. */
  async exchangeCheck(name: string): Promise<void> {
    await this.#call((raw) => raw.checkExchange(name))
  }

  async exchangeDelete(name: string, options: { readonly ifUnused?: boolean } = {}): Promise<void> {
    await this.#call((raw) => raw.deleteExchange(name, options))
  }

  /** What comes to `source` with this routing key goes to the exchange `destination` too. */
  async exchangeBind(destination: string, source: string, routingKey: string): Promise<void> {
    await this.#call((raw) => raw.bindExchange(destination, source, routingKey))
  }

  queueDeclare(name: string, queue: AmqpQueue): Promise<RawQueueStatus> {
    return this.#call((raw) => raw.assertQueue(name, queue))
  }

  /** Rejects where there is no such queue. */
  queueCheck(name: string): Promise<RawQueueStatus> {
    return this.#call((raw) => raw.checkQueue(name))
  }

  async queuePurge(name: string): Promise<number> {
    return (await this.#call((raw) => raw.purgeQueue(name))).messageCount
  }

  async queueDelete(
    name: string,
    options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
  ): Promise<number> {
    return (await this.#call((raw) => raw.deleteQueue(name, options))).messageCount
  }

  async queueBind(queue: string, exchange: string, routingKey: string, args?: AmqpTable): Promise<void> {
    await this.#call((raw) => raw.bindQueue(queue, exchange, routingKey, args))
  }

  async queueUnbind(queue: string, exchange: string, routingKey: string, args?: AmqpTable): Promise<void> {
    await this.#call((raw) => raw.unbindQueue(queue, exchange, routingKey, args))
  }

  /** At most so many unacknowledged messages for each consumer that begins from now on; 0 is no limit. */
  async basicQos(count: number): Promise<void> {
    await this.#call((raw) => raw.prefetch(count, false))
  }

  /** Answers the consumer's tag. `onMessage` must not throw; it gets null when the broker cancels the consumer. */
  async basicConsume(
    queue: string,
    onMessage: (message: AmqpDelivery | null) => void,
    options: AmqpConsumeOptions,
  ): Promise<string> {
    return (await this.#call((raw) => raw.consume(queue, onMessage, options))).consumerTag
  }

  async basicCancel(consumerTag: string): Promise<void> {
    await this.#call((raw) => raw.cancel(consumerTag))
  }

  async basicGet(queue: string, noAck: boolean): Promise<AmqpDelivery | undefined> {
    const message = await this.#call((raw) => raw.get(queue, { noAck }))
    return message === false ? undefined : message
  }

  /** There is no answer to it. With `multiple` all up to this tag. Throws where the channel is over. */
  basicAck(deliveryTag: number, multiple: boolean): void {
    this.#checkOpen()
    this.#raw.ack({ fields: { deliveryTag } }, multiple)
  }

  /** There is no answer to it. With `multiple` all up to this tag. Throws where the channel is over. */
  basicNack(deliveryTag: number, multiple: boolean, requeue: boolean): void {
    this.#checkOpen()
    this.#raw.nack({ fields: { deliveryTag } }, multiple, requeue)
  }

  /**
   * For channels with confirmations. Resolves when the broker has all of them, with those mandatory ones that no queue
   * took. Rejects with `ChannelError` when it refused one, with `EncodeError` for one that cannot be written.
   */
  basicPublish(publications: readonly AmqpPublication[]): Promise<readonly AmqpPublication[]> {
    const batch: Batch = { publications, done: deferred(), returned: [], missing: publications.length }
    let refused: Error | null = null
    const onConfirm = (error: Error | null): void => {
      refused ??= error
      batch.missing -= 1
      if (batch.missing > 0) return
      this.#batches.delete(batch)
      this.#confirmed(batch, refused)
    }
    try {
      this.#checkOpen()
      for (const { exchange, routingKey, content, options } of publications) {
        this.#raw.publish(exchange, routingKey, content, options, onConfirm)
      }
    } catch (error) {
      return Promise.reject(this.#isOpen ? unpublishable(error) : this.#reason(error))
    }
    this.#batches.add(batch)
    return batch.done.promise
  }

  /** What is unacknowledged goes back to its queues. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    // When the connection is lost meanwhile, the library never answers.
    await Promise.race([this.#raw.close().catch(() => undefined), this.closed])
  }

  async #call<T>(verb: (raw: RawChannel) => Promise<T>): Promise<T> {
    this.#checkOpen()
    try {
      return await verb(this.#raw)
    } catch (error) {
      if (!this.#isOpen) await this.closed
      throw this.#reason(error)
    }
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw this.#reason(undefined)
  }

  #reason(error: unknown): Error {
    const reason = this.#connectionFailure() ?? this.#failure
    if (reason !== undefined) return reason
    return error instanceof Error
      ? explainChannelFailure(error)
      : new ChannelError('The channel is closed', { cause: error })
  }

  #end(): void {
    this.#ended.resolve(this.#connectionFailure() ?? this.#failure)
  }

  #confirmed(batch: Batch, refused: Error | null): void {
    if (refused === null) {
      batch.done.resolve(batch.returned)
      return
    }
    // The library refuses in the name of a channel that closes before it tells that it does.
    queueMicrotask(() => {
      if (this.#isOpen) batch.done.reject(new ChannelError(REFUSED, { cause: refused }))
      else
        void this.closed.then(() => {
          batch.done.reject(this.#reason(refused))
        })
    })
  }

  /** It does not say which publication it was; those with the same address have the same fate. */
  #returned({ fields: { exchange, routingKey } }: AmqpDelivery): void {
    for (const batch of this.#batches) {
      const found = batch.publications.find(
        (publication) =>
          publication.options.mandatory === true &&
          publication.exchange === exchange &&
          publication.routingKey === routingKey,
      )
      if (found !== undefined) {
        batch.returned.push(found)
        return
      }
    }
  }
}

/** The library could not write it: a name that is too long, a header that has no form in AMQP. */
function unpublishable(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  return new EncodeError(`A message has no form in AMQP: ${message}`, { cause: error })
}
