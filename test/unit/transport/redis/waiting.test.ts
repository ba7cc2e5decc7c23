import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RedisClient, RedisCommand } from '../../../../src/driver/redis.ts'
import { Waiting } from '../../../../src/transport/redis/waiting.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { keys, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

const never = new AbortController().signal

/** A wait, and whether it is over. */
function begin(waiting: Waiting, queues: readonly string[], signal: AbortSignal = never): { over: boolean } {
  const state = { over: false }
  void waiting.wait(queues, signal).then(() => {
    state.over = true
  })
  return state
}

describeWithRedis('waiting for messages in Redis', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const open = async (): Promise<{ waiting: Waiting; clock: FakeClock; other: RedisClient }> => {
    const [client, other] = [await bench.connect(), await bench.connect()]
    const clock = fakeClock()
    return { waiting: new Waiting({ client, keys: keys(), clock, logger: silentLogger() }), clock, other }
  }
  const over = (state: { over: boolean }): Promise<unknown> => waitFor(() => state.over, { what: 'the wait to end' })

  it.each([
    ['a push to a list', ['LPUSH', 'q', '1']],
    ['a push to another step', ['LPUSH', 'q\u0006\u00169', '1']],
    ['another due time', ['ZADD', 'celeriac.due', 5, 'elsewhere']],
  ] as [string, RedisCommand][])('ends with %s, and asks nothing meanwhile', async (_what, command) => {
    const { waiting, other } = await open()
    const state = begin(waiting, ['q'])
    await waitFor(() => waiting.isEmpty(['q']), { what: 'the queue to be known empty' })
    const again = begin(waiting, ['q'])
    expect([state.over, again.over]).toEqual([false, false])
    await other.send([command])
    await over(state)
    await over(again)
    expect(waiting.isEmpty(['q'])).toBe(false)
  })

  it('ends at once where something lies', async () => {
    const { waiting, other } = await open()
    await other.send([['LPUSH', 'q', '1']])
    await over(begin(waiting, ['q']))
  })

  it('ends when the next message is due', async () => {
    const { waiting, clock, other } = await open()
    await other.send([['ZADD', 'celeriac.due', clock.now() + 5000, 'q']])
    const state = begin(waiting, ['q'])
    await waitFor(() => waiting.isEmpty(['q']), { what: 'the queue to be known empty' })
    await clock.advance(4999)
    expect(waiting.isEmpty(['q'])).toBe(true)
    await clock.advance(1)
    await over(state)
  })

  it('ends when it is given up, and at the end', async () => {
    const { waiting } = await open()
    const controller = new AbortController()
    const given = begin(waiting, ['q'], controller.signal)
    const left = begin(waiting, ['q'])
    controller.abort()
    await over(given)
    expect(left.over).toBe(false)
    waiting.end()
    await over(left)
    await over(begin(waiting, ['q']))
  })

  it('knows what is waited for', async () => {
    const { waiting } = await open()
    const controller = new AbortController()
    begin(waiting, ['q', 'r'], controller.signal)
    expect(['q', 'r', 's'].map((queue) => waiting.isAwaited(queue))).toEqual([true, true, false])
    controller.abort()
    expect(waiting.isAwaited('q')).toBe(false)
  })

  it('does not hear of a list that is covered, but of the others, and of all when it is not', async () => {
    const { waiting, other } = await open()
    const state = begin(waiting, ['q'])
    await waitFor(() => waiting.isEmpty(['q']), { what: 'the queue to be known empty' })
    waiting.cover('q')
    // What the server tells comes in order.
    const later = begin(waiting, ['r'])
    await waitFor(() => waiting.isEmpty(['r']), { what: 'the other queue to be known empty' })
    await other.send([['LPUSH', 'q', '1']])
    await other.send([['LPUSH', 'r', '1']])
    await over(later)
    expect([state.over, waiting.isEmpty(['q'])]).toEqual([false, true])
    await other.send([['LPUSH', 'q\u0006\u00169', '1']])
    await over(state)
    await waiting.observe(['q'], async () => ({ empty: true, nextDueMs: undefined }))
    const again = begin(waiting, ['q'])
    waiting.uncover('q')
    await over(again)
    expect(waiting.isEmpty(['q'])).toBe(false)
  })

  it('does not trust a look during which something changed', async () => {
    const { waiting } = await open()
    await waiting.observe(['q'], async () => {
      waiting.forget()
      return { empty: true, nextDueMs: undefined }
    })
    expect(waiting.isEmpty(['q'])).toBe(false)
  })
})

describe('waiting where the server does not tell', () => {
  it('looks every now and then', async () => {
    const clock = fakeClock()
    let found = 0
    let looks = 0
    const client = {
      isCluster: false,
      track: () => Promise.reject(new Error('unknown command')),
      send: async () => {
        looks += 1
        return [found, []]
      },
    } as unknown as RedisClient
    const waiting = new Waiting({ client, keys: keys(), clock, logger: silentLogger() })
    const state = begin(waiting, ['q'])
    await waitFor(() => looks === 1, { what: 'the first look' })
    found = 1
    await waitFor(
      async () => {
        await clock.advance(100)
        return state.over
      },
      { what: 'the second look' },
    )
    expect(looks).toBe(2)
  })
})
