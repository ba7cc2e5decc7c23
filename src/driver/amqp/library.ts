/**
 * The package that speaks AMQP 0-9-1, as much of it as we use. amqplib, because of three it takes the least CPU for a
 * message that is consumed, tells an error with its code and text, and makes no connections by itself.
 */
import type { ConnectionOptions } from 'node:tls'
import { importPeer } from '../load.ts'

/** The package and the versions that it is known to work with. */
export const requires = { package: 'amqplib', range: '^2.0.0' } as const

/** A table of AMQP: headers, or the arguments of a declaration. */
export type AmqpTable = Readonly<Record<string, unknown>>

/** The properties of a message, as the library names them. */
export interface AmqpProperties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly headers?: AmqpTable | undefined
  readonly deliveryMode?: number | undefined
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  /** Seconds since 1970. */
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly appId?: string | undefined
}

/** A message that came. */
export interface AmqpDelivery {
  readonly fields: {
    readonly deliveryTag: number
    readonly redelivered: boolean
    readonly exchange: string
    readonly routingKey: string
  }
  readonly properties: AmqpProperties
  readonly content: Buffer
}

/** A channel of the library. */
export interface RawChannel {
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'close', listener: () => void): this
  on(event: 'return', listener: (message: AmqpDelivery) => void): this
  close(): Promise<void>
  assertQueue(queue: string, options: object): Promise<RawQueueStatus>
  checkQueue(queue: string): Promise<RawQueueStatus>
  deleteQueue(
    queue: string,
    options: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean },
  ): Promise<{ readonly messageCount: number }>
  purgeQueue(queue: string): Promise<{ readonly messageCount: number }>
  bindQueue(queue: string, exchange: string, routingKey: string, args?: AmqpTable): Promise<unknown>
  unbindQueue(queue: string, exchange: string, routingKey: string, args?: AmqpTable): Promise<unknown>
  assertExchange(exchange: string, type: string, options: object): Promise<unknown>
  checkExchange(exchange: string): Promise<unknown>
  deleteExchange(exchange: string, options: { readonly ifUnused?: boolean }): Promise<unknown>
  bindExchange(destination: string, source: string, routingKey: string): Promise<unknown>
  prefetch(count: number, global: boolean): Promise<unknown>
  consume(queue: string, listener: (message: AmqpDelivery | null) => void, options: object): Promise<RawConsumer>
  cancel(consumerTag: string): Promise<unknown>
  get(queue: string, options: { readonly noAck: boolean }): Promise<AmqpDelivery | false>
  ack(message: TaggedMessage, allUpTo: boolean): void
  nack(message: TaggedMessage, allUpTo: boolean, requeue: boolean): void
  publish(exchange: string, routingKey: string, content: Buffer, options: object, onConfirm: OnConfirm): boolean
}

/** The library wants whole messages where the tag would do. */
export interface TaggedMessage {
  readonly fields: { readonly deliveryTag: number }
}

export interface RawQueueStatus {
  readonly messageCount: number
  readonly consumerCount: number
}

export interface RawConsumer {
  readonly consumerTag: string
}

/** Told of each message whether the broker has it. */
export type OnConfirm = (error: Error | null) => void

/** A connection of the library. */
export interface RawConnection {
  /** Beneath: where the socket is, for connections that do not answer. */
  readonly connection: {
    readonly serverProperties: AmqpTable
    readonly stream: { destroy(error?: Error): void }
  }
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'close', listener: (error?: Error) => void): this
  on(event: 'blocked', listener: (reason: string) => void): this
  on(event: 'unblocked', listener: () => void): this
  createChannel(): Promise<RawChannel>
  createConfirmChannel(): Promise<RawChannel>
  close(): Promise<void>
}

/** How the client says who it is: an SASL mechanism. */
export interface RawCredentials {
  readonly mechanism: string
  response(): Buffer
}

/** What the library exports. */
export interface AmqpLibrary {
  readonly credentials: {
    plain(user: string, password: string): RawCredentials
    amqplain(user: string, password: string): RawCredentials
    external(): RawCredentials
  }
  connect(url: RawAddress, socket: RawSocketOptions): Promise<RawConnection>
}

export interface RawAddress {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly vhost: string
  readonly heartbeat: number
}

export interface RawSocketOptions extends ConnectionOptions {
  readonly noDelay: boolean
  readonly keepAlive: boolean
  readonly keepAliveDelay: number
  readonly credentials: RawCredentials
  readonly clientProperties: AmqpTable
}

/** Load the library. Rejects with `MissingDriver` where it is not installed. */
export async function loadAmqp(neededFor: string): Promise<AmqpLibrary> {
  const module = await importPeer<AmqpLibrary & { readonly default?: AmqpLibrary }>(requires.package, neededFor)
  return module.default ?? module
}
