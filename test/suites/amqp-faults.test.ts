/** What RabbitMQ does to its clients, done to ours: nothing hangs, nothing ends in silence, nothing is lost. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../src/errors.ts'
import { Inbox } from '../../src/testing/suite.ts'
import { drain, numbered, queue, to } from '../../src/testing/transport/bench.ts'
import { amqpTransport } from '../../src/transport/amqp/transport.ts'
import type { Channel, Connection } from '../../src/transport/transport.ts'
import { createLogger } from '../../src/util/logger.ts'
import { transportContext } from '../support/context.ts'
import { describeWithRabbitmq, startRabbitmq, type RabbitmqServer } from '../support/rabbitmq.ts'
import { waitFor } from '../support/wait-for.ts'

describeWithRabbitmq('RabbitMQ fails', () => {
  let server: RabbitmqServer
  const log: string[] = []
  const connections: Connection[] = []
  beforeAll(async () => {
    server = await startRabbitmq()
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    log.length = 0
    await Promise.all(connections.splice(0).map((connection) => connection.close()))
  })

  async function connect(): Promise<Connection> {
    const logger = createLogger({ level: 'DEBUG', write: ({ message }) => log.push(message) })
    const context = transportContext({ logger })
    const connection = await amqpTransport.connect(server.url, {}, context)
    connections.push(connection)
    return connection
  }

  async function open(): Promise<Channel> {
    return (await connect()).openChannel()
  }

  it('a queue is deleted under its consumer: the connection tells so', async () => {
    const connection = await connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('deleted'))
    await channel.basicConsume('deleted', new Inbox().receive)
    await (await open()).queueDelete('deleted')
    const error = await connection.closed
    expect(error?.message).toBe(`RabbitMQ: no queue 'deleted' in vhost '/'; declare it first`)
    expect(log.join('\n')).toContain('RabbitMQ cancelled the consumer of queue "deleted"')
    await expect(channel.basicAck([1])).rejects.toThrow(ConnectionError)
  })

  it('a message that is unacknowledged for too long comes again, and the reason is told', async () => {
    await server.control(
      'eval',
      'application:set_env(rabbit, consumer_timeout, 300), application:set_env(rabbit, channel_tick_interval, 200).',
    )
    const [channel, publisher] = [await open(), await open()]
    await channel.queueDeclare(queue('slow'))
    await channel.queueDeclare(queue('quick'))
    const [inbox, other] = [new Inbox(), new Inbox()]
    await channel.basicConsume('slow', inbox.receive)
    await channel.basicConsume('quick', other.receive)
    await publisher.basicPublish([to('slow', 'a')])
    const [first, second] = await inbox.wait(2)
    expect([first?.redelivered, second?.redelivered]).toEqual([false, true])
    await expect(channel.basicAck([first?.deliveryTag ?? 0])).rejects.toThrow('its consumer_timeout')
    await channel.basicAck([second?.deliveryTag ?? 0])
    expect(log.join('\n')).toContain('RabbitMQ closed the channel that queue "slow" is consumed on')
    await publisher.basicPublish([to('quick', 'b')])
    await other.wait(1)
    await server.control(
      'eval',
      'application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000).',
    )
  })

  it('memory runs out: publications wait, and go on', async () => {
    const [channel, consumer] = [await open(), await open()]
    const inbox = new Inbox()
    await consumer.queueDeclare(queue('blocked'))
    await consumer.basicConsume('blocked', inbox.receive)
    await server.control('set_vm_memory_high_watermark', '0.000001')
    let published = 0
    const publish = async (body: string): Promise<void> => {
      await channel.basicPublish([to('blocked', body)])
      published += 1
    }
    // RabbitMQ tells a connection when it publishes.
    const publishing = [publish('first')]
    await waitFor(() => log.some((line) => line.startsWith('RabbitMQ takes no messages')))
    publishing.push(publish('second'))
    expect(await consumer.queueSize?.('blocked')).toBe(0)
    expect(published).toBe(0)
    await server.control('set_vm_memory_high_watermark', '0.4')
    await Promise.all(publishing)
    await inbox.wait(2)
    expect(inbox.bodies).toEqual(['first', 'second'])
    expect(log).toContain('RabbitMQ takes messages again')
  })

  it('memory runs out: a connection that publishes can be closed', async () => {
    const connection = await connect()
    const channel = await connection.openChannel()
    await server.control('set_vm_memory_high_watermark', '0.000001')
    const publishing = channel.basicPublish([to('nowhere', 'never')])
    const outcome = publishing.then(
      () => 'published',
      (error: unknown) => error,
    )
    await waitFor(() => log.some((line) => line.startsWith('RabbitMQ takes no messages')))
    await connection.close()
    expect(await outcome).toBeInstanceOf(ChannelError)
    await server.control('set_vm_memory_high_watermark', '0.4')
  })

  it('it is killed and comes again: all that was confirmed is there, and what was unacknowledged', async () => {
    const connection = await connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('killed'))
    // RabbitMQ keeps its queues' definitions in Mnesia, whose log is in the node's memory for a moment.
    await server.control('eval', 'mnesia:sync_log().')
    await channel.basicQos(5)
    const inbox = new Inbox()
    await channel.basicConsume('killed', inbox.receive)
    const persistent = numbered(20).map((body) => to('killed', body))
    await channel.basicPublish(
      persistent.map((one) => ({ ...one, message: { ...one.message, properties: { delivery_mode: 2 } } })),
    )
    await inbox.wait(5)
    const publishing = channel.basicPublish([to('killed', 'lost?')]).then(
      () => 'confirmed',
      (error: unknown) => error,
    )
    await server.kill()
    expect(await connection.closed).toBeInstanceOf(ConnectionError)
    const outcome = await publishing
    if (outcome !== 'confirmed') expect(outcome).toBeInstanceOf(ConnectionError)
    await expect(channel.basicAck([1])).rejects.toThrow(ConnectionError)
    await expect(connect()).rejects.toThrow(ConnectionError)
    await server.start()
    const bodies = await drain(await open(), 'killed', 20)
    expect(bodies.slice(0, 20)).toEqual(numbered(20))
  })
})
