import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { migrate } from '../../../src/messaging/migration.ts'
import type { MigrationOptions, MigrationProgress } from '../../../src/messaging/migration.ts'
import { createQueue } from '../../../src/messaging/queue.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import type { Channel, Delivery, Publication } from '../../../src/transport/transport.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { transportContext } from '../../support/context.ts'
import { plainMessage } from '../../support/fake-store.ts'

let connections: BrokerConnection[]

beforeEach(() => {
  connections = []
})

afterEach(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
})

/** Two brokers with a queue each way in, and what a test wants to know of them. */
class Bench {
  readonly source = connect()
  readonly destination = connect()

  async fill(...bodies: readonly string[]): Promise<void> {
    await this.put(bodies.map((body) => ({ exchange: '', routingKey: 'q', message: plainMessage(body) })))
  }

  async put(publications: readonly Publication[]): Promise<void> {
    await this.source.withChannel((channel) => channel.basicPublish(publications))
  }

  run(changes: Partial<MigrationOptions> = {}) {
    return migrate({
      source: this.source,
      destination: this.destination,
      queues: [{ source: 'q', destination: createQueue({ name: 'q' }) }],
      clock: systemClock,
      acknowledge: true,
      idleMs: 1,
      forever: false,
      ...changes,
    })
  }
}

function connect(): BrokerConnection {
  const transports = new TransportRegistry()
  const transport = new MemoryTransport()
  transports.registerTransport('memory', async () => transport)
  const connection = new BrokerConnection({ urls: 'memory://', transports, context: transportContext() })
  connections.push(connection)
  return connection
}

/** What waits in the queue; it is still there afterwards. */
function look(connection: BrokerConnection, queue = 'q'): Promise<readonly Delivery[]> {
  return connection.withChannel((channel) => channel.basicGet(queue, 1000))
}

async function bodies(connection: BrokerConnection, queue = 'q'): Promise<unknown[]> {
  return (await look(connection, queue)).map(({ message }) => message.body)
}

/** The channels of this connection are changed before they are used. */
async function change(connection: BrokerConnection, how: (channel: Channel) => void): Promise<void> {
  const open = await connection.ensure()
  const openChannel = open.openChannel.bind(open)
  open.openChannel = async () => {
    const channel = await openChannel()
    how(channel)
    return channel
  }
}

const isOdd = ({ body }: Message): boolean => Number(body) % 2 === 1

describe('migrate', () => {
  it('moves all messages in their order, and leaves nothing', async () => {
    const bench = new Bench()
    const all = Array.from({ length: 250 }, (_, index) => String(index))
    await bench.fill(...all)
    expect(await bench.run()).toEqual({
      moved: 250,
      skipped: 0,
      total: 250,
      remaining: 0,
      aborted: false,
      refused: [],
    })
    expect(await bodies(bench.source)).toEqual([])
    expect(await bodies(bench.destination)).toEqual(all)
  })

  it('copies: the source keeps its messages in their places, unmarked', async () => {
    const bench = new Bench()
    await bench.fill('1', '2', '3')
    expect(await bench.run({ acknowledge: false })).toMatchObject({ moved: 3, remaining: 3 })
    expect(await bodies(bench.destination)).toEqual(['1', '2', '3'])
    const kept = await look(bench.source)
    expect(kept.map(({ message, redelivered }) => [message.body, redelivered])).toEqual([
      ['1', false],
      ['2', false],
      ['3', false],
    ])
  })

  it('changes nothing in a message', async () => {
    const bench = new Bench()
    const message: Message = {
      body: new Uint8Array([0, 255, 1]),
      contentType: 'application/x-python-serialize',
      contentEncoding: 'binary',
      headers: { task: 'proj.x', eta: '2030-01-01T00:00:00', compression: 'gzip', timelimit: [null, 3.5] },
      properties: { correlation_id: 'c', priority: 7, delivery_mode: 2, reply_to: 'r', 'x-own': 'kept' },
    }
    await bench.put([{ exchange: '', routingKey: 'q', message }])
    await bench.run()
    expect((await look(bench.destination)).map((delivery) => delivery.message)).toEqual([message])
  })

  it('goes from queue to queue, whatever is bound to what', async () => {
    const bench = new Bench()
    const fanout = { name: 'news', type: 'fanout', durable: true, autoDelete: false } as const
    for (const connection of [bench.source, bench.destination]) {
      await connection.withChannel(async (channel) => {
        await channel.exchangeDeclare(fanout)
        for (const queue of ['a', 'b']) await channel.queueBind({ exchange: 'news', queue, routingKey: '' })
      })
    }
    await bench.put([{ exchange: 'news', routingKey: '', message: plainMessage('once') }])
    await bench.run({ queues: [{ source: 'a', destination: createQueue({ name: 'c' }) }] })
    expect(await bodies(bench.destination, 'c')).toEqual(['once'])
    expect(await bodies(bench.destination, 'a')).toEqual([])
    expect(await bodies(bench.source, 'b')).toEqual(['once'])
  })

  it('leaves what is not wanted where it was', async () => {
    const bench = new Bench()
    await bench.fill('1', '2', '3', '4')
    expect(await bench.run({ wanted: isOdd })).toMatchObject({ moved: 2, skipped: 2, remaining: 2 })
    expect(await bodies(bench.destination)).toEqual(['1', '3'])
    expect(await bodies(bench.source)).toEqual(['2', '4'])
  })

  it('stops at its limit, of wanted ones', async () => {
    const bench = new Bench()
    await bench.fill('1', '2', '3', '4', '5')
    expect(await bench.run({ limit: 2, wanted: isOdd })).toMatchObject({ moved: 2 })
    expect(await bodies(bench.destination)).toEqual(['1', '3'])
    expect(await bodies(bench.source)).toEqual(['2', '4', '5'])
  })

  it('tells how far it has come', async () => {
    const bench = new Bench()
    await bench.fill(...Array.from({ length: 150 }, String))
    const told: MigrationProgress[] = []
    await bench.run({ onProgress: (progress) => told.push(progress) })
    expect(told).toEqual([
      { moved: 0, skipped: 0, total: 150 },
      { moved: 100, skipped: 0, total: 150 },
      { moved: 150, skipped: 0, total: 150 },
    ])
  })

  it('goes on for ever, until its signal', async () => {
    const bench = new Bench()
    const abort = new AbortController()
    await bench.fill('1')
    const result = bench.run({
      forever: true,
      signal: abort.signal,
      onProgress: ({ moved }) => {
        if (moved === 1) void bench.fill('2')
        if (moved === 2) abort.abort()
      },
    })
    expect(await result).toMatchObject({ moved: 2, aborted: true })
  })
})

describe('what fails', () => {
  it('at the destination leaves the message at the source', async () => {
    const bench = new Bench()
    await bench.fill('1', '2')
    await change(bench.destination, (channel) => {
      channel.basicPublish = () => Promise.reject(new ConnectionError('lost'))
    })
    await expect(bench.run()).rejects.toThrow('lost')
    expect(await bodies(bench.source)).toEqual(['1', '2'])
  })

  it('acknowledges nothing before the destination has confirmed', async () => {
    const bench = new Bench()
    await bench.fill('1')
    const order: string[] = []
    await change(bench.destination, (channel) => {
      const publish = channel.basicPublish.bind(channel)
      channel.basicPublish = async (publications) => {
        expect(publications.every(({ mandatory }) => mandatory)).toBe(true)
        await publish(publications)
        order.push('confirmed')
      }
    })
    await change(bench.source, (channel) => {
      const ack = channel.basicAck.bind(channel)
      channel.basicAck = async (tags) => {
        order.push('acknowledged')
        await ack(tags)
      }
    })
    await bench.run()
    expect(order).toEqual(['confirmed', 'acknowledged'])
  })

  it('for one queue is told, for all is thrown', async () => {
    const bench = new Bench()
    await bench.fill('1')
    await change(bench.source, (channel) => {
      const size = channel.queueSize?.bind(channel)
      channel.queueSize = async (queue) => {
        if (queue === 'gone') throw new ChannelError('no queue "gone"')
        return (await size?.(queue)) ?? 0
      }
    })
    const pair = (name: string) => ({ source: name, destination: createQueue({ name }) })
    const both = await bench.run({ queues: [pair('gone'), pair('q')] })
    expect(both).toMatchObject({ moved: 1, refused: [{ queue: 'gone', reason: 'no queue "gone"' }] })
    await expect(bench.run({ queues: [pair('gone')] })).rejects.toThrow('no queue "gone"')
  })

  it('uses a queue as it stands, where it was declared otherwise', async () => {
    const bench = new Bench()
    await bench.fill('1')
    await change(bench.destination, (channel) => {
      channel.queueDeclare = () => Promise.reject(new ChannelError('declared otherwise'))
    })
    expect(await bench.run()).toMatchObject({ moved: 1 })
  })
})
