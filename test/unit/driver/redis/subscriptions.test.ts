import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConnectionError } from '../../../../src/errors.ts'
import { connectRedis } from '../../../../src/driver/redis.ts'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { describeWithRedis, startRedis } from '../../../support/redis.ts'
import type { RedisServer } from '../../../support/redis.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('subscriptions', () => {
  let server: RedisServer
  let client: RedisClient

  beforeAll(async () => {
    server = await startRedis()
    client = await connectRedis(server.url, { healthCheckInterval: 0.02 }, 'The test')
  })
  afterAll(async () => {
    await client.close()
    await server.stop()
  })

  const channelsOf = async (): Promise<string> => server.ask('PUBSUB', 'CHANNELS')

  it('tell all who listen, and end with the last of them', async () => {
    const heard: string[] = []
    const listen = (name: string) => (channel: string, payload: string) => heard.push(`${name} ${channel} ${payload}`)
    const [one, two] = await Promise.all([
      client.subscribe(['a', 'b'], listen('one')),
      client.subscribe(['b', 'c'], listen('two')),
    ])
    for (const channel of ['a', 'b', 'c']) await server.ask('PUBLISH', channel, 'x')
    await waitFor(() => heard.length === 4)
    expect(heard).toEqual(['one a x', 'one b x', 'two b x', 'two c x'])
    await one()
    await one()
    expect((await channelsOf()).split('\n').sort()).toEqual(['b', 'c'])
    await server.ask('PUBLISH', 'b', 'y')
    await waitFor(() => heard.length === 5)
    await two()
    expect(await channelsOf()).toBe('')
    await client.subscribe(['b'], listen('three')).then((end) => end())
    expect(await channelsOf()).toBe('')
  })

  it('of a channel that is left and entered again at once go on', async () => {
    const heard: string[] = []
    const first = await client.subscribe(['again'], () => undefined)
    const leaving = first()
    const second = await client.subscribe(['again'], (_channel, payload) => heard.push(payload))
    await leaving
    await server.ask('PUBLISH', 'again', 'x')
    await waitFor(() => heard.length === 1)
    await second()
    expect(await channelsOf()).toBe('')
  })

  it('may be to patterns, and may be told bytes', async () => {
    const heard: unknown[] = []
    const end = await client.psubscribe(['/0.celeryev/*', 'other*'], (...told) => heard.push(told), { bytes: true })
    await server.ask('PUBLISH', '/0.celeryev/task.sent', 'x')
    await waitFor(() => heard.length === 1)
    expect(heard).toEqual([['/0.celeryev/task.sent', Buffer.from('x')]])
    await end()
    expect(await server.ask('PUBSUB', 'NUMPAT')).toBe('0')
  })

  it('stay while nothing is said, for their connection is asked whether it lives', async () => {
    const heard: string[] = []
    const end = await client.subscribe(['quiet'], (_channel, payload) => heard.push(payload))
    const pings = async (): Promise<number> =>
      Number(/cmdstat_ping:calls=(\d+)/.exec(await server.ask('INFO', 'commandstats'))?.[1])
    const before = await pings()
    await waitFor(async () => (await pings()) > before + 4)
    await server.ask('PUBLISH', 'quiet', 'x')
    await waitFor(() => heard.length === 1)
    await end()
  })

  it('end the client when their connection is cut', async () => {
    const other = await connectRedis(server.url, {}, 'The test')
    const end = await other.subscribe(['cut'], () => undefined)
    await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    expect(await other.closed).toBeInstanceOf(ConnectionError)
    await end()
    await expect(other.subscribe(['cut'], () => undefined)).rejects.toThrow(/is lost/)
  })
})
