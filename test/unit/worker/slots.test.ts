import { expect, it } from 'vitest'
import { WorkerError } from '../../../src/errors.ts'
import { Slots } from '../../../src/worker/slots.ts'

function fixture({ size = 4, multiplier = 3, autoscaled = false, fails = false } = {}) {
  const trail: string[] = []
  const say = (text: string): Promise<void> => {
    trail.push(text)
    return fails ? Promise.reject(new WorkerError('stopped')) : Promise.resolve()
  }
  const slots = new Slots({
    pool: { resize: (count) => say(`pool ${String(count)}`), restart: () => say('restart') },
    prefetch: { resize: (count) => void trail.push(`prefetch ${String(count)}`) },
    size,
    multiplier,
    autoscaled,
  })
  return { slots, trail }
}

it('grows and shrinks the pool, and the messages in hand with it', async () => {
  const { slots, trail } = fixture()
  await slots.grow(2)
  expect([slots.size, trail]).toEqual([6, ['pool 6', 'prefetch 18']])
  await slots.shrink()
  expect([slots.size, trail.slice(2)]).toEqual([5, ['pool 5', 'prefetch 15']])
})

it('keeps one', async () => {
  const { slots, trail } = fixture({ size: 2 })
  await slots.shrink()
  await expect(slots.shrink()).rejects.toThrow('A pool of 1 cannot shrink by 1: one must stay')
  expect([slots.size, trail]).toEqual([1, ['pool 1', 'prefetch 3']])
})

it('keeps its size where the pool refuses another one', async () => {
  const { slots, trail } = fixture({ fails: true })
  await expect(slots.grow()).rejects.toThrow('stopped')
  expect([slots.size, trail]).toEqual([4, ['pool 5', 'prefetch 15', 'prefetch 12']])
})

it('leaves its size to an autoscaler, where there is one', async () => {
  const { slots, trail } = fixture({ autoscaled: true })
  await expect(slots.grow()).rejects.toThrow('pool_grow is not supported with autoscale')
  await expect(slots.shrink()).rejects.toThrow('pool_shrink is not supported with autoscale')
  await slots.resize(7)
  expect([slots.size, trail]).toEqual([7, ['pool 7']])
  slots.prefetchFor(10)
  expect(trail.at(-1)).toBe('prefetch 30')
})

it('restarts the pool', async () => {
  const { slots, trail } = fixture()
  await slots.restart()
  expect(trail).toEqual(['restart'])
})
