import { describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../../../src/errors.ts'
import { AmqpConsumer } from '../../../../src/transport/amqp/consumer.ts'
import { Lane } from '../../../../src/transport/amqp/lane.ts'
import { Window } from '../../../../src/transport/amqp/window.ts'
import type { ConsumeOptions } from '../../../../src/transport/transport.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { FakeAmqpConnection } from '../../../support/fake-amqp.ts'
import type { FakeAmqpChannel } from '../../../support/fake-amqp.ts'

interface Fixture {
  readonly consumer: AmqpConsumer
  readonly fake: FakeAmqpConnection
  readonly window: Window
  readonly lanes: Lane[]
  /** The bodies that were handed over. */
  readonly bodies: unknown[]
  readonly log: string[]
  readonly failures: Error[]
  /** The AMQP channel of the first lane. */
  first(): FakeAmqpChannel
}

function fixture(options: ConsumeOptions = {}): Fixture {
  const fake = new FakeAmqpConnection()
  const window = new Window()
  const lanes: Lane[] = []
  const bodies: unknown[] = []
  const log: string[] = []
  const failures: Error[] = []
  const consumer = new AmqpConsumer({
    queue: 'q',
    options,
    window,
    logger: createLogger({ write: ({ level, message }) => log.push(`${level} ${message}`) }),
    onDeliveries: (deliveries) => bodies.push(...deliveries.map(({ message }) => message.body)),
    onFailure: (error) => failures.push(error),
    openLane: async () => {
      const lane = new Lane(lanes.length, await fake.openChannel(), (count) => {
        window.release(count)
      })
      lanes.push(lane)
      return lane
    },
  })
  const first = (): FakeAmqpChannel => fake.channels[0] as FakeAmqpChannel
  return { consumer, fake, window, lanes, bodies, log, failures, first }
}

describe('AmqpConsumer', () => {
  it('says how many it may hold before it consumes, and hands over what comes', async () => {
    const { consumer, first, bodies, lanes } = fixture()
    await consumer.start(2)
    first().deliver(1, 2)
    await nextTurn()
    expect(first().calls).toEqual(['basicQos 2', 'basicConsume q'])
    expect(bodies).toEqual(['1', '2'])
    expect(lanes[0]?.unsettled([1, 2, 3])).toEqual([1, 2])
  })

  it('takes more than RabbitMQ can count for no limit', async () => {
    const { consumer, first } = fixture()
    await consumer.start(65_536)
    expect(first().calls[0]).toBe('basicQos 0')
  })

  it('holds and counts nothing that needs no acknowledgement', async () => {
    const { consumer, first, bodies, lanes } = fixture({ noAck: true })
    await consumer.start(1)
    await consumer.setPrefetchCount(5)
    first().deliver(1, 2)
    await nextTurn()
    expect(first().calls).toEqual(['basicConsume q'])
    expect(bodies).toEqual(['1', '2'])
    expect(lanes[0]?.unsettled([1, 2])).toEqual([])
  })

  it('consumes anew on its lane with another prefetch count, the last one of several', async () => {
    const { consumer, fake, first } = fixture()
    await consumer.start(1)
    await Promise.all([consumer.setPrefetchCount(3), consumer.setPrefetchCount(5)])
    await consumer.setPrefetchCount(5)
    expect(fake.channels.length).toBe(1)
    expect(first().calls.slice(2)).toEqual(['basicCancel amq.1', 'basicQos 5', 'basicConsume q'])
  })

  it('rejects where it cannot begin, and leaves no lane behind', async () => {
    const { consumer, fake, first, failures } = fixture()
    fake.onOpen = (channel) => channel.refused.add('basicConsume')
    await expect(consumer.start(1)).rejects.toThrow('basicConsume is refused')
    expect(first().calls.at(-1)).toBe('close')
    expect(failures).toEqual([])
  })

  it('consumes again on its lane after the broker has cancelled it', async () => {
    const { consumer, fake, first, log, failures } = fixture()
    await consumer.start(1)
    first().onMessage(null)
    await nextTurn()
    expect(fake.channels.length).toBe(1)
    expect(first().calls.slice(2)).toEqual(['basicQos 1', 'basicConsume q'])
    expect(log).toEqual(['WARNING RabbitMQ cancelled the consumer of queue "q"; consuming it again'])
    expect(failures).toEqual([])
  })

  it('consumes again on another lane after the broker has closed its own', async () => {
    const { consumer, fake, first, lanes, log } = fixture()
    await consumer.start(1)
    first().deliver(1)
    const failure = new ChannelError('too slow')
    first().end(failure)
    await nextTurn()
    expect(fake.channels.map(({ calls }) => calls)).toEqual([
      ['basicQos 1', 'basicConsume q'],
      ['basicQos 1', 'basicConsume q'],
    ])
    await expect(lanes[0]?.settle([1], 'ack')).rejects.toBe(failure)
    expect(log).toEqual(['ERROR RabbitMQ closed the channel that queue "q" is consumed on; consuming it again'])
  })

  it('has room again for what was unacknowledged on the lane that is closed', async () => {
    const { consumer, window, fake, first, bodies } = fixture()
    window.resize(1)
    await consumer.start(1)
    first().deliver(1, 2)
    await nextTurn()
    first().end(new ChannelError('too slow'))
    await nextTurn()
    fake.channels[1]?.deliver(3, 4)
    await nextTurn()
    expect(bodies).toEqual(['1', '3'])
  })

  it('tells when it cannot go on', async () => {
    const { consumer, fake, first, failures } = fixture()
    await consumer.start(1)
    fake.onOpen = (channel) => channel.refused.add('basicConsume')
    first().end(new ChannelError('too slow'))
    await nextTurn()
    expect(failures.map(({ message }) => message)).toEqual(['basicConsume is refused'])
    expect(fake.channels.length).toBe(2)
  })

  it('leaves the rest to its owner where the connection is lost', async () => {
    const { consumer, fake, first, log, failures } = fixture()
    await consumer.start(1)
    first().end(new ConnectionError('gone'))
    await nextTurn()
    expect([fake.channels.length, log, failures]).toEqual([1, [], []])
  })

  it('is stopped: gives back what found no room, and closes its lane when the rest is settled', async () => {
    const { consumer, window, lanes, first, bodies } = fixture()
    window.resize(1)
    await consumer.start(0)
    first().deliver(1, 2)
    await consumer.stop()
    expect(bodies).toEqual(['1'])
    await nextTurn()
    expect(first().calls.slice(2)).toEqual(['basicCancel amq.1', 'basicNack 2 false true'])
    await lanes[0]?.settle([1], 'ack')
    await nextTurn()
    expect(first().calls.slice(4)).toEqual(['basicAck 1 false', 'close'])
  })

  it('does not begin again after it was stopped', async () => {
    const { consumer, fake, first, log } = fixture()
    await consumer.start(1)
    first().deliver(1)
    await consumer.stop()
    await consumer.stop()
    await consumer.setPrefetchCount(7)
    first().end(new ChannelError('too slow'))
    await nextTurn()
    expect(fake.channels.length).toBe(1)
    expect(first().calls.slice(2)).toEqual(['basicCancel amq.1'])
    expect(log).toEqual([])
  })
})
