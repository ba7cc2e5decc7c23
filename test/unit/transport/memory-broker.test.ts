import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryBroker } from '../../../src/transport/memory-broker.ts'
import type { QueueEntry } from '../../../src/transport/virtual/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { plainMessage } from '../../support/fake-store.ts'

let clock: FakeClock
let broker: MemoryBroker

beforeEach(() => {
  clock = fakeClock()
  broker = new MemoryBroker(clock)
})

function entry(body: string, more: Partial<QueueEntry> & { priority?: number } = {}): QueueEntry {
  const { priority, ...rest } = more
  const message = plainMessage(body, priority === undefined ? {} : { priority })
  return { queue: 'q', exchange: '', routingKey: 'q', message, ...rest }
}

const take = (max = 100, queues = ['q']): unknown[] => broker.take(queues, max).map(({ message }) => message.body)

describe('order', () => {
  it('is by priority over all queues, then by the order of publishing', () => {
    broker.put([entry('a0'), entry('b5', { queue: 'p', priority: 5 }), entry('c9', { priority: 9 }), entry('d0')])
    expect(take(3, ['q', 'p'])).toEqual(['c9', 'b5', 'a0'])
    expect(take(3, ['q', 'p'])).toEqual(['d0'])
  })

  it('takes odd priorities for the nearest that there is', () => {
    broker.put([
      entry('none', { priority: NaN }),
      entry('low', { priority: -3 }),
      entry('high', { priority: 200 }),
      entry('half', { priority: 4.7 }),
    ])
    expect(take()).toEqual(['high', 'half', 'none', 'low'])
  })

  it('is kept by what comes back, whatever went before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        (priorities, order) => {
          const local = new MemoryBroker(fakeClock())
          local.put(priorities.map((priority, index) => entry(String(index), { priority })))
          const expected = priorities
            .map((priority, index) => ({ priority, body: String(index) }))
            .sort((a, b) => b.priority - a.priority || Number(a.body) - Number(b.body))
            .map(({ body }) => body)
          // Take in portions, give the portions back in any order, then take all.
          const portions = order.map(() => local.take(['q'], 4))
          for (const index of order) local.restore(portions[index]!)
          expect(local.size('q')).toBe(priorities.length)
          expect(local.take(['q'], 100).map(({ message }) => message.body)).toEqual(expected)
        },
      ),
    )
  })
})

describe('due times', () => {
  it('are kept to the millisecond, with one timer for all', async () => {
    const nowMs = clock.now()
    broker.put([
      entry('late', { dueMs: nowMs + 500 }),
      entry('soon', { dueMs: nowMs + 100 }),
      entry('now', { dueMs: nowMs }),
    ])
    expect(clock.pending).toBe(1)
    expect(take()).toEqual(['now'])
    await clock.advance(99)
    expect(take()).toEqual([])
    await clock.advance(1)
    expect(take()).toEqual(['soon'])
    await clock.advance(400)
    expect(take()).toEqual(['late'])
    expect(clock.pending).toBe(0)
  })

  it('keep the timer where a later one is added', async () => {
    broker.put([entry('soon', { dueMs: clock.now() + 100 })])
    broker.put([entry('late', { dueMs: clock.now() + 500 })])
    await clock.advance(100)
    expect(take()).toEqual(['soon'])
  })

  it('wake whoever waits', async () => {
    broker.put([entry('soon', { dueMs: clock.now() + 100 })])
    const waiting = broker.wait(['q'], new AbortController().signal).then(() => take())
    await clock.advance(100)
    expect(await waiting).toEqual(['soon'])
  })

  it('end with their queue', async () => {
    broker.put([entry('soon', { dueMs: clock.now() + 100 })])
    expect(broker.size('q')).toBe(1)
    expect(broker.deleteQueue('q')).toBe(1)
    broker.put([entry('new')])
    await clock.advance(200)
    expect(take()).toEqual(['new'])
  })

  it('go on after a message came back', async () => {
    broker.put([entry('1', { dueMs: clock.now() + 100 })])
    await clock.advance(100)
    const items = broker.take(['q'], 1)
    broker.restore(items)
    expect(take()).toEqual(['1'])
  })
})

describe('waiting', () => {
  it('ends at once where there is something', async () => {
    broker.put([entry('1')])
    await broker.wait(['other', 'q'], new AbortController().signal)
  })

  it('ends with a message, with one that comes back, and with the signal', async () => {
    const { signal } = new AbortController()
    const first = broker.wait(['a', 'q'], signal)
    broker.put([entry('1'), entry('2')])
    await first
    const items = broker.take(['q'], 2)
    const second = broker.wait(['q'], signal)
    broker.restore(items)
    await second
    take()
    const controller = new AbortController()
    const third = broker.wait(['q'], controller.signal)
    controller.abort()
    await third
    await broker.wait(['q'], controller.signal)
  })

  it('is not ended by messages of other queues', async () => {
    let ended = false
    void broker.wait(['q'], new AbortController().signal).then(() => (ended = true))
    broker.put([entry('1', { queue: 'other' })])
    await clock.advance(1000)
    expect(ended).toBe(false)
  })
})

describe('what comes back to a deleted queue', () => {
  it('is dropped', () => {
    broker.put([entry('1')])
    const items = broker.take(['q'], 1)
    broker.deleteQueue('q')
    broker.restore(items)
    expect(broker.size('q')).toBe(0)
  })
})
