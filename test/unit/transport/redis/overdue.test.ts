import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { recoverOverdue } from '../../../../src/transport/redis/overdue.ts'
import { Topology } from '../../../../src/transport/redis/topology.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { entry, keys, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** As Python's JSON writes it. */
const ENVELOPE =
  '{"body": "eA==", "content-encoding": "utf-8", "content-type": "text/plain", "headers": {"id": "1"}, "properties": ' +
  '{"delivery_info": {"exchange": "x", "routing_key": "k"}, "priority": 6, "body_encoding": "base64", "delivery_tag": "t"}}'

describeWithRedis('messages that a Python worker has held for too long', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const note = async (client: RedisClient, exchange: string, routingKey: string): Promise<string> => {
    const text = `[${ENVELOPE}, ${JSON.stringify(exchange)}, ${JSON.stringify(routingKey)}]`
    await client.send([
      ['HSET', 'unacked', 't', text],
      ['ZADD', 'unacked_index', 1, 't'],
    ])
    return text
  }
  const recover = (client: RedisClient, ...notes: string[]): Promise<number> => {
    const parts = { client, keys: keys(), topology: new Topology(client, keys()), logger: silentLogger() }
    return recoverOverdue(parts, notes, 5000)
  }

  it('go back to every queue they reach, marked, in their priority', async () => {
    const client = await bench.connect()
    await client.send([
      ['SADD', keys().bindings('x'), ...['a', 'b'].map((queue) => `k\u0006\u0016\u0006\u0016${queue}`)],
    ])
    expect(await recover(client, 't', await note(client, 'x', 'k'))).toBe(1)
    for (const queue of ['a', 'b']) {
      const [list] = await client.send([['LRANGE', keys().list(queue, 6), 0, -1]])
      expect(JSON.parse(String(list)).headers).toEqual({ id: '1', redelivered: true })
    }
    expect(await bench.keys()).not.toContain('unacked')
  })

  it('stay where they are when they reach nothing or cannot be read', async () => {
    const client = await bench.connect()
    expect(await recover(client, 't', await note(client, 'x', 'k'))).toBe(0)
    expect(await recover(client, 't', 'nonsense')).toBe(0)
    // Looked at again only after another timeout.
    expect((await client.send([['ZSCORE', 'unacked_index', 't']]))[0]).toBe('5')
    expect(await bench.keys()).toEqual(['unacked', 'unacked_index'])
  })

  it('are only those that are overdue, and none of ours', async () => {
    const [store, client] = [await bench.store({ leaseMs: 300, visibilityTimeoutMs: 3_600_000 }), await bench.connect()]
    await store.putMany([entry('mine', '1')])
    await store.getMany(['mine'], 1, { noAck: false })
    await note(client, '', 'q')
    await client.send([
      ['ZADD', 'unacked_index', Date.now() / 1000, 'fresh'],
      ['HSET', 'unacked', 'fresh', `[${ENVELOPE}, "", "q"]`],
    ])
    await waitFor(async () => (await store.size('q')) === 1, { what: 'the overdue one to come back' })
    expect(await store.size('mine')).toBe(0)
    expect((await client.send([['HKEYS', 'unacked']]))[0]).toEqual(expect.arrayContaining(['fresh']))
    await client.send([['DEL', 'unacked_index', 'unacked']])
  })
})
