import { beforeEach, describe, expect, it } from 'vitest'
import { ConnectionError } from '../../../src/errors.ts'
import type { Channel } from '../../../src/transport/transport.ts'
import { Watchdog } from '../../../src/worker/watchdog.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let watchdog: Watchdog
let asked: string[]
let dead: string[]
let hasRoom: boolean
/** What the broker answers. */
let sizeOf: (queue: string) => number | Promise<number>
let due: string | undefined

beforeEach(() => {
  clock = fakeClock()
  asked = []
  dead = []
  hasRoom = true
  sizeOf = () => 0
  due = undefined
  const channel = {
    queueSize: async (queue: string) => {
      asked.push(queue)
      return sizeOf(queue)
    },
    basicGet: async (queue: string) => {
      asked.push(`get ${queue}`)
      return queue === due ? [{ deliveryTag: 7 }] : []
    },
    basicReject: async (tags: readonly number[], requeue: boolean, options: unknown) => {
      asked.push(`back ${String(tags[0])} ${String(requeue)} ${JSON.stringify(options)}`)
    },
  } as unknown as Channel
  watchdog = new Watchdog({
    channel,
    clock,
    queues: () => ['a', 'b'],
    hasRoom: () => hasRoom,
    onDead: (error) => dead.push(error.message),
  })
  watchdog.start()
})

/** A queue that grows by one with each look. */
function grow(): void {
  let size = 0
  sizeOf = (queue) => (queue === 'a' ? ++size : 0)
}

describe('a broker that answers', () => {
  it('is asked once in ten seconds', async () => {
    await clock.advance(9999)
    expect(asked).toEqual([])
    await clock.advance(20_001)
    expect(asked).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
    expect(dead).toEqual([])
  })

  it('is not asked while messages come, or there is no room for more', async () => {
    for (let second = 0; second < 30; second += 1) {
      watchdog.heard()
      await clock.advance(1000)
    }
    hasRoom = false
    await clock.advance(30_000)
    expect(asked).toEqual([])
  })

  it('is asked nothing any more after the stop', async () => {
    watchdog.stop()
    watchdog.stop()
    await clock.advance(60_000)
    expect([asked, clock.pending]).toEqual([[], 0])
  })
})

describe('a broker that does not answer', () => {
  it('is dead after fifteen seconds', async () => {
    sizeOf = () => new Promise(() => undefined)
    await clock.advance(24_999)
    expect(dead).toEqual([])
    await clock.advance(1)
    expect([dead, clock.pending]).toEqual([['No answer within 15 s'], 0])
  })

  it('is dead at once when it fails', async () => {
    sizeOf = () => {
      throw new ConnectionError('reset')
    }
    await clock.advance(10_000)
    expect(dead).toEqual(['reset'])
  })
})

describe('a broker that has forgotten us', () => {
  it('is found out when the queues grow and a message can be had by hand', async () => {
    grow()
    due = 'b'
    await clock.advance(29_999)
    expect(dead).toEqual([])
    await clock.advance(1)
    expect(dead).toEqual(['Nothing was received for 30 s though 3 messages wait, some of them in queue "b"'])
    expect(asked.slice(-3)).toEqual(['get a', 'get b', 'back 7 true {"redelivered":false}'])
  })

  it('is not suspected where what waits is not due', async () => {
    grow()
    await clock.advance(60_000)
    expect(dead).toEqual([])
    expect(asked.filter((verb) => verb === 'get a')).toHaveLength(2)
  })

  it('is not suspected where nothing more comes, or something was received', async () => {
    sizeOf = () => 5
    due = 'a'
    await clock.advance(60_000)
    grow()
    await clock.advance(20_000)
    watchdog.heard()
    await clock.advance(20_000)
    expect(dead).toEqual([])
  })
})
