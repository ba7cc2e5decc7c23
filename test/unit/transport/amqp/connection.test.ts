import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../../../src/errors.ts'
import { AmqpTransportConnection } from '../../../../src/transport/amqp/connection.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { FakeAmqpConnection } from '../../../support/fake-amqp.ts'
import type { FakeAmqpChannel } from '../../../support/fake-amqp.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'

interface Fixture {
  readonly fake: FakeAmqpConnection
  readonly connection: AmqpTransportConnection
  readonly clock: FakeClock
  readonly log: string[]
}

function fixture(): Fixture {
  const fake = new FakeAmqpConnection()
  const clock = fakeClock()
  const log: string[] = []
  const logger = createLogger({ level: 'INFO', write: ({ level, message }) => log.push(`${level} ${message}`) })
  const parts = { connection: fake.connection, clock, logger, delayedQueueType: 'classic' } as const
  return { fake, clock, log, connection: new AmqpTransportConnection(parts) }
}

/** The broker does not answer when the channel is to be closed. */
function neverCloses(channel: FakeAmqpChannel): void {
  channel.close = () => new Promise(() => undefined)
}

describe('AmqpTransportConnection', () => {
  it('closes its channels, and then itself', async () => {
    const { fake, connection, clock } = fixture()
    const channel = await connection.openChannel()
    await channel.queuePurge('q')
    await Promise.all([connection.close(), connection.close()])
    expect(fake.channels[0]?.calls).toEqual(['queuePurge q', 'close'])
    expect([fake.isClosed, await connection.closed, clock.pending]).toEqual([true, undefined, 0])
    await expect(channel.queuePurge('q')).rejects.toThrow(ChannelError)
  })

  it('tells why it is over, itself and all its channels', async () => {
    const { fake, connection } = fixture()
    const channel = await connection.openChannel()
    const reason = new ConnectionError('gone')
    fake.end(reason)
    expect(await connection.closed).toBe(reason)
    const late = await connection.openChannel()
    for (const each of [channel, late]) {
      await expect(each.queuePurge('q')).rejects.toThrow(new ConnectionError('The connection was lost: gone'))
    }
    await connection.close()
  })

  it('opens channels that refuse everything when it is over', async () => {
    const { fake, connection } = fixture()
    await connection.close()
    const channel = await connection.openChannel()
    await expect(channel.queuePurge('q')).rejects.toThrow(ChannelError)
    expect(fake.channels).toEqual([])
  })

  it('ends when one of its consumers cannot go on', async () => {
    const { fake, connection } = fixture()
    const [consuming, other] = [await connection.openChannel(), await connection.openChannel()]
    await consuming.basicConsume('q', () => undefined)
    fake.onOpen = (channel) => channel.refused.add('basicConsume')
    fake.channels[0]?.end(new ChannelError('too slow'))
    expect((await connection.closed)?.message).toBe('basicConsume is refused')
    expect(fake.isClosed).toBe(true)
    await expect(other.queuePurge('q')).rejects.toThrow(ConnectionError)
  })

  it('waits two seconds for channels that do not close', async () => {
    const { fake, connection, clock } = fixture()
    fake.onOpen = neverCloses
    await (await connection.openChannel()).queuePurge('q')
    const closing = connection.close()
    await clock.advance(1999)
    expect(fake.isClosed).toBe(false)
    await clock.advance(1)
    await closing
    expect(fake.isClosed).toBe(true)
  })

  it('does not wait for channels while the broker takes nothing', async () => {
    const { fake, connection } = fixture()
    fake.onOpen = neverCloses
    await (await connection.openChannel()).queuePurge('q')
    fake.blocked = new Promise(() => undefined)
    await connection.close()
    expect(fake.isClosed).toBe(true)
  })

  it('knows on one channel what was declared on another', async () => {
    const { fake, connection } = fixture()
    const [declaring, binding] = [await connection.openChannel(), await connection.openChannel()]
    await declaring.exchangeDeclare({ name: 'x', type: 'topic', durable: true, autoDelete: false })
    const queue = { name: 'q', durable: true, exclusive: false, autoDelete: false }
    await declaring.queueDeclare({ ...queue, arguments: { 'x-queue-type': 'quorum' } })
    await binding.queueBind({ queue: 'q', exchange: 'x', routingKey: 'k' })
    expect(fake.channels.flatMap(({ calls }) => calls)).toContain('queueBind q x #.k')
  })

  it('delays in queues of the type that it was told', async () => {
    const { fake, connection, clock } = fixture()
    const message = { body: '', contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} }
    const publication = { exchange: 'x', routingKey: 'k', message, dueMs: clock.now() + 1 }
    await (await connection.openChannel()).basicPublish([publication])
    const declared = fake.channels.flatMap(({ calls }) => calls).filter((call) => call.startsWith('queueDeclare'))
    expect(declared).toEqual([expect.stringContaining('"x-queue-type":"classic"')])
  })

  it('logs while the broker takes nothing', () => {
    const { fake, log } = fixture()
    fake.tellBlocked('low on disk')
    fake.tellBlocked(undefined)
    expect(log).toEqual([
      'WARNING RabbitMQ takes no messages until it has recovered (low on disk): publications wait',
      'INFO RabbitMQ takes messages again',
    ])
  })
})
