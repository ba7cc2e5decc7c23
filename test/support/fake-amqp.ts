/** AMQP without a broker: channels that note what was asked of them, and deliver or end as a test likes. */
import type { AmqpChannel, AmqpConnection, AmqpDelivery, AmqpPublication } from '../../src/driver/amqp.ts'
import { ChannelError } from '../../src/errors.ts'
import { deferred } from '../../src/util/deferred.ts'

/** A verb and its arguments, as one line: `basicAck 3 true`. */
type Call = string

export class FakeAmqpChannel {
  readonly calls: Call[] = []
  readonly #ended = deferred<Error | undefined>()
  readonly closed: Promise<Error | undefined> = this.#ended.promise
  isOpen = true
  /** It was opened for confirmed publications. */
  readonly confirms: boolean
  /** Verbs that are refused, which ends the channel. */
  readonly refused = new Set<string>()
  /** What `basicPublish` answers as returned. */
  returned: readonly AmqpPublication[] = []
  /** What was published. */
  readonly published: AmqpPublication[] = []
  /** What all verbs answer that tell of a queue. */
  queue = { messageCount: 0, consumerCount: 0 }
  /** What `basicGet` takes from. */
  readonly waiting: AmqpDelivery[] = []
  onMessage: (message: AmqpDelivery | null) => void = () => undefined
  #lastTag = 0

  constructor(confirms = false) {
    this.confirms = confirms
  }

  /** As who uses it sees it. */
  get channel(): AmqpChannel {
    return this as unknown as AmqpChannel
  }

  end(error: Error | undefined): void {
    this.isOpen = false
    this.#ended.resolve(error)
  }

  /** Deliver messages with these tags. */
  deliver(...tags: readonly number[]): void {
    for (const deliveryTag of tags) this.onMessage(amqpDelivery(deliveryTag))
  }

  exchangeCheck = (name: string): Promise<void> => this.#call('exchangeCheck', name)
  exchangeDeclare = (name: string, options: object): Promise<void> => this.#call('exchangeDeclare', name, options)
  exchangeDelete = (name: string): Promise<void> => this.#call('exchangeDelete', name)
  exchangeBind = (...args: readonly string[]): Promise<void> => this.#call('exchangeBind', ...args)
  queueBind = (...args: readonly unknown[]): Promise<void> => this.#call('queueBind', ...args)
  queueUnbind = (...args: readonly unknown[]): Promise<void> => this.#call('queueUnbind', ...args)
  basicQos = (count: number): Promise<void> => this.#call('basicQos', count)
  basicCancel = (tag: string): Promise<void> => this.#call('basicCancel', tag)

  async queueDeclare(name: string, options: object): Promise<typeof this.queue> {
    await this.#call('queueDeclare', name, options)
    return this.queue
  }

  async queueCheck(name: string): Promise<typeof this.queue> {
    await this.#call('queueCheck', name)
    return this.queue
  }

  async queuePurge(name: string): Promise<number> {
    await this.#call('queuePurge', name)
    return this.queue.messageCount
  }

  async queueDelete(name: string): Promise<number> {
    await this.#call('queueDelete', name)
    return this.queue.messageCount
  }

  async basicGet(queue: string, noAck: boolean): Promise<AmqpDelivery | undefined> {
    await this.#call('basicGet', queue, noAck)
    return this.waiting.shift()
  }

  async basicConsume(queue: string, onMessage: (message: AmqpDelivery | null) => void): Promise<string> {
    this.onMessage = onMessage
    await this.#call('basicConsume', queue)
    this.#lastTag += 1
    return `amq.${String(this.#lastTag)}`
  }

  basicAck(tag: number, multiple: boolean): void {
    this.calls.push(`basicAck ${String(tag)} ${String(multiple)}`)
  }

  basicNack(tag: number, multiple: boolean, requeue: boolean): void {
    this.calls.push(`basicNack ${String(tag)} ${String(multiple)} ${String(requeue)}`)
  }

  async basicPublish(publications: readonly AmqpPublication[]): Promise<readonly AmqpPublication[]> {
    await this.#call('basicPublish', ...publications.map((one) => `${one.exchange}/${one.routingKey}`))
    this.published.push(...publications)
    return this.returned
  }

  async close(): Promise<void> {
    this.calls.push('close')
    this.end(undefined)
  }

  async #call(verb: string, ...args: readonly unknown[]): Promise<void> {
    const given = args.filter((arg) => arg !== undefined)
    this.calls.push(
      [verb, ...given.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : String(arg)))].join(' '),
    )
    if (!this.refused.has(verb)) return
    const error = new ChannelError(`${verb} is refused`)
    this.end(error)
    throw error
  }
}

/** A connection that opens such channels. */
export class FakeAmqpConnection {
  readonly channels: FakeAmqpChannel[] = []
  readonly #ended = deferred<Error | undefined>()
  readonly closed: Promise<Error | undefined> = this.#ended.promise
  version: string | undefined = '3.13.0'
  blocked: Promise<void> | undefined
  isClosed = false
  /** Tells that the broker takes nothing, and with undefined that it does again. */
  tellBlocked: (reason: string | undefined) => void = () => undefined
  /** Called with each new channel. */
  onOpen: (channel: FakeAmqpChannel) => void = () => undefined

  /** As who uses it sees it. */
  get connection(): AmqpConnection {
    return this as unknown as AmqpConnection
  }

  onBlocked(listener: (reason: string | undefined) => void): void {
    this.tellBlocked = listener
  }

  async openChannel(options: { readonly confirms?: boolean } = {}): Promise<AmqpChannel> {
    const channel = new FakeAmqpChannel(options.confirms)
    this.channels.push(channel)
    this.onOpen(channel)
    return channel.channel
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.end(undefined)
  }

  end(error: Error | undefined): void {
    this.#ended.resolve(error)
  }
}

/** A message as the broker delivers it, whose body is its tag. */
export function amqpDelivery(deliveryTag: number): AmqpDelivery {
  return {
    fields: { deliveryTag, redelivered: false, exchange: '', routingKey: 'q' },
    properties: { contentType: 'text/plain', contentEncoding: 'utf-8', headers: {} },
    content: Buffer.from(String(deliveryTag)),
  }
}
