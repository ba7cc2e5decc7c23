import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { Ownership } from '../../../../src/transport/redis/ownership.ts'
import { Topology } from '../../../../src/transport/redis/topology.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { HelperProcess } from '../../../support/helper-process.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { entry, keys, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('owners of messages in Redis', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const hold = async (leaseMs: number): Promise<HelperProcess> => {
    const helper = bench.helper('hold', String(leaseMs))
    expect(await helper.hear()).toBe(2)
    return helper
  }
  const scores = async (client: RedisClient): Promise<number[]> => {
    const [reply] = await client.send([['ZRANGE', 'unacked_index', 0, -1, 'WITHSCORES']])
    return (reply as string[]).filter((_, index) => index % 2 === 1).map(Number)
  }

  it('that are killed lose their messages within the lease, marked and in order', async () => {
    const store = await bench.store({ leaseMs: 900 })
    await store.putMany([entry('q', '1'), entry('q', '2')])
    const helper = await hold(900)
    // An owner looks after the others.
    await store.startConsuming('q')
    await helper.kill()
    const killedMs = performance.now()
    await waitFor(async () => (await store.size('q')) === 2, { what: 'the messages to come back' })
    expect(performance.now() - killedMs).toBeLessThan(900 + 300)
    const again = await store.getMany(['q'], 10, { noAck: false })
    expect(again.map(({ message, redelivered }) => [message.body, redelivered])).toEqual([
      ['1', true],
      ['2', true],
    ])
  })

  it('that are only too busy to speak keep them', async () => {
    const store = await bench.store({ leaseMs: 900 })
    await store.putMany([entry('q', '1'), entry('q', '2')])
    const helper = await hold(900)
    await store.startConsuming('q')
    helper.tell('block')
    expect(await helper.hear()).toBe('acknowledged')
    expect(await store.size('q')).toBe(0)
    expect(await bench.keys()).not.toContain('unacked')
  })

  it('renew their notes before a Python worker would take them for forgotten', async () => {
    const store = await bench.store({ leaseMs: 600, visibilityTimeoutMs: 800 })
    const client = await bench.connect()
    await store.putMany([entry('q', '1')])
    await store.getMany(['q'], 1, { noAck: false })
    const [takenMs = 0] = await scores(client)
    await waitFor(async () => ((await scores(client))[0] ?? 0) > takenMs, { what: 'the note to be renewed' })
  })

  it('are told when others have taken them for dead', async () => {
    const store = await bench.store({ leaseMs: 600 })
    const client = await bench.connect()
    await store.putMany([entry('q', '1')])
    await store.getMany(['q'], 1, { noAck: false })
    await client.send([['DEL', 'celeriac.owners']])
    const reason = await store.closed
    expect(reason?.message).toContain('the option lease is 0.6 seconds')
    await expect(store.getMany(['q'], 1, { noAck: false })).rejects.toThrow(reason)
  })

  it('know for how long their last word counts', async () => {
    const client = await bench.connect()
    const clock = fakeClock()
    const ownership = new Ownership({
      client,
      keys: keys(),
      topology: new Topology(client, keys()),
      clock,
      logger: silentLogger(),
      leaseMs: 600,
      visibilityTimeoutMs: 3_600_000,
      clientName: 'shop',
      onMessages: () => undefined,
      onLost: () => undefined,
    })
    expect([ownership.isHeardOf, ownership.blockMs]).toEqual([false, 100])
    await ownership.enter()
    expect(ownership.isHeardOf).toBe(true)
    expect(await bench.server.ask('CLIENT', 'LIST')).toContain(`name=${ownership.connectionName} `)
    bench.server.pause()
    try {
      await clock.advance(199)
      expect(ownership.isHeardOf).toBe(true)
      await clock.advance(1)
      expect(ownership.isHeardOf).toBe(false)
    } finally {
      bench.server.resume()
    }
    await ownership.leave()
  })

  it('leave nothing behind', async () => {
    const store = await bench.store()
    await store.putMany([entry('q', '1')])
    await store.startConsuming('q')
    const [message] = await store.getMany(['q'], 1, { noAck: false })
    if (message !== undefined) await store.ackMany([message])
    await store.close()
    expect(await bench.keys()).toEqual([])
  })
})
