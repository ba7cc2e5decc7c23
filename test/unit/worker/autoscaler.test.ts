import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/util/logger.ts'
import { autoscaleKeepaliveMs, checkRange, findAutoscaler, LoadAutoscaler } from '../../../src/worker/autoscaler.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function fixture(max = 10, min = 2) {
  const clock = fakeClock()
  const lines: string[] = []
  const sizes: number[] = []
  const stopping = new AbortController()
  const all = { qty: 0, prefetch: 0, error: undefined as Error | undefined }
  const slots = {
    size: min,
    resize: async (size: number) => {
      if (all.error !== undefined) throw all.error
      slots.size = size
      sizes.push(size)
    },
    prefetchFor: (size: number) => {
      all.prefetch = size
    },
  }
  const autoscaler = new LoadAutoscaler({
    max,
    min,
    qty: () => all.qty,
    slots,
    clock,
    logger: createLogger({ level: 'INFO', write: ({ message }) => lines.push(message) }),
    keepaliveMs: 30_000,
    stopping: stopping.signal,
  })
  const load = (qty: number): void => {
    all.qty = qty
    autoscaler.maybeScale()
  }
  return Object.assign(all, { autoscaler, clock, slots, sizes, lines, stopping, load })
}

describe('LoadAutoscaler', () => {
  it('grows at once to as many as there are tasks in hand, between its bounds', () => {
    const { load, sizes, lines } = fixture()
    for (const qty of [1, 2, 5, 4, 30]) load(qty)
    expect(sizes).toEqual([5, 10])
    expect(lines).toEqual(['Scaling up 3 processes.', 'Scaling up 5 processes.'])
  })

  it('shrinks after a keepalive to what was needed since', async () => {
    const { load, sizes, clock, lines } = fixture()
    load(8)
    load(0)
    await clock.advance(30_000)
    load(4)
    load(0)
    await clock.advance(29_999)
    expect(sizes).toEqual([8])
    await clock.advance(1)
    expect([sizes, lines.at(-1)]).toEqual([[8, 4], 'Scaling down 4 processes.'])
    await clock.advance(30_000)
    expect(sizes).toEqual([8, 4, 2])
  })

  it('does not follow bursts up and down', async () => {
    const { load, sizes, clock } = fixture()
    for (let burst = 0; burst < 20; burst += 1) {
      load(8)
      await clock.advance(1000)
      load(0)
      await clock.advance(20_000)
    }
    expect(sizes).toEqual([8])
  })

  it('sets no timer while it has its smallest size', async () => {
    const { load, clock } = fixture()
    load(1)
    expect(clock.pending).toBe(0)
    load(3)
    expect(clock.pending).toBe(1)
    load(0)
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
  })

  it('may go down to nothing', async () => {
    const { load, clock, sizes } = fixture(3, 0)
    load(1)
    load(0)
    await clock.advance(60_000)
    expect(sizes).toEqual([1, 0])
  })

  it('leaves the pool alone while the worker stops', async () => {
    const { load, clock, sizes, stopping } = fixture()
    load(5)
    stopping.abort()
    load(10)
    await clock.advance(90_000)
    expect(sizes).toEqual([5])
  })

  it('ends its timer', () => {
    const { load, clock, autoscaler } = fixture()
    load(5)
    autoscaler.stop()
    expect(clock.pending).toBe(0)
  })

  it('takes other bounds, and refuses wrong ones', async () => {
    const all = fixture()
    const { autoscaler, load, sizes, clock } = all
    load(10)
    expect(autoscaler.update({ max: 6 })).toEqual({ max: 6, min: 2 })
    expect([sizes, all.prefetch]).toEqual([[10, 6], 6])
    expect(autoscaler.update({ max: 20, min: 7 })).toEqual({ max: 20, min: 7 })
    expect([sizes, all.prefetch]).toEqual([[10, 6, 7, 10], 20])
    expect(() => autoscaler.update({ min: 30 })).toThrow('not larger, not 20,30')
    load(0)
    autoscaler.update({ min: 1 })
    await clock.advance(60_000)
    expect(sizes.at(-1)).toBe(1)
  })

  it('tells what it knows, under the names of Celery', () => {
    const { autoscaler, load } = fixture()
    load(4)
    expect(autoscaler.info()).toEqual({ max: 10, min: 2, current: 4, qty: 4 })
  })

  it('logs what the pool refuses', async () => {
    const all = fixture()
    all.error = new Error('no more memory')
    all.load(5)
    await all.clock.advance(0)
    expect(all.lines.at(-1)).toBe('The pool could not be scaled: no more memory')
  })
})

it('bounds are whole numbers, the larger one not zero', () => {
  expect(checkRange({ max: 3, min: 0 })).toEqual({ max: 3, min: 0 })
  for (const [max, min] of [
    [0, 0],
    [2, 3],
    [1.5, 1],
    [3, -1],
    [NaN, 1],
  ] as const) {
    expect(() => checkRange({ max, min })).toThrow('Autoscaling needs')
  }
})

it('the keepalive comes from the environment', () => {
  expect(autoscaleKeepaliveMs({})).toBe(30_000)
  expect(autoscaleKeepaliveMs({ AUTOSCALE_KEEPALIVE: '0.5' })).toBe(500)
  for (const text of ['soon', '0', '-1']) {
    expect(() => autoscaleKeepaliveMs({ AUTOSCALE_KEEPALIVE: text })).toThrow('AUTOSCALE_KEEPALIVE is a number')
  }
})

it('may be one of your own, by the path of its module', async () => {
  const folder = temporaryDirectory()
  writeFileSync(join(folder, 'mine.mjs'), 'export default (parts) => ({ parts })')
  writeFileSync(join(folder, 'none.mjs'), 'export const x = 1')
  const { slots, clock, stopping } = fixture()
  const parts = {
    max: 1,
    min: 0,
    qty: () => 0,
    slots,
    clock,
    logger: createLogger({ write: () => undefined }),
    keepaliveMs: 1,
    stopping: stopping.signal,
  }
  expect((await findAutoscaler('./mine.mjs', folder))(parts)).toEqual({ parts })
  await expect(findAutoscaler('./none.mjs', folder)).rejects.toThrow('exports no autoscaler')
  const ours = await findAutoscaler('celery.worker.autoscale:Autoscaler')
  expect(ours(parts)).toBeInstanceOf(LoadAutoscaler)
})
