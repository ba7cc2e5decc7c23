import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectAmqp } from '../../../src/driver/amqp.ts'
import type { AmqpChannel, AmqpConnection, AmqpDelivery, AmqpOptions } from '../../../src/driver/amqp.ts'
import { ChannelError, ConnectionError } from '../../../src/errors.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { describeWithRabbitmq, startRabbitmq } from '../../support/rabbitmq.ts'
import type { RabbitmqServer } from '../../support/rabbitmq.ts'

const TRANSIENT = { durable: false, exclusive: true, autoDelete: false } as const

describeWithRabbitmq('AMQP with a broker', () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
  })
  afterAll(() => server.stop())

  /** A connection that is closed when its test is over. */
  async function connect(options: Partial<AmqpOptions> = {}): Promise<AmqpConnection> {
    const login = { host: '127.0.0.1', port: server.port, username: 'guest', password: 'guest' }
    const manner = { virtualHost: '/', heartbeat: 0, loginMethod: 'PLAIN', connectionName: 'test' } as const
    const connection = await connectAmqp({ ...login, ...manner, ...options }, systemClock)
    onTestFinished(() => connection.close())
    return connection
  }

  /** A channel with confirmations and an empty queue `q`, which goes with its connection. */
  async function open(): Promise<{ connection: AmqpConnection; channel: AmqpChannel }> {
    const connection = await connect()
    const channel = await connection.openChannel({ confirms: true })
    await channel.queueDeclare('q', TRANSIENT)
    return { connection, channel }
  }

  it.each(['PLAIN', 'AMQPLAIN'] as const)('logs in by %s, and ends without an error', async (loginMethod) => {
    const connection = await connect({ loginMethod })
    expect(connection.version).toMatch(/^\d+\.\d+/)
    await connection.close()
    expect(await connection.closed).toBeUndefined()
  })

  it('says what is wrong with the login or the virtual host', async () => {
    const connecting = connect({ password: 'wrong' })
    await expect(connecting).rejects.toThrow(ConnectionError)
    await expect(connecting).rejects.toThrow('refused the login of "guest"')
    await expect(connect({ virtualHost: 'none' })).rejects.toThrow('refused the virtual host "none"')
  })

  it('has a name in RabbitMQ’s own tools', async () => {
    await connect({ connectionName: 'the one that is looked for' })
    expect(await server.control('list_connections', 'client_properties')).toContain('the one that is looked for')
  })

  it('carries bytes and properties as they are', async () => {
    const { channel } = await open()
    const arrived = deferred<AmqpDelivery | null>()
    await channel.basicConsume('q', arrived.resolve, { noAck: true, exclusive: false })
    const content = Buffer.from([0, 0xff])
    const options = { contentType: 'a/b', headers: { id: 'x', deep: { list: [1, null, true] } }, priority: 3 }
    expect(await channel.basicPublish([{ exchange: '', routingKey: 'q', content, options }])).toEqual([])
    expect(await arrived.promise).toMatchObject({ content, properties: options, fields: { routingKey: 'q' } })
  })

  it('gives back what is mandatory and reaches no queue, and nothing else', async () => {
    const { channel } = await open()
    const publish = (routingKey: string, mandatory: boolean): object => ({
      exchange: '',
      routingKey,
      content: Buffer.from(''),
      options: { mandatory },
    })
    const batch = [publish('q', true), publish('none', true), publish('none either', false)]
    const returned = await channel.basicPublish(batch as Parameters<AmqpChannel['basicPublish']>[0])
    expect(returned).toEqual([batch[1]])
  })

  it('answers undefined where a queue is empty', async () => {
    const { channel } = await open()
    expect(await channel.basicGet('q', false)).toBeUndefined()
  })

  it('ends the channel with a refusal and says what differs; the connection goes on', async () => {
    const { connection, channel } = await open()
    const declaring = channel.queueDeclare('q', { ...TRANSIENT, arguments: { 'x-max-priority': 5 } })
    await expect(declaring).rejects.toThrow('The queue "q" exists with another "x-max-priority"')
    expect(await channel.closed).toBeInstanceOf(ChannelError)
    const other = await connection.openChannel({ confirms: false })
    expect(await other.queueCheck('q')).toMatchObject({ messageCount: 0 })
  })
})
