import { expect, it } from 'vitest'
import { LamportClock } from '../../../src/util/lamport-clock.ts'

it('goes on, and is never behind what it heard of', () => {
  const clock = new LamportClock()
  expect([clock.forward(), clock.forward()]).toEqual([1, 2])
  clock.adjust(10)
  expect(clock.time).toBe(11)
  clock.adjust(3)
  expect(clock.time).toBe(12)
})
