import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelError } from '../../../src/errors.ts'
import { Consumer } from '../../../src/messaging/consumer.ts'
import type { ConsumerOptions, IncomingMessage } from '../../../src/messaging/consumer.ts'
import { createQueue } from '../../../src/messaging/queue.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import type { Channel, Connection, Delivery } from '../../../src/transport/transport.ts'
import type { LogRecord } from '../../../src/util/logger.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { transportContext } from '../../support/context.ts'
import { plainMessage } from '../../support/fake-store.ts'
import { waitFor } from '../../support/wait-for.ts'

let connection: Connection
let channel: Channel
let records: LogRecord[]
let batches: (readonly IncomingMessage[])[]

beforeEach(async () => {
  connection = await new MemoryTransport().connect('memory://', {}, transportContext())
  channel = await connection.openChannel()
  records = []
  batches = []
})

function consumer(options: Partial<ConsumerOptions> = {}): Consumer {
  const logger = createLogger({ write: (record) => records.push(record) })
  const onMessages = (messages: readonly IncomingMessage[]): void => void batches.push(messages)
  return new Consumer({ channel, logger, onMessages, queues: [createQueue('q')], ...options })
}

async function publish(queue: string, ...bodies: string[]): Promise<void> {
  await channel.basicPublish(
    bodies.map((body) => ({ exchange: '', routingKey: queue, message: plainMessage(body, { priority: 3 }) })),
  )
}

/** So many messages, when they have come. */
async function received(count: number): Promise<IncomingMessage[]> {
  await waitFor(() => batches.flat().length >= count)
  return batches.flat()
}

/** What waits in the queue once everything that is held has been given back. */
async function left(): Promise<readonly Delivery[]> {
  await channel.close()
  channel = await connection.openChannel()
  return channel.basicGet('q', 100)
}

const bodiesOf = (messages: readonly { message: { body: unknown } }[]): unknown[] =>
  messages.map(({ message }) => message.body)

describe('consuming', () => {
  it('hands over the messages of all queues together, with where they came from', async () => {
    await publish('a', '1', '2')
    await publish('b', '3')
    await consumer({ queues: [createQueue('a'), createQueue('b')] }).start()
    const messages = await received(3)
    expect(batches).toHaveLength(1)
    expect(bodiesOf(messages)).toEqual(['1', '2', '3'])
    expect(messages.map(({ queue, state }) => [queue, state])).toEqual([
      ['a', 'unacked'],
      ['a', 'unacked'],
      ['b', 'unacked'],
    ])
    expect(messages[0]?.deliveryInfo).toEqual({ exchange: '', routing_key: 'a', priority: 3, redelivered: false })
  })

  it('declares its queues and keeps to the prefetch count', async () => {
    const queue = createQueue({ name: 'q', exchange: 'x', routingKey: 'k' })
    const consuming = consumer({ queues: [queue], prefetchCount: 2 })
    await consuming.start()
    const message = plainMessage('x')
    await channel.basicPublish(Array.from({ length: 5 }, () => ({ exchange: 'x', routingKey: 'k', message })))
    await received(2)
    await nextTurn()
    expect(batches.flat()).toHaveLength(2)
    await consuming.setPrefetchCount(4)
    expect(await received(4)).toHaveLength(4)
  })

  it('adds queues and cancels them while it runs', async () => {
    const consuming = consumer()
    await consuming.start()
    await consuming.addQueue(createQueue('more'))
    await consuming.addQueue(createQueue('more'))
    await publish('more', '1')
    await received(1)
    expect(consuming.queues.map(({ name }) => name)).toEqual(['q', 'more'])
    expect(await consuming.cancelQueue('more')).toBe(true)
    expect(await consuming.cancelQueue('more')).toBe(false)
    await publish('more', '2')
    await publish('q', '3')
    await received(2)
    expect(bodiesOf(batches.flat())).toEqual(['1', '3'])
    expect(consuming.queues.map(({ name }) => name)).toEqual(['q'])
  })

  it('stops, and what came can still be acknowledged', async () => {
    const consuming = consumer()
    await consuming.start()
    await publish('q', '1')
    const [message] = await received(1)
    await consuming.stop()
    await consuming.stop()
    await publish('q', '2')
    await message!.ack()
    expect(bodiesOf(await left())).toEqual(['2'])
  })

  it('needs no acknowledgement where the queue says so, or the consumer', async () => {
    await publish('q', '1')
    await consumer({ queues: [createQueue({ name: 'q', noAck: true })] }).start()
    const [message] = await received(1)
    expect(message?.state).toBe('acked')
    await message!.ack()
    expect(await left()).toEqual([])
    await consumer({ noAck: true }).start()
    await publish('q', '2')
    await received(2)
    expect(await left()).toEqual([])
  })

  it('goes on after a handler that throws', async () => {
    let calls = 0
    await consumer({
      onMessages: () => {
        calls += 1
        throw new Error('bad handler')
      },
    }).start()
    await publish('q', '1')
    await waitFor(() => calls === 1)
    await publish('q', '2')
    await waitFor(() => calls === 2)
    expect(records.map(({ level, fields }) => [level, String(fields?.error)])).toEqual([
      ['ERROR', 'Error: bad handler'],
      ['ERROR', 'Error: bad handler'],
    ])
  })

  it('says when a queue cannot be consumed, and does not count it', async () => {
    const consuming = consumer({ queues: [] })
    await consuming.start()
    await channel.close()
    await expect(consuming.addQueue(createQueue('more'))).rejects.toThrow(ChannelError)
    expect(consuming.queues).toEqual([])
  })
})

describe('IncomingMessage', () => {
  async function message(): Promise<IncomingMessage> {
    await publish('q', 'x')
    await consumer().start()
    const [first] = await received(1)
    return first!
  }

  it('is gone when it was acknowledged', async () => {
    const incoming = await message()
    await incoming.ack()
    expect(incoming.state).toBe('acked')
    expect(await left()).toEqual([])
  })

  it('is gone when it was rejected', async () => {
    const incoming = await message()
    await incoming.reject()
    expect(incoming.state).toBe('rejected')
    expect(await left()).toEqual([])
  })

  it.each([
    ['reject({ requeue: true })', (incoming: IncomingMessage) => incoming.reject({ requeue: true }), true],
    ['giveBack()', (incoming: IncomingMessage) => incoming.giveBack(), false],
  ] as const)('comes again after %s', async (_name, verb, redelivered) => {
    await publish('q', 'x')
    const consuming = consumer()
    await consuming.start()
    const [incoming] = await received(1)
    await consuming.stop()
    await verb(incoming!)
    expect(incoming!.state).toBe('rejected')
    expect((await channel.basicGet('q', 1)).map((delivery) => delivery.redelivered)).toEqual([redelivered])
  })

  it('is settled once; what follows is harmless and logged', async () => {
    const incoming = await message()
    await incoming.ack()
    await Promise.all([incoming.ack(), incoming.reject({ requeue: true }), incoming.giveBack()])
    expect(incoming.state).toBe('acked')
    expect(records.map(({ level }) => level)).toEqual(['WARNING', 'WARNING', 'WARNING'])
    expect(records[1]?.message).toMatch(/queue q was rejected, but it was acked before/)
    expect(await left()).toEqual([])
  })

  it('shares its end with its other forms', async () => {
    const incoming = await message()
    const other = incoming.withMessage(plainMessage('y', { priority: 9 })).withMessage(plainMessage('z'))
    expect([other.message.body, other.deliveryTag, other.queue]).toEqual(['z', incoming.deliveryTag, 'q'])
    await other.ack()
    expect([incoming.state, other.state]).toEqual(['acked', 'acked'])
    await incoming.ack()
    expect(records).toHaveLength(1)
    expect(await left()).toEqual([])
  })

  it('logs an acknowledgement that fails, once for all of a turn, and breaks nothing where nobody waits', async () => {
    await publish('q', '1', '2')
    await consumer().start()
    const [one, other] = await received(2)
    const acks = [one!.ack(), other!.ack()]
    expect(acks[0]).toBe(acks[1])
    await acks[0]
    await publish('q', '3')
    const [, , late] = await received(3)
    await connection.close()
    void late!.ack()
    await nextTurn()
    expect(records.map(({ message: text }) => text)).toEqual(['Could not acknowledge messages; they will come again'])
    await expect(late!.ack()).resolves.toBeUndefined()
  })
})
