import fc from 'fast-check'
import { expect, it } from 'vitest'
import { clocked } from '../../../src/schedule/clocked.ts'
import { crontab } from '../../../src/schedule/crontab.ts'
import { interval } from '../../../src/schedule/interval.ts'
import { missed } from '../../../src/schedule/schedule.ts'
import type { Schedule } from '../../../src/schedule/schedule.ts'

it('tells what was missed, the latest of it', () => {
  expect(missed(interval(10), 0, 35_000, 100)).toEqual([10_000, 20_000, 30_000])
  expect(missed(interval(10), 0, 35_000, 2)).toEqual([20_000, 30_000])
  expect(missed(interval(10), 0, 9999, 2)).toEqual([])
  expect(missed(clocked(new Date(5)), 0, 9, 2)).toEqual([5])
})

it('is the same however a schedule finds it', () => {
  const DAY_MS = 86_400_000
  const schedules = [
    ...[0.5, 7, 60, 90, 3600, 5000, 100_000].flatMap((every) => [interval(every), interval(every, { relative: true })]),
    ...['*/7 * * * *', '0 3 * * *', '30 2 * * sun', '0 0 29 2 *', '15 0-6 1,15 * *'].flatMap((text) => [
      crontab(text),
      crontab(text, { timezone: 'Europe/Berlin' }),
    ]),
  ]
  const start = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2026, 11, 31) })
  const span = fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 0, max: 3 * DAY_MS }))
  fc.assert(
    fc.property(
      fc.constantFrom(...schedules),
      start,
      span,
      fc.integer({ min: 1, max: 20 }),
      (schedule, at, ms, limit) => {
        const plain: Schedule = { next: (afterMs) => schedule.next(afterMs), toString: () => schedule.toString() }
        expect(missed(schedule, at, at + ms, limit)).toEqual(missed(plain, at, at + ms, limit))
      },
    ),
    { numRuns: 60 },
  )
})

it('does not go through a year of it', () => {
  const now = Date.UTC(2026, 0, 1)
  const yearAgo = Date.UTC(2025, 0, 1)
  expect(missed(interval(0.001), yearAgo, now, 1)).toEqual([now])
  let asked = 0
  const everyMinute = crontab('* * * * *')
  const next = everyMinute.next.bind(everyMinute)
  everyMinute.next = (afterMs) => {
    asked += 1
    return next(afterMs)
  }
  expect(missed(everyMinute, yearAgo, now, 1)).toEqual([now])
  expect(asked).toBeLessThan(100)
})
