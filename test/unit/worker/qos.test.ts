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

describe('PrefetchCount', () => {
  it('holds 20 ms of work, at least the smallest number', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ smallest: 8, clock, apply: (n) => applied.push(n) })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThanOrEqual(180)
    expect(count.count).toBeLessThanOrEqual(220)
    expect(applied.length).toBeLessThan(4)
    await pace(1, 100, count, (ms) => clock.advance(ms))
    expect(count.count).toBeLessThan(50)
    count.stop()
  })

  it('is no limit where there is none', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ smallest: 0, clock, apply: (n) => applied.push(n) })
    await pace(10, 100, count, (ms) => clock.advance(ms))
    expect([count.count, applied]).toEqual([0, []])
  })

  it('stays where the pace is slow', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ smallest: 8, clock, apply: (n) => applied.push(n) })
    for (let task = 0; task < 10; task += 1) {
      await clock.advance(1000)
      count.ended()
    }
    expect([applied, count.count]).toEqual([[], 8])
  })

  it('drops to the smallest when nothing ends any more', async () => {
    const clock = fakeClock()
    const applied: number[] = []
    const count = new PrefetchCount({ smallest: 8, clock, apply: (n) => applied.push(n) })
    await pace(20, 40, count, (ms) => clock.advance(ms))
    expect(count.count).toBeGreaterThan(100)
    await clock.advance(500)
    expect(applied.at(-1)).toBe(8)
    expect(clock.pending).toBe(0)
  })

  it('has an end, however fast the tasks are', async () => {
    const clock = fakeClock()
    const count = new PrefetchCount({ smallest: 8, clock, apply: () => undefined })
    await pace(1000, 60, count, (ms) => clock.advance(ms))
    expect(count.count).toBe(2000)
    count.stop()
    expect(clock.pending).toBe(0)
  })
})
