import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RedisStore } from '../../../../src/transport/redis/store.ts'
import type { QueueDeclaration } from '../../../../src/transport/transport.ts'
import type { StoredMessage } from '../../../../src/transport/virtual/store.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { entry, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

const never = new AbortController().signal
const bodies = (messages: readonly StoredMessage[]): unknown[] => messages.map(({ message }) => message.body)
const queue = (changes: Partial<QueueDeclaration>): QueueDeclaration => ({
  name: 'q',
  durable: true,
  exclusive: false,
  autoDelete: false,
  ...changes,
})

describeWithRedis('the Redis store', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const commands = async (): Promise<number> => {
    const info = await bench.server.ask('INFO', 'stats')
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1])
  }

  it('sends what is published together in one go', async () => {
    const store = await bench.store()
    const before = await commands()
    await store.putMany(Array.from({ length: 50 }, (_, index) => entry('q', String(index))))
    expect((await commands()) - before).toBeLessThan(5)
    expect(bodies(await store.getMany(['q'], 50, { noAck: true }))).toEqual(
      Array.from({ length: 50 }, (_, index) => String(index)),
    )
  })

  it('asks for nothing while queues that it consumes are empty', async () => {
    const [store, other] = [await bench.store(), await bench.store()]
    await store.startConsuming('q')
    await store.getMany(['q'], 10, { noAck: false })
    const waiting = store.waitForMessages(['q'], never)
    await waitFor(async () => {
      const before = await commands()
      await store.getMany(['q'], 10, { noAck: false })
      // The question itself is one.
      return (await commands()) - before === 1
    })
    await other.putMany([entry('q', '1')])
    await waiting
    expect(bodies(await store.getMany(['q'], 10, { noAck: false }))).toEqual(['1'])
  })

  it('notes who declared a queue that expires, until it is consumed', async () => {
    const [store, client] = [await bench.store(), await bench.connect()]
    const notes = async (): Promise<unknown> => {
      const owners = (await bench.keys()).filter((key) => key.startsWith('celeriac.owners.'))
      return (await client.send(owners.map((key) => ['SMEMBERS', key] as const)))[0]
    }
    await store.declareQueue(queue({ autoDelete: true, arguments: { 'x-expires': 60_000 } }))
    expect(await notes()).toEqual(['dq'])
    await store.startConsuming('q')
    expect(await notes()).toEqual(['cq'])
    await store.stopConsuming('q')
    expect(await notes()).toBe(undefined)
    await store.declareQueue(queue({ autoDelete: true }))
    expect(await notes()).toBe(undefined)
  })

  it('asks nothing where something comes by a fanout exchange, its own or of others', async () => {
    const [store, other] = [await bench.store(), await bench.store()]
    await store.declareExchange({ name: 'x', type: 'fanout', durable: false, autoDelete: false })
    await store.bind({ exchange: 'x', queue: 'events', routingKey: '' })
    for (const name of ['q', 'events']) {
      await store.startConsuming(name)
      await store.getMany([name], 10, { noAck: true })
    }
    const costOfTelling = async (teller: RedisStore): Promise<number> => {
      const before = await commands()
      const waiting = store.waitForMessages(['q', 'events'], never)
      await teller.putMany([entry('events', 'beat', { exchange: 'x' })])
      await waiting
      expect(await store.getMany(['q'], 10, { noAck: true })).toEqual([])
      expect(bodies(await store.getMany(['events'], 10, { noAck: true }))).toEqual(['beat'])
      return (await commands()) - before
    }
    await other.getExchange('x')
    // What was told, and the question itself; an owner's word may come in between.
    for (const teller of [store, other]) await waitFor(async () => (await costOfTelling(teller)) === 2)
  })

  it('wakes those who wait for what it publishes itself', async () => {
    const store = await bench.store()
    await store.startConsuming('q')
    for (const body of ['1', '2', '3']) {
      expect(await store.getMany(['q'], 10, { noAck: true })).toEqual([])
      const waiting = store.waitForMessages(['q'], never)
      await store.putMany([entry('q', body)])
      await waiting
      expect(bodies(await store.getMany(['q'], 10, { noAck: true }))).toEqual([body])
    }
  })

  it('hears at once of what is due, whoever put it off', async () => {
    const [store, other] = [await bench.store(), await bench.store()]
    await store.startConsuming('q')
    await store.getMany(['q'], 10, { noAck: true })
    const dueMs = Date.now() + 150
    await other.putMany([entry('elsewhere', 'theirs', { dueMs }), entry('q', 'ours', { dueMs })])
    await waitFor(async () => {
      await store.waitForMessages(['q'], never)
      return (await store.getMany(['q'], 10, { noAck: true })).length === 1
    })
    expect(Date.now()).toBeGreaterThanOrEqual(dueMs)
    // Moved for others as well: a Python worker finds it in its list.
    expect(await bench.keys()).toContain('elsewhere')
    expect(await bench.keys()).not.toContain('celeriac.due')
  })

  it.each([
    ['priority', ['b', 'a', 'b', 'a']],
    ['sorted', ['a', 'b', 'a', 'b']],
    ['round_robin', ['a', 'b', 'b', 'a']],
  ] as const)('asks queues in the order of %s', async (queueOrder, expected) => {
    const store = await bench.store({ queueOrder })
    const found: string[] = []
    for (let round = 0; round < 2; round += 1) {
      await store.putMany([entry('a', 'a'), entry('b', 'b')])
      found.push(...(await store.getMany(['b', 'a'], 10, { noAck: true })).map((message) => message.queue))
    }
    expect(found).toEqual(expected)
  })

  it('lets queues expire as kombu does', async () => {
    const store = await bench.store()
    await store.declareQueue(queue({ arguments: { 'x-expires': 100 } }))
    await store.putMany([entry('q', '1')])
    await waitFor(async () => (await store.size('q')) === 0, { what: 'the queue to expire' })
  })

  it('lets go of the messages of a queue that is deleted', async () => {
    const store = await bench.store()
    await store.putMany([entry('q', '1')])
    const held = await store.getMany(['q'], 1, { noAck: false })
    await store.deleteQueue('q')
    await store.releaseMany(held, { redelivered: true })
    await store.close()
    expect(await bench.keys()).toEqual([])
  })

  it('ends with its connection, and says why', async () => {
    const store = await bench.store()
    await store.startConsuming('q')
    const waiting = store.waitForMessages(['q'], never)
    await bench.server.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    expect((await store.closed)?.message).toContain('is lost')
    await waiting
    await expect(store.putMany([entry('q', '1')])).rejects.toThrow('is lost')
  })

  it('gives out what it has while the server is out of memory, and takes nothing more', async () => {
    const store = await bench.store()
    await store.putMany([entry('q', '1'), entry('q', '2')])
    await bench.server.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      await expect(store.putMany([entry('q', '3')])).rejects.toThrow('out of memory')
      const held = await store.getMany(['q'], 10, { noAck: false })
      await store.ackMany(held.slice(0, 1))
      await store.releaseMany(held.slice(1), { redelivered: false })
      expect(bodies(await store.getMany(['q'], 10, { noAck: false }))).toEqual(['2'])
    } finally {
      await bench.server.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  it('loses nothing to a key of another kind', async () => {
    const [store, client] = [await bench.store(), await bench.connect()]
    await store.putMany([entry('q', '1')])
    await client.send([['SET', 'unacked', 'not a hash']])
    await expect(store.getMany(['q'], 1, { noAck: false })).rejects.toThrow('another kind of data')
    expect(await store.size('q')).toBe(1)
  })
})
