/**
 * AMQP 0-9-1 over a client package, as small as we need it: connections that tell when and why they are over, channels
 * whose methods are promises, publications confirmed in batches. What queues mean is the transport's matter.
 */
export { connectAmqp, LOGIN_METHODS } from './amqp/connection.ts'
export { readableTable } from './amqp/table.ts'
export type { AmqpConnection, AmqpOptions, LoginMethod } from './amqp/connection.ts'
export type { AmqpChannel, AmqpPublication } from './amqp/channel.ts'
export type { AmqpDelivery, AmqpProperties, AmqpTable } from './amqp/library.ts'
