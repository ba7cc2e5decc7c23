import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { createBroadcast, createQueue, declarationOf, declareQueue } from '../../../src/messaging/queue.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import type { Channel, QueueStatus } from '../../../src/transport/transport.ts'
import { transportContext } from '../../support/context.ts'
import { FakeTransport } from '../../support/fake-transport.ts'

async function openChannel(): Promise<Channel> {
  return (await new MemoryTransport().connect('memory://', {}, transportContext())).openChannel()
}

describe('createQueue', () => {
  it('is a durable queue on the default exchange', () => {
    const queue = createQueue('celery')
    expect(queue).toMatchObject({ name: 'celery', routingKey: 'celery', durable: true, exclusive: false, noAck: false })
    expect(queue.exchange.name).toBe('')
    expect(declarationOf(queue)).toEqual({
      name: 'celery',
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: {},
    })
  })

  it('is bound with the empty routing key where only the exchange is given', () => {
    expect(createQueue({ name: 'q', exchange: 'x' }).routingKey).toBe('')
    expect(createQueue({ name: 'q', exchange: { name: 'x', type: 'topic' }, routingKey: 'a.*' })).toMatchObject({
      routingKey: 'a.*',
      exchange: { type: 'topic' },
    })
  })

  it('goes with its last consumer where it is exclusive', () => {
    expect(createQueue({ name: 'q', exclusive: true }).autoDelete).toBe(true)
    expect(createQueue({ name: 'q', exclusive: true, autoDelete: false }).autoDelete).toBe(false)
  })

  it('turns options into arguments, times into milliseconds; arguments given as such win', () => {
    const queue = createQueue({
      name: 'q',
      expires: 60,
      messageTtl: 0.5,
      maxLength: 100,
      maxLengthBytes: 4096,
      maxPriority: 10,
      queueArguments: { 'x-queue-type': 'quorum', 'x-max-length': 7 },
    })
    expect(declarationOf(queue).arguments).toEqual({
      'x-expires': 60_000,
      'x-message-ttl': 500,
      'x-max-length': 7,
      'x-max-length-bytes': 4096,
      'x-max-priority': 10,
      'x-queue-type': 'quorum',
    })
  })

  it.each([
    [{ name: '' }, /needs a name/],
    [{ name: 'q', routing_key: 'x' }, /did you mean "routingKey"/],
    [{ name: 'q', expires: -1 }, /"expires" of queue "q"/],
    [{ name: 'q', maxPriority: 0 }, /not below 1/],
    [{ name: 'q', exchange: { name: 'x', type: 'odd' } }, /"odd"/],
  ])('refuses %j', (options, message) => {
    expect(() => createQueue(options as never)).toThrow(ImproperlyConfigured)
    expect(() => createQueue(options as never)).toThrow(message)
  })
})

describe('createBroadcast', () => {
  it('is a queue of its own behind a fanout exchange, under the name that was given', () => {
    const [one, other] = [createBroadcast('news'), createBroadcast('news')]
    expect(one).toMatchObject({ alias: 'news', autoDelete: true, broadcast: true })
    expect(one.exchange).toMatchObject({ name: 'news', type: 'fanout' })
    expect(one.name).toMatch(/^bcast\.[0-9a-f-]{36}$/)
    expect(one.name).not.toBe(other.name)
  })
})

describe('declareQueue', () => {
  it('declares exchanges and queue, and binds all', async () => {
    const channel = await openChannel()
    const statuses: QueueStatus[] = []
    const queue = createQueue({
      name: 'q',
      exchange: 'x',
      routingKey: 'k',
      bindings: [
        { exchange: { name: 'y', type: 'topic' }, routingKey: 'a.#' },
        { exchange: { name: 'z', type: 'fanout' } },
      ],
      onDeclared: (status) => statuses.push(status),
    })
    const status = await declareQueue(channel, queue)
    expect(status).toEqual({ name: 'q', messages: 0, consumers: 0 })
    expect(statuses).toEqual([status])
    expect((await channel.listBindings?.())?.map(({ exchange, routingKey }) => [exchange, routingKey])).toEqual([
      ['x', 'k'],
      ['y', 'a.#'],
      ['z', ''],
    ])
  })

  it('binds nothing to the default exchange, which AMQP forbids', async () => {
    const transport = new FakeTransport()
    const channel = await (await transport.connect('fake://')).openChannel()
    await declareQueue(channel, createQueue({ name: 'q', bindings: [{ exchange: 'x' }] }))
    expect(transport.calls).toEqual(['openChannel', 'queueBind x'])
  })

  it('leaves alone what is there already', async () => {
    const channel = await openChannel()
    expect(await declareQueue(channel, createQueue({ name: 'q', exchange: 'x', noDeclare: true }))).toBeUndefined()
    expect(await channel.listBindings?.()).toEqual([])
  })
})
