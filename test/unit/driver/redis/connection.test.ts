import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConnectionError, OperationalError } from '../../../../src/errors.ts'
import { connectRedis, replyCode } from '../../../../src/driver/redis.ts'
import type { RedisClient, RedisScript } from '../../../../src/driver/redis.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('a connection to Redis', () => {
  let server: RedisServer
  const clients: RedisClient[] = []

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await server.stop()
  })

  async function connect(options: Record<string, unknown> = {}): Promise<RedisClient> {
    const client = await connectRedis(server.url, options, 'The test')
    clients.push(client)
    return client
  }

  it('answers the commands of one round trip in their order', async () => {
    const client = await connect()
    const replies = await client.send([
      ['SET', 'a', 'é🥕'],
      ['GET', 'a'],
      ['RPUSH', 'list', 1, 2],
      ['LRANGE', 'list', 0, -1],
      ['GET', 'none'],
    ])
    expect(replies).toEqual(['OK', 'é🥕', 2, ['1', '2'], null])
    expect(await client.send([])).toEqual([])
  })

  it('sends bytes as they are, and answers them so where it is asked to', async () => {
    const client = await connect()
    const bytes = Uint8Array.from([0, 255, 128, 10])
    const replies = await client.send(
      [
        ['SET', 'bytes', bytes],
        ['GET', 'bytes'],
        ['STRLEN', 'bytes'],
      ],
      { bytes: true },
    )
    expect(replies).toEqual(['OK', Buffer.from(bytes), 4])
  })

  it('makes an error reply an error that says what to do; other commands are done', async () => {
    const client = await connect()
    const error = await client
      .send([
        ['SET', 'text', 'x'],
        ['LPUSH', 'text', 'y'],
        ['SET', 'after', 'z'],
      ])
      .catch(asIs)
    expect(error).toBeInstanceOf(OperationalError)
    expect(error).not.toBeInstanceOf(ConnectionError)
    expect(replyCode(error)).toBe('WRONGTYPE')
    expect(String(error)).toContain(`Redis at 127.0.0.1:${String(server.port)} has another kind of data`)
    expect(await client.send([['GET', 'after']])).toEqual(['z'])
  })

  it('makes a transaction of commands, whose first error it tells', async () => {
    const client = await connect()
    expect(
      await client.transaction(
        [
          ['SET', 't', 'x'],
          ['GET', 't'],
        ],
        { bytes: true },
      ),
    ).toEqual(['OK', Buffer.from('x')])
    expect(
      replyCode(
        await client
          .transaction([
            ['SET', 't', 'x'],
            ['LPUSH', 't', 'y'],
          ])
          .catch(asIs),
      ),
    ).toBe('WRONGTYPE')
    expect(
      replyCode(
        await client
          .transaction([
            ['SET', 't', 'y'],
            ['SET', 't'],
          ])
          .catch(asIs),
      ),
    ).toBe('ERR')
    expect(await client.send([['GET', 't']])).toEqual(['x'])
  })

  it('runs scripts, also after the server has forgotten them', async () => {
    const client = await connect()
    const script: RedisScript = { name: 'echo', lua: 'return {KEYS[1], ARGV[1], 7}' }
    expect(await client.run(script, ['k'], ['v'])).toEqual(['k', 'v', 7])
    expect(await client.run(script, ['k'], [1], { bytes: true })).toEqual([Buffer.from('k'), Buffer.from('1'), 7])
    await client.send([['SCRIPT', 'FLUSH']])
    expect(await client.run(script, ['k'], ['v'])).toEqual(['k', 'v', 7])
    const broken: RedisScript = { name: 'broken', lua: "return redis.call('LPUSH', KEYS[1])" }
    await expect(client.run(broken, ['k'], [])).rejects.toThrow(/The script broken failed/)
  })

  it('is told of changes of what it has read, by others only', async () => {
    const [client, other] = [await connect(), await connect()]
    let changes = 0
    await client.track(() => {
      changes += 1
    })
    await client.send([['LLEN', 'tracked']])
    await client.send([['LPUSH', 'tracked', 'own']])
    await client.send([['LLEN', 'tracked']])
    await other.send([['LPUSH', 'tracked', 'x']])
    await waitFor(() => changes === 1)
    await other.send([['LPUSH', 'tracked', 'y']])
    await client.send([['LLEN', 'tracked']])
    await other.send([['LPUSH', 'tracked', 'z']])
    await waitFor(() => changes === 2)
  })

  it('goes on while a duplicate blocks, and ends it with itself', async () => {
    const client = await connect()
    const duplicate = await client.duplicate()
    const popped = duplicate.send([['BLPOP', 'blocking', 20]], { blockMs: 20_000 })
    await client.send([['RPUSH', 'blocking', 'x']])
    expect(await popped).toEqual([['blocking', 'x']])
    const forever = duplicate.send([['BLPOP', 'blocking', 0]], { blockMs: 60_000 }).catch(asIs)
    await client.close()
    await client.close()
    expect(await forever).toBeInstanceOf(ConnectionError)
    expect(await client.closed).toBeUndefined()
    expect(await duplicate.closed).toBeUndefined()
    await expect(client.send([['PING']])).rejects.toThrow(/was closed/)
  })

  it('waits for replies that are under way when it is closed', async () => {
    const client = await connect()
    const sent = client.send([
      ['SET', 'late', 'x'],
      ['GET', 'late'],
    ])
    await client.close()
    expect(await sent).toEqual(['OK', 'x'])
  })

  it('is over when the server cuts it, and says so to all who wait', async () => {
    const client = await connect({ client_name: 'cut-me' })
    const blocked = client.send([['BLPOP', 'nothing', 0]], { blockMs: 60_000 }).catch(asIs)
    const { id } = await waitFor(
      async () => /^id=(?<id>\d+) .*name=cut-me .*cmd=blpop/m.exec(await server.ask('CLIENT', 'LIST'))?.groups,
    )
    await server.ask('CLIENT', 'KILL', 'ID', id ?? '')
    expect(await blocked).toBeInstanceOf(ConnectionError)
    expect(await client.closed).toBe(await blocked)
    await expect(client.send([['PING']])).rejects.toThrow(/is lost/)
  })

  it('is over when a reply does not come in time, and when an idle server does not answer', async () => {
    const [client, idle] = [
      await connect({ socketTimeout: 0.5 }),
      await connect({ socket_timeout: 0.5, healthCheckInterval: 0.02 }),
    ]
    server.pause()
    try {
      await expect(client.send([['GET', 'a']])).rejects.toThrow(/did not answer within 0.5 seconds/)
      expect(await idle.closed).toBeInstanceOf(ConnectionError)
    } finally {
      server.resume()
    }
  })

  it('does not connect for ever to a server that stands still', async () => {
    server.pause()
    try {
      await expect(connect({ socketConnectTimeout: 0.05 })).rejects.toThrow(
        /cannot be reached: it did not answer within 0.05/,
      )
    } finally {
      server.resume()
    }
  })
})

function asIs(error: unknown): unknown {
  return error
}
