import { describe, expect, it } from 'vitest'
import { PrefetchCount } from '../../../src/worker/qos.ts'
import { fakeClock } from '../../support/fake-clock.ts'

async function pace(
  perMs: number,
  forMs: number,
  count: PrefetchCount,
  advance: (ms: number) => Promise<void>,
): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 1) {
    await advance(1)
    for (let task = 0; task < perMs; task += 1) count.ended()
  }
}

const settling = (): number => 0

describe('PrefetchCount', () => {
  it('adds what has run and is on its way to the store', async () => {
    const clock = fakeClock()
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling: () => 150, apply: () => undefined })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThanOrEqual(240)
    expect(count.count).toBeLessThanOrEqual(260)
    count.stop()
  })

  it('holds 10 ms of work, at least the smallest number', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply: (n) => applied.push(n) })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThanOrEqual(90)
    expect(count.count).toBeLessThanOrEqual(110)
    expect(applied.length).toBeLessThan(4)
    await pace(1, 200, count, (ms) => clock.advance(ms))
    expect(count.count).toBeLessThan(25)
    count.stop()
  })

  it('does not give back for a breath of the machine', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply: (n) => applied.push(n) })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    const before = applied.length
    await pace(1, 50, count, (ms) => clock.advance(ms))
    await pace(10, 50, count, (ms) => clock.advance(ms))
    expect(applied.length).toBe(before)
    count.stop()
  })

  it('leaves out those that run since before the connection was lost, until they have ended', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 12, clock, settling, apply: (n) => applied.push(n) })
    count.lost(2)
    count.lost(3)
    // One task's share is always left.
    expect(applied).toEqual([4])
    for (let task = 0; task < 5; task += 1) count.ended()
    expect(applied).toEqual([4, 8, 12])
  })

  it('is no limit where there is none', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 0, clock, settling, apply: (n) => applied.push(n) })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect([count.count, applied]).toEqual([0, []])
  })

  it('grows by what is held until its time, up to a limit', async () => {
    const clock = fakeClock()
    const applied: unknown[] = []
    const apply = (...args: unknown[]): unknown => applied.push(args)
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, largestWithHeld: 20, clock, settling, apply })
    for (const held of [1, 1, 10, 20, 30, 0]) count.hold(held)
    // What has not started needs not go back for it.
    expect(applied).toEqual([9, 18, 20, 8].map((n) => [n, undefined]))
    count.hold(5)
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThan(80)
    const [, keep] = applied.at(-1) as [number, number]
    expect(keep).toBe(count.count)
    count.stop()
    const unlimited = new PrefetchCount({ multiplier: 4, smallest: 0, clock, settling, apply })
    unlimited.hold(5)
    expect(unlimited.count).toBe(0)
  })

  it('stays where the pace is slow', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply: (n) => applied.push(n) })
    for (let task = 0; task < 10; task += 1) {
      await clock.advance(1000)
      count.ended()
    }
    expect([applied, count.count]).toEqual([[], 8])
  })

  it('drops to the smallest when nothing ends any more', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply: (n) => applied.push(n) })
    await pace(20, 40, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThan(100)
    await clock.advance(500)
    expect(applied.at(-1)).toBe(8)
    expect(clock.pending).toBe(0)
  })

  it('has an end, however fast the tasks are', async () => {
    const clock = fakeClock()
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply: () => undefined })
    await pace(1000, 60, count, (ms) => clock.advance(ms))
    expect(count.count).toBe(2000)
    count.stop()
    expect(clock.pending).toBe(0)
  })

  it('follows the size of the pool, and gives back what is too much', async () => {
    const clock = fakeClock()
    const applied: unknown[] = []
    const apply = (...args: unknown[]): unknown => applied.push(args)
    const count = new PrefetchCount({ multiplier: 4, smallest: 8, clock, settling, apply })
    count.resize(12)
    count.resize(12)
    count.resize(4)
    expect(applied).toEqual([
      [12, 12],
      [4, 4],
    ])
    await pace(10, 100, count, (ms) => clock.advance(ms))
    const fast = count.count
    expect(fast).toBeGreaterThan(80)
    count.resize(16)
    expect(count.count).toBe(fast)
    await clock.advance(200)
    expect(count.count).toBe(16)
    const unlimited = new PrefetchCount({ multiplier: 4, smallest: 0, clock, settling, apply })
    unlimited.resize(4)
    expect(unlimited.count).toBe(0)
  })
})
