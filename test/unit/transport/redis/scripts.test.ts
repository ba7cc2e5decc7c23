import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../../../src/driver/redis.ts'
import { decodeEnvelope } from '../../../../src/protocol/envelope.ts'
import * as scripts from '../../../../src/transport/redis/scripts.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { envelope, keys, RedisBench, runScript } from '../../../support/redis-transport.ts'

describeWithRedis('the scripts of Redis', () => {
  let bench: RedisBench
  let client: RedisClient
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  beforeEach(async () => {
    client = await bench.connect()
  })
  afterEach(() => bench.clear())

  const run = (script: RedisScript, ...args: RedisArgument[]): Promise<RedisReply> => runScript(client, script, args)
  const owner = 'celeriac-1'
  const take = (max = 10, who = owner): Promise<RedisReply> => run(scripts.TAKE, who, 1000, 1, max, 0, 'q')
  const waiting = async (): Promise<RedisReply> => (await client.send([['LRANGE', 'q', 0, -1]]))[0] ?? null

  it('take the oldest first, and note each as kombu does', async () => {
    await client.send([['LPUSH', 'q', '{"n":1}', '{"n":2}', '{"n":3}']])
    await run(scripts.ENTER, owner, 1000)
    expect(await take(2)).toEqual(['', 0, 0, '0', ['{"n":1}', '{"n":2}']])
    expect(await waiting()).toEqual(['{"n":3}'])
    const [notes, scores] = await client.send([
      ['HGETALL', 'unacked'],
      ['ZRANGE', 'unacked_index', 0, -1, 'WITHSCORES'],
    ])
    expect(notes).toEqual([`${owner}:1:0`, '[{"n":1},"","q"]', `${owner}:2:0`, '[{"n":2},"","q"]'])
    expect(scores).toEqual([`${owner}:1:0`, '1', `${owner}:2:0`, '1'])
  })

  it('take more than fits into one portion, in order', async () => {
    const bodies = Array.from({ length: 300 }, (_, index) => String(index))
    await client.send([['LPUSH', 'q', ...bodies]])
    expect(await take(1000, '')).toEqual(['', 1, 0, '0', bodies])
    expect(await bench.keys()).toEqual([])
  })

  it('give nothing to an owner that was buried', async () => {
    await client.send([['LPUSH', 'q', '{}']])
    expect(await take()).toBeNull()
    expect(await waiting()).toEqual(['{}'])
  })

  it('publish what is new under its mark', async () => {
    const put = (key: string, number: number | string, n: number) => [
      'q',
      '0',
      '',
      key,
      number,
      '',
      `{"n":${String(n)}}`,
    ]
    await run(scripts.PUT, 'marks', ...put('a b', 1_767_225_600_001, 0), ...put('', '', 1))
    await run(scripts.PUT, 'marks', ...put('a b', 1_767_225_600_001, 2), ...put('a b', 1_767_225_600_002, 3))
    expect(await take(10, '')).toEqual(['', 1, 0, '0', ['{"n":0}', '{"n":1}', '{"n":3}']])
    expect(await bench.keys()).toEqual(['marks'])
  })

  it('park until a time, tell which is next, and move what is due', async () => {
    const put = (dueMs: number | string, n: number) => ['q', '0', dueMs, '', '', '', `{"n":${String(n)}}`]
    await run(scripts.PUT, 'marks', ...put(2000, 2), ...put('', 0), ...put(1000, 1))
    expect(await take(10, '')).toEqual(['2000', 1, 0, '0', ['{"n":0}', '{"n":1}']])
    expect(await bench.keys()).toEqual(['celeriac.due', 'celeriac.due.q'])
    expect(await run(scripts.PURGE, 'q')).toBe(1)
    expect(await bench.keys()).toEqual([])
  })

  it.each([
    ['{"body":"","headers":{},"properties":{"delivery_info":{"exchange":""}}}'],
    ['{"body": "x", "headers": {"id": "1", "list": []}, "properties": {"delivery_info": {}}}'],
  ])('mark what they give back, and nothing else changes: %s', async (text) => {
    await client.send([['LPUSH', 'q', text]])
    await run(scripts.ENTER, owner, 1000)
    await take()
    expect(await run(scripts.RELEASE, 1, '', `${owner}:1:0`, `${owner}:2:0`)).toBe(1)
    const [marked = ''] = (await waiting()) as string[]
    const before = JSON.parse(text)
    before.headers.redelivered = true
    before.properties.delivery_info.redelivered = true
    expect(JSON.parse(marked)).toEqual(before)
    // Once is enough.
    await take()
    await run(scripts.RELEASE, 1, '', `${owner}:1:0`)
    expect(await waiting()).toEqual([marked])
  })

  it('give back to the list that it was taken from, whatever the queue is called', async () => {
    const queue = '"a/ü","",\\'
    await client.send([['LPUSH', keys().list(queue, 6), '{}']])
    await run(scripts.ENTER, owner, 1000)
    await runScript(client, scripts.TAKE, [owner, 1, 1, 10, 0, queue])
    await run(scripts.RELEASE, 0, '', `${owner}:1:6`)
    expect((await client.send([['LRANGE', keys().list(queue, 6), 0, -1]]))[0]).toEqual(['{}'])
  })

  it('bury an owner: its messages come back in order, its queues go with it', async () => {
    await client.send([['LPUSH', 'q', '{"n":1}', '{"n":2}', '{"n":3}']])
    await run(scripts.ENTER, owner, 60_000)
    await run(scripts.ENTER, 'celeriac-2', 60_000)
    await take()
    await client.send([
      ['SADD', keys().autoDelete, 'temporary', 'shared'],
      ['SADD', keys().owned(owner), 'ctemporary', 'cshared', 'xexclusive'],
      ['SADD', keys().owned('celeriac-2'), 'cshared'],
      ['LPUSH', 'temporary', '{}'],
      ['LPUSH', 'exclusive', '{}'],
      ['LPUSH', 'shared', '{}'],
    ])
    expect(await run(scripts.BURY, owner, 1)).toEqual([0, 1])
    expect(await run(scripts.BURY, owner, 0)).toEqual([3, 1])
    expect(await waiting()).toEqual(['{"n":3}', '{"n":2}', '{"n":1}'])
    expect(await bench.keys()).toEqual([
      'celeriac.auto_delete',
      'celeriac.owners',
      'celeriac.owners.celeriac-2',
      'q',
      'shared',
    ])
  })

  it('bury the dead: what they declared and did not come to consume goes, unless somebody else has to do with it', async () => {
    const other = 'celeriac-2'
    const declare = async (): Promise<void> => {
      await run(scripts.ENTER, owner, 0)
      await run(scripts.ENTER, other, 60_000)
      await client.send([
        ['SADD', keys().autoDelete, 'passing', 'consumed', 'declared'],
        ['SADD', keys().owned(owner), 'dpassing', 'dconsumed', 'ddeclared'],
        ['SADD', keys().owned(other), 'cconsumed', 'ddeclared'],
        ['SADD', keys().bindings('x'), ...['passing', 'consumed'].map((queue) => ['', '', queue].join('\u0006\u0016'))],
        ['HSET', keys().exchanges, 'x', '{"type":"fanout"}'],
      ])
    }
    const left = async (): Promise<unknown> => {
      const [queues, bindings] = await client.send([
        ['SMEMBERS', keys().autoDelete],
        ['SMEMBERS', keys().bindings('x')],
      ])
      return [[...(queues as string[])].sort(), (bindings as string[]).length]
    }
    // Who leaves in order has said that it is to stay.
    await declare()
    expect(await run(scripts.BURY, owner, 0)).toEqual([0, 1])
    expect(await left()).toEqual([['consumed', 'declared', 'passing'], 2])
    await declare()
    expect(await run(scripts.BURY, owner, 1)).toEqual([0, 1])
    expect(await left()).toEqual([['consumed', 'declared'], 1])
    // It is about to be consumed by the other, whose consumer is the last to go.
    await run(scripts.CONSUME, other, 'declared')
    expect(await run(scripts.CANCEL, other, 'declared')).toBe(1)
    expect(await left()).toEqual([['consumed'], 1])
  })

  it('note what lies in an inbox as if it had been taken', async () => {
    const queue = '"a/ü",\\'
    await client.send([['LPUSH', keys().inbox(owner, queue), '{"n":1}']])
    expect(await run(scripts.NOTE, owner, queue, `${owner}:1:0`, 5)).toBe(1)
    expect(await run(scripts.NOTE, owner, queue, `${owner}:2:0`, 5)).toBe(0)
    expect(await bench.keys()).toEqual(['unacked', 'unacked_index'])
    await run(scripts.RELEASE, 0, '', `${owner}:1:0`)
    expect((await client.send([['LRANGE', keys().list(queue, 0), 0, -1]]))[0]).toEqual(['{"n":1}'])
    expect(await bench.keys()).toEqual([queue])
  })

  it('bury an owner: what lies in its inboxes comes back marked, first of all, unless the queue goes', async () => {
    const text = envelope('q', 'x')
    await run(scripts.ENTER, owner, 60_000)
    await client.send([
      ['SADD', keys().autoDelete, 'temporary'],
      ['SADD', keys().owned(owner), 'iq', 'itemporary', 'ctemporary'],
      ['LPUSH', keys().inbox(owner, 'q'), text],
      ['LPUSH', keys().inbox(owner, 'temporary'), text],
      ['LPUSH', 'q', '{"n":2}'],
    ])
    expect(await run(scripts.BURY, owner, 0)).toEqual([2, 1])
    const [first, second, ...others] = (await waiting()) as string[]
    expect([first, others]).toEqual(['{"n":2}', []])
    expect(decodeEnvelope(second ?? '')).toMatchObject({ message: { body: 'x' }, redelivered: true })
    expect(await bench.keys()).toEqual(['q'])
  })

  it('give back what Python held only once', async () => {
    const text = envelope('q', 'x')
    await client.send([
      ['HSET', 'unacked', 'tag', text],
      ['ZADD', 'unacked_index', 1, 'tag'],
    ])
    expect(await run(scripts.RECOVER, 'tag', text, 'q', 0, 'other', 3)).toBe(1)
    expect(await run(scripts.RECOVER, 'tag', text, 'q', 0)).toBe(0)
    expect(await bench.keys()).toEqual([`other\u0006\u00163`, 'q'])
  })

  it('work again when the server has forgotten them', async () => {
    await bench.server.ask('SCRIPT', 'FLUSH')
    expect(await run(scripts.PURGE, 'q')).toBe(0)
  })
})
