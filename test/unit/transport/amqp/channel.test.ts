import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../../../src/errors.ts'
import { AmqpTransportChannel } from '../../../../src/transport/amqp/channel.ts'
import { DelayedDelivery } from '../../../../src/transport/amqp/delayed.ts'
import type { Delivery, ExchangeType, OnDeliveries, Publication } from '../../../../src/transport/transport.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { amqpDelivery, FakeAmqpConnection } from '../../../support/fake-amqp.ts'
import type { FakeAmqpChannel } from '../../../support/fake-amqp.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const NOW = fakeClock().now()

interface Fixture {
  readonly fake: FakeAmqpConnection
  readonly channel: AmqpTransportChannel
  /** What was handed over. */
  readonly deliveries: Delivery[]
  readonly receive: OnDeliveries
  /** How often it told that it is closed. */
  readonly closings: number[]
  /** The AMQP channels' calls, in the order in which they were opened. */
  calls(): string[][]
  /** The AMQP channel that a queue is consumed on. */
  laneOf(queue: string): FakeAmqpChannel
}

function fixture(): Fixture {
  const fake = new FakeAmqpConnection()
  const { connection } = fake
  const deliveries: Delivery[] = []
  const closings: number[] = []
  const channel = new AmqpTransportChannel({
    connection,
    delayed: new DelayedDelivery({ connection, clock: fakeClock(), queueType: 'quorum' }),
    declared: { wideExchanges: new Set(), quorumQueues: new Set() },
    logger: silentLogger(),
    onFailure: () => undefined,
    onClose: () => closings.push(closings.length + 1),
  })
  return {
    fake,
    channel,
    deliveries,
    closings,
    receive: (arrived) => deliveries.push(...arrived),
    calls: () => fake.channels.map(({ calls }) => calls),
    laneOf: (queue) => fake.channels.find(({ calls }) => calls.includes(`basicConsume ${queue}`)) as FakeAmqpChannel,
  }
}

function to(routingKey: string): Publication {
  const message = { body: '', contentType: '', contentEncoding: 'utf-8', headers: {}, properties: {} }
  return { exchange: '', routingKey, message }
}

function tagsOf(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(({ deliveryTag }) => deliveryTag)
}

describe('AmqpTransportChannel', () => {
  it('declares, publishes and consumes on channels of their own', async () => {
    const { channel, receive, calls } = fixture()
    await channel.queuePurge('q')
    await channel.basicPublish([to('q')])
    await channel.basicConsume('a', receive)
    await channel.basicConsume('b', receive)
    await channel.queuePurge('q')
    expect(calls()).toEqual([
      ['queuePurge q', 'queuePurge q'],
      ['basicPublish /q'],
      ['basicQos 0', 'basicConsume a'],
      ['basicQos 0', 'basicConsume b'],
    ])
  })

  it('goes on after a declaration was refused', async () => {
    const { fake, channel, receive, deliveries, laneOf } = fixture()
    await channel.basicConsume('q', receive)
    fake.onOpen = (opened) => opened.refused.add('queueDeclare')
    const declaring = channel.queueDeclare({ name: 'q', durable: false, exclusive: false, autoDelete: false })
    await expect(declaring).rejects.toThrow(ChannelError)
    laneOf('q').deliver(1)
    await nextTurn()
    expect(await channel.queueSize('q')).toBe(0)
    expect(deliveries.length).toBe(1)
  })

  it('answers what the broker says of a queue', async () => {
    const { fake, channel } = fixture()
    fake.onOpen = (opened) => {
      opened.queue = { messageCount: 3, consumerCount: 2 }
    }
    const declaration = { name: 'q', durable: true, exclusive: false, autoDelete: false }
    expect(await channel.queueDeclare(declaration)).toEqual({ name: 'q', messages: 3, consumers: 2 })
    expect([await channel.queueSize('q'), await channel.queuePurge('q'), await channel.queueDelete('q')]).toEqual([
      3, 3, 3,
    ])
  })

  it('leaves the bindings of the default exchange to the broker', async () => {
    const { channel, calls } = fixture()
    await channel.queueBind({ queue: 'q', exchange: '', routingKey: 'q' })
    expect(calls()).toEqual([])
  })

  it.each([
    ['topic', 'quorum', true],
    ['fanout', 'quorum', true],
    ['direct', 'quorum', false],
    ['topic', 'classic', false],
  ] as const)('binding to a %s exchange, a %s queue is bound as Celery does: %s', async (type, queueType, isBound) => {
    const { channel, calls } = fixture()
    await declare(channel, type, queueType)
    await channel.queueBind({ queue: 'q', exchange: 'x', routingKey: 'k' })
    expect(calls().flat().includes('queueBind q x #.k')).toBe(isBound)
  })

  it('forgets what an exchange or a queue was when it is deleted', async () => {
    const { channel, calls } = fixture()
    await declare(channel, 'topic', 'quorum')
    await channel.exchangeDelete('x')
    await channel.queueBind({ queue: 'q', exchange: 'x', routingKey: 'k' })
    await declare(channel, 'topic', 'quorum')
    await channel.queueDelete('q')
    await channel.queueBind({ queue: 'q', exchange: 'x', routingKey: 'k' })
    expect(calls().flat()).not.toContain('queueBind q x #.k')
  })

  it('has one prefetch window for all its consumers, and changes it for those that are there', async () => {
    const { channel, receive, deliveries, laneOf } = fixture()
    await channel.basicConsume('a', receive)
    await channel.basicConsume('b', receive)
    await channel.basicQos(2)
    expect(laneOf('a').calls.slice(2)).toEqual(['basicCancel amq.1', 'basicQos 2', 'basicConsume a'])
    laneOf('a').deliver(1, 2)
    laneOf('b').deliver(1, 2)
    await nextTurn()
    expect(deliveries.map(({ queue }) => queue)).toEqual(['a', 'a'])
    await channel.basicAck(tagsOf(deliveries.slice(0, 1)))
    expect(deliveries.map(({ queue }) => queue)).toEqual(['a', 'a', 'b'])
  })

  it('settles each message where it came from, and what it does not know nowhere', async () => {
    const { channel, receive, deliveries, laneOf } = fixture()
    await channel.basicConsume('a', receive)
    await channel.basicConsume('b', receive)
    laneOf('a').deliver(1, 2)
    laneOf('b').deliver(1, 2)
    await nextTurn()
    const [a1 = 0, a2 = 0, b1 = 0, b2 = 0] = tagsOf(deliveries)
    await channel.basicAck([b1, a1, 12])
    await channel.basicAck([b1])
    await channel.basicReject([a2], true)
    await channel.basicReject([b2], false)
    expect(laneOf('a').calls.slice(2)).toEqual(['basicAck 1 false', 'basicNack 2 false true'])
    expect(laneOf('b').calls.slice(2)).toEqual(['basicAck 1 false', 'basicNack 2 false false'])
  })

  it('publishes what is to come later anew, before it acknowledges it', async () => {
    const { fake, channel, receive, deliveries, laneOf } = fixture()
    await channel.basicConsume('q', receive)
    laneOf('q').deliver(1)
    await nextTurn()
    const taken = deferred<void>()
    fake.blocked = taken.promise
    const rejecting = channel.basicReject(tagsOf(deliveries), true, { dueMs: NOW + 1000 })
    await nextTurn()
    expect(laneOf('q').calls).not.toContain('basicAck 1 false')
    taken.resolve()
    await rejecting
    const [published] = fake.channels.flatMap((opened) => opened.published)
    expect(published).toMatchObject({ exchange: 'celery_delayed_27', content: Buffer.from('1') })
    expect(laneOf('q').calls).toContain('basicAck 1 false')
  })

  it('takes one by one until it has enough or nothing is left, to be settled as others are', async () => {
    const { fake, channel, calls } = fixture()
    fake.onOpen = (opened) => opened.waiting.push(...[1, 2, 3].map(amqpDelivery))
    const taken = await channel.basicGet('q', 2)
    expect(taken.map(({ queue, message }) => [queue, message.body])).toEqual([
      ['q', '1'],
      ['q', '2'],
    ])
    expect((await channel.basicGet('q', 2)).length).toBe(1)
    await channel.basicAck(tagsOf(taken))
    const gets = Array.from({ length: 4 }, () => 'basicGet q false')
    expect(calls()).toEqual([[...gets, 'basicAck 2 true']])
  })

  it('takes without acknowledgement what needs none', async () => {
    const { fake, channel, calls } = fixture()
    fake.onOpen = (opened) => opened.waiting.push(amqpDelivery(1))
    await channel.basicAck(tagsOf(await channel.basicGet('q', 1, { noAck: true })))
    expect(calls()).toEqual([['basicGet q true']])
  })

  it('cancels a consumer once, and nothing where there is none', async () => {
    const { channel, receive, laneOf } = fixture()
    const tag = await channel.basicConsume('q', receive)
    await Promise.all([channel.basicCancel(tag), channel.basicCancel(tag), channel.basicCancel('ctag-9')])
    expect(laneOf('q').calls.slice(2)).toEqual(['basicCancel amq.1', 'close'])
  })

  it('tells the broker what was settled before it closes, and hands over nothing more', async () => {
    const { channel, receive, deliveries, closings, laneOf } = fixture()
    await channel.basicConsume('q', receive)
    laneOf('q').deliver(1)
    await nextTurn()
    const settling = channel.basicAck(tagsOf(deliveries))
    const closing = channel.close()
    laneOf('q').deliver(2)
    await Promise.all([settling, closing, channel.close()])
    expect(laneOf('q').calls.slice(2)).toEqual(['basicAck 1 false', 'close'])
    expect(deliveries.length).toBe(1)
    expect(closings).toEqual([1])
  })

  it('refuses every verb after it was closed', async () => {
    const { channel, receive, calls } = fixture()
    await channel.close()
    for (const verb of verbs(channel, receive)) {
      await expect(verb()).rejects.toThrow(new ChannelError('The channel is closed'))
    }
    expect(calls()).toEqual([])
  })

  it('refuses every verb with the reason after the connection was lost', async () => {
    const { channel, receive } = fixture()
    const reason = new Error('gone')
    channel.abort(reason)
    for (const verb of verbs(channel, receive)) {
      const error = await verb().catch((refusal: unknown) => refusal)
      expect(error).toBeInstanceOf(ConnectionError)
      expect(error).toMatchObject({ message: 'The connection was lost: gone', cause: reason })
    }
    await channel.close()
  })

  it('opens no lane for who began to consume before it was closed', async () => {
    const { fake, channel, receive } = fixture()
    const consuming = channel.basicConsume('q', receive)
    await Promise.all([expect(consuming).rejects.toThrow(ChannelError), channel.close()])
    expect(fake.channels.map(({ calls }) => calls)).toEqual([['close']])
  })
})

async function declare(
  channel: AmqpTransportChannel,
  type: ExchangeType,
  queueType: 'quorum' | 'classic',
): Promise<void> {
  await channel.exchangeDeclare({ name: 'x', type, durable: true, autoDelete: false })
  const queue = { name: 'q', durable: true, exclusive: false, autoDelete: false }
  await channel.queueDeclare({ ...queue, arguments: { 'x-queue-type': queueType } })
}

function verbs(channel: AmqpTransportChannel, receive: OnDeliveries): (() => Promise<unknown>)[] {
  const queue = { name: 'q', durable: true, exclusive: false, autoDelete: false }
  const binding = { queue: 'q', exchange: 'x', routingKey: 'k' }
  return [
    () => channel.exchangeDeclare({ name: 'x', type: 'topic', durable: true, autoDelete: false }),
    () => channel.exchangeDelete('x'),
    () => channel.queueDeclare(queue),
    () => channel.queueSize('q'),
    () => channel.queuePurge('q'),
    () => channel.queueDelete('q'),
    () => channel.queueBind(binding),
    () => channel.queueUnbind(binding),
    () => channel.basicPublish([to('q')]),
    () => channel.basicQos(1),
    () => channel.basicConsume('q', receive),
    () => channel.basicGet('q', 1),
    () => channel.basicAck([1]),
    () => channel.basicReject([1], true),
  ]
}
