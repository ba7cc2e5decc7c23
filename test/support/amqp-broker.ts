/** A broker for the transport suite over one RabbitMQ node that many tests share: each leaves nothing behind. */
import type { BrokerUnderTest } from '../../src/testing/transport-suite.ts'
import { amqpTransport } from '../../src/transport/amqp/transport.ts'
import type { Channel, Connection } from '../../src/transport/transport.ts'
import { transportContext } from './context.ts'

/** What the connections of one test have declared. */
interface Declared {
  readonly queues: Set<string>
  readonly exchanges: Set<string>
}

/** A broker at `url`, whose queues and exchanges are deleted when the test is over. */
export function amqpBroker(url: string): BrokerUnderTest {
  const declared: Declared = { queues: new Set(), exchanges: new Set() }
  const context = transportContext({ settings: { delayedQueueType: 'classic' } })
  const connect = (): Promise<Connection> => amqpTransport.connect(url, {}, context)
  return {
    connect: async () => watched(await connect(), declared),
    remove: async () => {
      const connection = await connect()
      const channel = await connection.openChannel()
      for (const queue of declared.queues) await channel.queueDelete(queue)
      for (const exchange of declared.exchanges) await channel.exchangeDelete(exchange)
      await connection.close()
    },
    delayStepMs: 1000,
    delaysElsewhere: true,
  }
}

/** The connection, with its declarations noted. */
function watched(connection: Connection, declared: Declared): Connection {
  const openChannel = connection.openChannel.bind(connection)
  connection.openChannel = async () => note(await openChannel(), declared)
  return connection
}

function note(channel: Channel, { queues, exchanges }: Declared): Channel {
  const queueDeclare = channel.queueDeclare.bind(channel)
  const exchangeDeclare = channel.exchangeDeclare.bind(channel)
  channel.queueDeclare = (queue) => {
    queues.add(queue.name)
    return queueDeclare(queue)
  }
  channel.exchangeDeclare = (exchange) => {
    exchanges.add(exchange.name)
    return exchangeDeclare(exchange)
  }
  return channel
}
