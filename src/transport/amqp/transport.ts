/** `amqp://`: RabbitMQ, and what else speaks AMQP 0-9-1. Reads URL and options, and connects. */
import { connectAmqp } from '../../driver/amqp.ts'
import type { Connection, Transport, TransportContext, TransportOptions } from '../transport.ts'
import { AmqpTransportConnection } from './connection.ts'
import { readAmqpOptions } from './options.ts'

export const amqpTransport: Transport = {
  name: 'amqp',
  async connect(url: string, options: TransportOptions, context: TransportContext): Promise<Connection> {
    const { clock, logger, settings } = context
    const { delayedQueueType, ...address } = readAmqpOptions(url, options, settings)
    const connection = await connectAmqp(address, clock)
    return new AmqpTransportConnection({ connection, clock, logger, delayedQueueType })
  },
}
