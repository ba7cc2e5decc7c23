import { expect, it } from 'vitest'
import { clocked } from '../../../src/schedule/clocked.ts'
import { interval } from '../../../src/schedule/interval.ts'
import { isDue, missed } from '../../../src/schedule/schedule.ts'

it('is due when its instant has come', () => {
  const tenSeconds = interval(10)
  expect(isDue(tenSeconds, 0, 9999)).toEqual({ due: false, nextMs: 1 })
  expect(isDue(tenSeconds, 0, 10_000)).toEqual({ due: true, nextMs: 10_000 })
  expect(isDue(clocked(new Date(5)), 0, 5)).toEqual({ due: true, nextMs: undefined })
  expect(isDue(clocked(new Date(5)), 5, 6)).toEqual({ due: false, nextMs: undefined })
})

it('tells what was missed, the latest of it', () => {
  expect(missed(interval(10), 0, 35_000, 100)).toEqual([10_000, 20_000, 30_000])
  expect(missed(interval(10), 0, 35_000, 2)).toEqual([20_000, 30_000])
  expect(missed(interval(10), 0, 9999, 2)).toEqual([])
})
