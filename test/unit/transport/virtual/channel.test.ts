import { beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, OperationalError } from '../../../../src/errors.ts'
import type { Channel, Delivery } from '../../../../src/transport/transport.ts'
import { VirtualChannel } from '../../../../src/transport/virtual/channel.ts'
import { QueueLifetimes } from '../../../../src/transport/virtual/lifetimes.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { FakeStore, plainMessage } from '../../../support/fake-store.ts'
import { waitFor } from '../../../support/wait-for.ts'

let store: FakeStore
let errors: unknown[]
let closed: number
let channel: VirtualChannel

beforeEach(() => {
  store = new FakeStore()
  errors = []
  closed = 0
  channel = new VirtualChannel({
    store,
    lifetimes: new QueueLifetimes(),
    onError: (error) => errors.push(error),
    onClose: () => (closed += 1),
  })
})

async function publish(...bodies: string[]): Promise<void> {
  await channel.basicPublish(bodies.map((body) => ({ exchange: '', routingKey: 'q', message: plainMessage(body) })))
}

/** Deliveries of these messages, unacknowledged. */
async function held(...bodies: string[]): Promise<readonly Delivery[]> {
  await publish(...bodies)
  const deliveries = await channel.basicGet('q', 100)
  store.takeCalls()
  return deliveries
}

const queue = { name: 'q', durable: false, exclusive: false, autoDelete: true }

describe('publishing', () => {
  it('is one call, whatever the number', async () => {
    await publish('1', '2', '3')
    expect(store.calls).toEqual(['putMany 1,2,3'])
  })

  it('asks nothing of the store where nothing is to be stored', async () => {
    await channel.basicPublish([])
    expect(store.calls).toEqual([])
  })

  it('tells of an error without ending the connection', async () => {
    store.fail('putMany', new OperationalError('locked'))
    await expect(publish('1')).rejects.toThrow('locked')
    store.fail('putMany', undefined)
    await publish('1')
    expect(errors).toEqual([])
  })
})

describe('declaring', () => {
  it('refuses headers exchanges', async () => {
    const declaring = channel.exchangeDeclare({ name: 'x', type: 'headers', durable: true, autoDelete: false })
    await expect(declaring).rejects.toThrow(ChannelError)
  })

  it('needs no binding to the default exchange', async () => {
    await channel.queueBind({ exchange: '', queue: 'q', routingKey: 'q' })
    expect(store.bound).toEqual([])
  })
})

describe('consuming', () => {
  it('tells the store of the first consumer of a queue and of the last', async () => {
    const tags = [await channel.basicConsume('q', () => undefined), await channel.basicConsume('q', () => undefined)]
    await channel.basicCancel(tags[0]!)
    await channel.basicCancel(tags[0]!)
    await channel.basicCancel(tags[1]!)
    expect(store.calls.filter((call) => call.endsWith('Consuming q'))).toEqual(['startConsuming q', 'stopConsuming q'])
  })

  it('does not begin on a channel that was closed meanwhile', async () => {
    const begin = store.hold('startConsuming')
    const consuming = expect(channel.basicConsume('q', () => undefined)).rejects.toThrow(ChannelError)
    await channel.close()
    begin()
    await consuming
    await nextTurn()
    expect(store.calls).toEqual(['startConsuming q', 'stopConsuming q'])
  })
})

describe('acknowledging', () => {
  it('leaves with all others of the same turn, as one promise', async () => {
    const [a, b, c] = await held('a', 'b', 'c')
    const acks = [channel.basicAck([a!.deliveryTag]), channel.basicAck([b!.deliveryTag])]
    await Promise.resolve()
    acks.push(channel.basicAck([c!.deliveryTag]))
    expect(new Set(acks).size).toBe(1)
    expect(store.calls).toEqual([])
    await acks[0]
    expect(store.calls).toEqual(['ackMany a,b,c'])
  })

  it('takes what is thrown away along', async () => {
    const [a, b] = await held('a', 'b')
    await Promise.all([channel.basicAck([a!.deliveryTag]), channel.basicReject([b!.deliveryTag], false)])
    expect(store.calls).toEqual(['ackMany a,b'])
  })

  it('asks nothing of the store for unknown tags', async () => {
    await channel.basicAck([17])
    await channel.basicReject([17], true)
    expect(store.calls).toEqual([])
  })

  it('says whether a message that goes back was looked at', async () => {
    const [a, b] = await held('a', 'b')
    await channel.basicReject([a!.deliveryTag], true)
    await channel.basicReject([b!.deliveryTag], true, { redelivered: false })
    expect(store.calls).toEqual(['releaseMany a redelivered', 'releaseMany b'])
  })

  it('puts off what is to come at a time, all of one time together', async () => {
    const [a, b, c] = await held('a', 'b', 'c')
    const put = { redelivered: false, dueMs: 5000 }
    await Promise.all([
      channel.basicReject([a!.deliveryTag], true, put),
      channel.basicReject([b!.deliveryTag], true, { ...put, dueMs: 6000 }),
      channel.basicReject([c!.deliveryTag], true, put),
    ])
    expect(store.calls).toEqual(['releaseMany a,c due 5000', 'releaseMany b due 6000'])
  })

  it('ends the connection when the store cannot', async () => {
    const [a, b] = await held('a', 'b')
    store.fail('ackMany', new OperationalError('locked'))
    await expect(channel.basicAck([a!.deliveryTag])).rejects.toThrow('locked')
    store.fail('releaseMany', new OperationalError('gone'))
    await expect(channel.basicReject([b!.deliveryTag], true)).rejects.toThrow('gone')
    expect(errors).toEqual([new OperationalError('locked'), new OperationalError('gone')])
  })

  it('makes room for more', async () => {
    await channel.basicQos(2)
    const inbox: Delivery[] = []
    await channel.basicConsume('q', (deliveries) => inbox.push(...deliveries))
    await publish('1', '2', '3', '4')
    await waitFor(() => inbox.length === 2)
    await channel.basicAck(inbox.map(({ deliveryTag }) => deliveryTag))
    await waitFor(() => inbox.length === 4)
  })
})

describe('ending', () => {
  it('does things in an order that loses nothing', async () => {
    await channel.queueDeclare(queue)
    await publish('a', 'b', 'c')
    const inbox: Delivery[] = []
    await channel.basicConsume('q', (deliveries) => inbox.push(...deliveries))
    await waitFor(() => inbox.length === 3)
    store.takeCalls()
    const ack = channel.basicAck([inbox[0]!.deliveryTag])
    await channel.close()
    await ack
    expect(store.calls).toEqual(['ackMany a', 'releaseMany b,c redelivered', 'stopConsuming q'])
    expect([closed, errors]).toEqual([1, []])
  })

  it('never rejects, but tells of what went wrong', async () => {
    await held('a')
    store.fail('releaseMany', new OperationalError('gone'))
    await channel.close()
    expect([closed, errors]).toEqual([1, [new OperationalError('gone')]])
  })

  it('refuses every verb afterwards', async () => {
    await channel.close()
    const verbs: ((channel: Channel) => Promise<unknown>)[] = [
      (c) => c.exchangeDeclare({ name: 'x', type: 'direct', durable: true, autoDelete: false }),
      (c) => c.exchangeDelete('x'),
      (c) => c.queueDeclare(queue),
      (c) => c.queuePurge('q'),
      (c) => c.queueDelete('q'),
      (c) => c.queueBind({ exchange: 'x', queue: 'q', routingKey: '' }),
      (c) => c.queueUnbind({ exchange: 'x', queue: 'q', routingKey: '' }),
      (c) => c.listBindings!(),
      (c) => c.basicPublish([]),
      (c) => c.basicQos(1),
      (c) => c.basicConsume('q', () => undefined),
      (c) => c.basicGet('q', 1),
      (c) => c.basicAck([1]),
      (c) => c.basicReject([1], true),
      (c) => c.basicReject([1], false),
    ]
    for (const verb of verbs) await expect(verb(channel)).rejects.toThrow(ChannelError)
    expect(store.calls).toEqual([])
  })

  it('brings the last acknowledgements home when it is aborted, and says why it ended', async () => {
    const [a] = await held('a', 'b')
    const ack = channel.basicAck([a!.deliveryTag])
    await channel.abort(new Error('cable cut'))
    await ack
    expect(store.calls).toEqual(['ackMany a'])
    await expect(publish('1')).rejects.toThrow(ConnectionError)
    await expect(publish('1')).rejects.toThrow('The connection was lost: cable cut')
    await channel.close()
    expect(store.calls).toEqual(['ackMany a'])
  })

  it('cancels without the store when it is aborted', async () => {
    await channel.queueDeclare(queue)
    const tag = await channel.basicConsume('q', () => undefined)
    await nextTurn()
    await channel.abort(new Error('cable cut'))
    store.takeCalls()
    await channel.basicCancel(tag)
    expect(store.calls).toEqual([])
  })
})
