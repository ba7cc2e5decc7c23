import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectRedis, replyCode } from '../../../../src/driver/redis.ts'
import type { RedisClient, RedisCommand } from '../../../../src/driver/redis.ts'
import { slotOf } from '../../../../src/driver/redis/slots.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { findFreePort } from '../../../support/ports.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

const HALF = 8192

describeWithRedis('a cluster', () => {
  let [low, high]: RedisServer[] = []
  const clients: RedisClient[] = []

  beforeAll(async () => {
    const start = async (): Promise<RedisServer> =>
      startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(await findFreePort())] })
    ;[low, high] = await Promise.all([start(), start()])
    await low.ask('CLUSTER', 'ADDSLOTSRANGE', '0', String(HALF - 1))
    await high.ask('CLUSTER', 'ADDSLOTSRANGE', String(HALF), '16383')
    await high.ask('CLUSTER', 'SET-CONFIG-EPOCH', '2')
    const [, , busPort] = /(\S+)\s+(\d+)/.exec(await low.ask('CONFIG', 'GET', 'cluster-port')) ?? []
    await high.ask('CLUSTER', 'MEET', '127.0.0.1', String(low.port), busPort ?? '')
    for (const node of [low, high]) {
      await waitFor(async () => (await node.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
      await waitFor(async () => (await node.ask('CLUSTER', 'SLOTS')).includes('16383'))
    }
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await Promise.all([low?.stop(), high?.stop()])
  })

  async function connect(): Promise<RedisClient> {
    const client = await connectRedis(`rediscluster://127.0.0.1:${String(low!.port)}`, {}, 'The test')
    clients.push(client)
    return client
  }

  /** A key in the lower or in the higher half of the slots. */
  function keyIn(half: 'low' | 'high', name: string): string {
    for (let number = 0; ; number += 1) {
      const key = `${name}${String(number)}`
      if (slotOf(key) < HALF === (half === 'low')) return key
    }
  }

  it('gets each command at its node, and answers in order', async () => {
    const client = await connect()
    const keys = Array.from({ length: 50 }, (_, index) => `key${String(index)}`)
    await client.send(keys.map((key, index): RedisCommand => ['SET', key, index]))
    expect(await client.send(keys.map((key): RedisCommand => ['GET', key]))).toEqual(
      keys.map((_, index) => String(index)),
    )
    const sizes = await Promise.all([low!.ask('DBSIZE'), high!.ask('DBSIZE')])
    expect(sizes.map(Number).every((size) => size > 0 && size < 50)).toBe(true)
    expect(client.isCluster).toBe(true)
  })

  it('runs scripts and transactions where their keys are', async () => {
    const client = await connect()
    for (const half of ['low', 'high'] as const) {
      const key = keyIn(half, 'script')
      const script = { name: 'set', lua: "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])" }
      expect(await client.run(script, [key], ['x'], { bytes: true })).toEqual(Buffer.from('x'))
      expect(
        await client.transaction([
          ['APPEND', key, 'y'],
          ['GET', key],
        ]),
      ).toEqual([2, 'xy'])
    }
    const crossing = client.transaction([
      ['SET', keyIn('low', 'a'), 'x'],
      ['SET', keyIn('low', 'b'), 'y'],
    ])
    expect(replyCode(await crossing.catch((error: unknown) => error))).toMatch(/CROSSSLOT|EXECABORT/)
  })

  it('follows keys that have moved, and those that are moving', async () => {
    const client = await connect()
    const [moved, moving] = [keyIn('low', 'moved'), keyIn('low', 'moving')]
    const [lowId, highId] = await Promise.all([low!.ask('CLUSTER', 'MYID'), high!.ask('CLUSTER', 'MYID')])
    for (const node of [high!, low!]) await node.ask('CLUSTER', 'SETSLOT', String(slotOf(moved)), 'NODE', highId)
    await high!.ask('CLUSTER', 'SETSLOT', String(slotOf(moving)), 'IMPORTING', lowId)
    await low!.ask('CLUSTER', 'SETSLOT', String(slotOf(moving)), 'MIGRATING', highId)
    expect(
      await client.send([
        ['SET', moved, 'x'],
        ['SET', moving, 'y'],
        ['GET', moving],
      ]),
    ).toEqual(['OK', 'OK', 'y'])
    expect(await high!.ask('GET', moved)).toBe('x')
    expect(await client.transaction([['GET', moved]])).toEqual(['x'])
  })

  it('has subscriptions over all nodes', async () => {
    const client = await connect()
    const heard: string[] = []
    const end = await client.subscribe(['news'], (_channel, payload) => heard.push(payload))
    await client.send([['PUBLISH', 'news', 'one']])
    await high!.ask('PUBLISH', 'news', 'two')
    await waitFor(() => heard.length === 2)
    await end()
  })

  it('is told of changes on the node that has a key', async () => {
    const [client, other] = [await connect(), await connect()]
    for (const half of ['low', 'high'] as const) {
      const key = keyIn(half, 'tracked')
      let changes = 0
      await client.track(() => {
        changes += 1
      }, key)
      await client.send([['LLEN', key]])
      await other.send([['LPUSH', key, 'x']])
      await waitFor(() => changes === 1)
    }
  })

  it('is over with the first of its connections', async () => {
    const client = await connect()
    const duplicate = await client.duplicate()
    await client.send([['GET', keyIn('high', 'x')]])
    await high!.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    expect(await client.closed).toBeInstanceOf(ConnectionError)
    await expect(client.send([['GET', keyIn('low', 'x')]])).rejects.toThrow(ConnectionError)
    await duplicate.closed
  })
})
