import { describe, expect, it, onTestFinished } from 'vitest'
import { SqliteFiles } from '../../../src/driver/sqlite.ts'
import { ChannelError, ConnectionError, ImproperlyConfigured } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import type { IncomingMessage } from '../../../src/messaging/consumer.ts'
import { createQueue } from '../../../src/messaging/queue.ts'
import { encodeTask } from '../../../src/protocol/task.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { Consumer } from '../../../src/worker/consumer.ts'
import type { ConsumerParts } from '../../../src/worker/consumer.ts'
import { CutTransport } from '../../support/cut-transport.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly consumer: Consumer
  readonly transport: CutTransport
  readonly clock: FakeClock
  readonly received: IncomingMessage[]
  /** What happened to the parts beside the queues. */
  readonly trail: string[]
  readonly lines: string[]
  publish(...bodies: string[]): Promise<void>
}

function fixture(
  changes: Partial<ConsumerParts> = {},
  maxRetries: number | null = null,
  transport: CutTransport = new CutTransport(),
): Fixture {
  const clock = fakeClock()
  const transports = new TransportRegistry()
  transports.registerTransport('cut', transport.load)
  const received: IncomingMessage[] = []
  const trail: string[] = []
  const lines: string[] = []
  const logger = createLogger({ level: 'DEBUG', write: (record) => lines.push(`${record.level} ${record.message}`) })
  const context = { logger, clock, sqlite: new SqliteFiles() }
  const open = (): BrokerConnection =>
    new BrokerConnection({ urls: 'cut://', transports, context, maxRetries, random: () => 1 })
  const consumer = new Consumer({
    broker: open(),
    queues: [createQueue('celery')],
    prefetchCount: 2,
    purge: false,
    retryFirst: true,
    retryLost: true,
    retryRefused: false,
    hasRoom: () => true,
    logger,
    clock,
    onMessages: (messages) => received.push(...messages),
    attach: async () => {
      trail.push('attach')
      return async () => void trail.push('detach')
    },
    onLost: () => void trail.push('lost'),
    ...changes,
  })
  const publishing = open()
  onTestFinished(async () => {
    await consumer.stop()
    await publishing.close()
  })
  return {
    consumer,
    transport,
    clock,
    received,
    trail,
    lines,
    publish: (...bodies) =>
      publishing.withChannel((channel) =>
        channel.basicPublish(
          bodies.map((body) => {
            const { headers, properties } = encodeTask({ id: body, name: 'a', args: [], kwargs: {}, origin: '' })
            const message = { body, headers, properties, contentType: 'text/plain', contentEncoding: 'utf-8' }
            return { exchange: '', routingKey: 'celery', message }
          }),
        ),
      ),
  }
}

const bodiesOf = (messages: readonly IncomingMessage[]): unknown[] => messages.map(({ message }) => message.body)

describe('start', () => {
  it('consumes the queues, as many messages at a time as it may', async () => {
    const { consumer, publish, received, trail } = fixture()
    await consumer.start()
    await publish('1', '2', '3')
    await waitFor(() => received.length === 2)
    await consumer.setPrefetchCount(3)
    await waitFor(() => received.length === 3)
    expect([bodiesOf(received), trail]).toEqual([['1', '2', '3'], ['attach']])
  })

  it('rejects at once when the first connection is not to be tried again', async () => {
    const { consumer, transport } = fixture({ retryFirst: false })
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    await expect(consumer.start()).rejects.toThrow('away')
    expect(transport.open).toBe(0)
  })

  it('tries again otherwise', async () => {
    const { consumer, transport, clock } = fixture()
    let attempts = 0
    transport.onConnect = () => {
      attempts += 1
      if (attempts < 3) throw new ConnectionError('away')
    }
    const started = consumer.start()
    await clock.advance(60_000)
    await started
    expect(attempts).toBe(3)
  })

  it('rejects when the queues cannot be had, and leaves nothing open once it is stopped', async () => {
    const { consumer, transport, trail } = fixture()
    transport.onVerb = (verb) => {
      if (verb === 'queueDeclare') throw new ChannelError('not with these arguments')
    }
    await expect(consumer.start()).rejects.toThrow('not with these arguments')
    await consumer.stop()
    // What may have come in meanwhile is forgotten.
    expect([transport.open, trail]).toEqual([0, ['attach', 'detach', 'lost']])
  })

  it('tries again otherwise, and when the broker was lost on the way', async () => {
    const { consumer, transport, clock, received, publish } = fixture({ retryRefused: true })
    const errors = [new ChannelError('not yet'), new ConnectionError('gone')]
    transport.onVerb = (verb) => {
      const error = verb === 'queueDeclare' ? errors.shift() : undefined
      if (error !== undefined) throw error
    }
    const started = consumer.start()
    await clock.advance(10_000)
    await started
    await publish('1')
    await waitFor(() => received.length === 1)
  })

  it('tells of each attempt', async () => {
    const { consumer, transport, clock, lines } = fixture({}, 2)
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const failing = expect(consumer.start()).rejects.toThrow('away')
    await clock.advance(60_000)
    await failing
    expect(lines.filter((line) => line.startsWith('ERROR'))).toEqual([
      'ERROR consumer: Cannot connect to cut://: away. Trying again in 2.00 seconds... (1/2)',
      'ERROR consumer: Cannot connect to cut://: away. Trying again in 4.00 seconds... (2/2)',
    ])
  })

  it('goes to another connection when the broker stops answering in the middle', async () => {
    const { consumer, transport, clock, received, publish } = fixture()
    let asked = 0
    transport.onVerb = (verb) => {
      if (verb !== 'basicConsume') return undefined
      asked += 1
      return asked === 1 ? new Promise<void>(() => undefined) : undefined
    }
    const started = consumer.start()
    await waitFor(() => asked === 1)
    await clock.advance(30_000)
    expect(transport.connections[0]?.isOpen).toBe(false)
    await clock.advance(2000)
    await started
    await publish('1')
    await waitFor(() => received.length === 1)
  })

  it('throws away what waits, if asked to, but not what comes later', async () => {
    const before = fixture()
    await before.consumer.start()
    await before.consumer.stop()
    await before.publish('old', 'older')
    const { consumer, publish, received, lines } = fixture({ purge: true }, null, before.transport)
    await consumer.start()
    await publish('new')
    await waitFor(() => received.length === 1)
    expect([bodiesOf(received), lines]).toEqual([['new'], ['INFO Purged 2 messages before the start']])
  })
})

describe('a connection that is lost', () => {
  it('is replaced, with all that lived on it', async () => {
    const { consumer, transport, publish, received, trail, lines } = fixture()
    await consumer.start()
    await publish('1')
    await waitFor(() => received.length === 1)
    await transport.cut()
    await publish('2')
    await waitFor(() => received.length === 3)
    expect(bodiesOf(received)).toEqual(['1', '1', '2'])
    expect(received[1]?.deliveryInfo.redelivered).toBe(true)
    expect(trail).toEqual(['attach', 'lost', 'attach'])
    expect(lines).toContain('ERROR consumer: Connection to broker lost. Trying to re-establish the connection...')
    await consumer.stop()
    expect(trail.at(-1)).toBe('detach')
  })

  it('is replaced again, as often as it is lost', async () => {
    const { consumer, transport, publish, received } = fixture({ prefetchCount: 0 })
    await consumer.start()
    for (let round = 1; round <= 3; round += 1) {
      await transport.cut()
      await waitFor(() => transport.connections.length > round && transport.open > 0)
    }
    await publish('1')
    await waitFor(() => received.length === 1)
  })

  it('fetches as many messages as are wanted, and says where it cannot', async () => {
    let wanted = 1
    const { consumer, publish, received, lines } = fixture({ prefetchCount: 0, wanted: () => wanted - received.length })
    await consumer.start()
    await publish('1', '2', '3')
    await waitFor(() => received.length === 1)
    wanted = 2
    consumer.fetch()
    await waitFor(() => received.length === 2)
    expect(lines.some((line) => line.includes('workerDisablePrefetch'))).toBe(false)
    const pushed = fixture({ wanted: () => 0 })
    pushed.transport.features = { fetches: false }
    await pushed.consumer.start()
    expect(pushed.lines.some((line) => line.includes('workerDisablePrefetch'))).toBe(true)
  })

  it('keeps the prefetch count that was set meanwhile', async () => {
    const { consumer, transport, publish, received } = fixture()
    await consumer.start()
    await transport.cut()
    await consumer.setPrefetchCount(5)
    await publish('1', '2', '3')
    await waitFor(() => received.length === 3)
  })

  it('is tried again when it is lost in the middle of being made', async () => {
    const { consumer, transport, clock, publish, received, lines } = fixture()
    await consumer.start()
    let failures = 0
    transport.onVerb = (verb) => {
      if (verb !== 'basicConsume' || failures === 2) return
      failures += 1
      throw new ConnectionError('again')
    }
    await transport.cut()
    await waitFor(() => failures === 1)
    await clock.advance(2000)
    await waitFor(() => failures === 2)
    await clock.advance(4000)
    await publish('1')
    await waitFor(() => received.length === 1)
    expect(lines.filter((line) => line.includes('cannot be consumed'))).toHaveLength(2)
  })

  it('is not replaced in haste when the broker loses one after the other', async () => {
    const { consumer, transport, clock } = fixture()
    await consumer.start()
    for (let round = 1; round <= 6; round += 1) {
      await waitFor(() => transport.connections.length === round)
      await waitFor(() => transport.open === 1)
      await transport.cut()
    }
    await waitFor(() => clock.pending > 0)
    expect(transport.connections).toHaveLength(6)
    await clock.advance(4000)
    await waitFor(() => transport.connections.length === 7)
  })

  it('is found when nobody says so: the broker does not answer', async () => {
    const { consumer, transport, clock, publish, received, lines } = fixture()
    await consumer.start()
    transport.onVerb = (verb) => (verb === 'queueSize' ? new Promise<void>(() => undefined) : undefined)
    await clock.advance(25_000)
    await waitFor(() => transport.connections.length === 2)
    expect(lines).toContain('WARNING Connection to cut:// lost: No answer within 15 s')
    await publish('1')
    await waitFor(() => received.length === 1)
  })

  it('ends the consumer when it is not to be replaced', async () => {
    const { consumer, transport, trail } = fixture({ retryLost: false })
    await consumer.start()
    await transport.cut()
    await expect(consumer.ended()).rejects.toThrow('cut')
    expect([trail, transport.connections.length]).toEqual([['attach', 'lost'], 1])
  })

  it('ends the consumer when it cannot be had any more', async () => {
    const { consumer, transport } = fixture({}, 0)
    await consumer.start()
    transport.onConnect = () => {
      throw new ConnectionError('gone for good')
    }
    await transport.cut()
    await expect(consumer.ended()).rejects.toThrow('gone for good')
    await consumer.stop()
  })

  it('ends the consumer when what is wrong does not pass', async () => {
    let attached = 0
    const attach: ConsumerParts['attach'] = async () => {
      attached += 1
      if (attached > 1) throw new ImproperlyConfigured('wrong')
      return () => Promise.resolve()
    }
    const { consumer, transport } = fixture({ attach })
    await consumer.start()
    await transport.cut()
    await expect(consumer.ended()).rejects.toThrow('wrong')
    await consumer.stop()
    expect(transport.open).toBe(0)
  })
})

describe('stopping', () => {
  it('first takes no more messages, and lets those in hand be acknowledged', async () => {
    const { consumer, publish, received, transport } = fixture()
    await consumer.start()
    await publish('1')
    await waitFor(() => received.length === 1)
    await consumer.stopConsuming()
    await consumer.stopConsuming()
    await publish('2')
    await received[0]?.ack()
    await consumer.stop()
    await consumer.stop()
    await consumer.ended()
    expect(bodiesOf(received)).toEqual(['1'])
    expect(transport.connections[0]?.isOpen).toBe(false)
  })

  it('works before the start, and while it connects', async () => {
    const { consumer, transport, clock } = fixture()
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const starting = expect(consumer.start()).rejects.toThrow()
    await waitFor(() => clock.pending > 0)
    await consumer.stop()
    await starting
    expect(transport.open).toBe(0)
    await expect(consumer.start()).rejects.toThrow()
  })

  it('works while it connects again', async () => {
    const { consumer, transport, clock } = fixture()
    await consumer.start()
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    await transport.cut()
    await waitFor(() => clock.pending > 0)
    await consumer.stopConsuming()
    await consumer.stop()
    await consumer.ended()
  })

  it('works on a connection that is lost', async () => {
    const { consumer, transport, trail } = fixture()
    await consumer.start()
    transport.onVerb = () => {
      throw new ConnectionError('cut')
    }
    await consumer.stop()
    expect([transport.open, trail]).toEqual([0, ['attach', 'detach']])
  })
})

describe('queues', () => {
  it('are added and cancelled, also over a lost connection', async () => {
    const { consumer, transport, received, publish } = fixture({ queues: [createQueue('other')] })
    const names = (): string[] => consumer.queues.map(({ name }) => name)
    await consumer.addQueue(createQueue('early'))
    await consumer.start()
    await consumer.addQueue(createQueue('celery'))
    await consumer.addQueue(createQueue('celery'))
    await consumer.cancelQueue('other')
    await consumer.cancelQueue('nowhere')
    expect(names()).toEqual(['early', 'celery'])
    await publish('a')
    await waitFor(() => received.length === 1)
    await transport.cut()
    await waitFor(() => received.length === 2)
    await consumer.cancelQueue('celery')
    await transport.cut()
    await publish('b')
    expect([names(), received.length]).toEqual([['early'], 2])
  })

  it('that the broker refuses are not consumed', async () => {
    const { consumer } = fixture()
    await consumer.start()
    const broken = createQueue({ name: 'x', onDeclared: () => { throw new ChannelError('inequivalent') } }) // prettier-ignore
    await expect(consumer.addQueue(broken)).rejects.toThrow('inequivalent')
    expect(consumer.queues.map(({ name }) => name)).toEqual(['celery'])
  })
})
