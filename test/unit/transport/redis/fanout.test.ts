import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RedisClient } from '../../../../src/driver/redis.ts'
import { Fanout } from '../../../../src/transport/redis/fanout.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { envelope, keys, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

describeWithRedis('queues behind fanout exchanges in Redis', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const open = async (): Promise<{ client: RedisClient; fanout: Fanout; clock: FakeClock; publish: Publish }> => {
    const client = await bench.connect()
    const clock = fakeClock()
    const fanout = new Fanout({ client, keys: keys(), clock, onMessage: () => undefined })
    const publish: Publish = async (channel, body) => {
      await client.send([['PUBLISH', channel, envelope('q', body)]])
    }
    return { client, fanout, clock, publish }
  }
  type Publish = (channel: string, body: string) => Promise<void>
  const bodies = (fanout: Fanout, queue: string): unknown[] =>
    fanout.take([queue], 10).map(({ message }) => message.body)
  const has = (fanout: Fanout, queue: string, count: number): Promise<unknown> =>
    waitFor(() => fanout.size(queue) === count, { what: `${String(count)} messages in ${queue}` })

  it('get what is told on the channels of their routing key', async () => {
    const { fanout, publish } = await open()
    await fanout.listen('workers', 'x', 'worker.#')
    await fanout.listen('all', 'x', '')
    await fanout.listen('all', 'y', '')
    for (const channel of ['/0.x/worker.online', '/0.x/task.sent', '/0.x', '/0.y', '/0.z'])
      await publish(channel, channel)
    await has(fanout, 'all', 4)
    expect(bodies(fanout, 'all')).toEqual(['/0.x/worker.online', '/0.x/task.sent', '/0.x', '/0.y'])
    expect(bodies(fanout, 'workers')).toEqual(['/0.x/worker.online'])
  })

  it('share a subscription, and end it with the last', async () => {
    const { client, fanout, publish } = await open()
    for (const queue of ['a', 'b']) await fanout.listen(queue, 'x', 'k')
    await publish('/0.x/k', '1')
    await has(fanout, 'b', 1)
    await fanout.forget('a')
    expect([fanout.size('a'), fanout.size('b')]).toEqual([0, 1])
    const channels = async (): Promise<unknown> => (await client.send([['PUBSUB', 'CHANNELS']]))[0]
    expect(await channels()).toEqual(['/0.x/k'])
    await fanout.forget('b')
    expect(await channels()).toEqual([])
  })

  it('take messages back, to the front or until a time', async () => {
    const { fanout, clock, publish } = await open()
    await fanout.listen('q', 'x', '')
    for (const body of ['1', '2', '3']) await publish('/0.x', body)
    await has(fanout, 'q', 3)
    const [first, second] = fanout.take(['q'], 2)
    if (first === undefined || second === undefined) throw new Error('nothing came')
    fanout.release([first], false, clock.now() + 1000)
    fanout.release([second], true, undefined)
    expect(fanout.size('q')).toBe(3)
    const now = fanout.take(['q'], 10)
    expect(now.map(({ message, redelivered }) => [message.body, redelivered])).toEqual([
      ['2', true],
      ['3', false],
    ])
    await clock.advance(1000)
    expect(bodies(fanout, 'q')).toEqual(['1'])
    expect(fanout.has(['q'])).toBe(false)
  })

  it('can be emptied, with what is put off', async () => {
    const { fanout, clock, publish } = await open()
    await fanout.listen('q', 'x', '')
    for (const body of ['1', '2']) await publish('/0.x', body)
    await has(fanout, 'q', 2)
    fanout.release(fanout.take(['q'], 1), false, clock.now() + 1000)
    expect(fanout.purge('q')).toBe(2)
    await clock.advance(1000)
    expect(fanout.size('q')).toBe(0)
    fanout.end()
  })
})
