import { describe, expect, it } from 'vitest'
import { describeSchedule, fromNow } from '../../../src/cli/schedule-words.ts'
import { crontab } from '../../../src/schedule/crontab.ts'
import { readSchedule } from '../../../src/schedule/input.ts'
import { interval } from '../../../src/schedule/interval.ts'

describe('a schedule in words', () => {
  it.each([
    ['30', 'every 30 seconds'],
    ['0.25', 'every 0.25 seconds'],
    ['1', 'every second'],
    ['90', 'every 90 seconds'],
    ['300', 'every 5 minutes'],
    ['86400', 'every day'],
    ['* * * * *', 'every minute'],
    ['*/5 * * * *', 'every 5 minutes'],
    ['*/7 * * * *', 'cron */7 * * * *'],
    ['0 * * * *', 'every hour at :00'],
    ['15,45 * * * *', 'every hour at :15 and :45'],
    ['30 */2 * * *', 'every 2 hours at :30'],
    ['0 9 * * *', 'every day at 09:00'],
    ['0 9,17 * * mon-fri', 'every weekday at 09:00 and 17:00'],
    ['0 9 * * 6,0', 'on weekends at 09:00'],
    ['0 9 * * mon,wed,fri', 'on Monday, Wednesday and Friday at 09:00'],
    ['*/10 * * * sat-mon', 'every 10 minutes, on Sunday, Monday and Saturday'],
    ['0 0 1,2,3,11 * *', 'on the 1st, 2nd, 3rd and 11th of every month at 00:00'],
    ['0 0 22 3 *', 'on the 22nd of March at 00:00'],
    ['0 0 * 6,7 *', 'every day in June and July at 00:00'],
    ['0 0 * 6 mon', 'on Monday in June at 00:00'],
    ['0 0 13 * fri', 'cron 0 0 13 * fri'],
    ['*/5 9-17 * * *', 'cron */5 9-17 * * *'],
    ['*/20 9 * * *', 'every day at 09:00, 09:20 and 09:40'],
    ['2026-12-24T18:00Z', 'once, 2026-12-24 18:00:00 UTC'],
    ['dusk_civil 52.5 -13.4', 'at dusk civil, 52.5 -13.4'],
  ])('%s', (text, words) => {
    expect(describeSchedule(readSchedule(text))).toBe(words)
  })

  it('names the zone, and what else there is', () => {
    expect(describeSchedule(crontab('0 9 * * 1-5', { timezone: 'Europe/Berlin' }))).toBe(
      'every weekday at 09:00 Europe/Berlin',
    )
    expect(describeSchedule(crontab('0 9 1 * 1', { timezone: 'UTC' }))).toBe('cron 0 9 1 * 1 (UTC)')
    expect(describeSchedule(interval(3600, { relative: true }))).toBe('every hour, on round times')
    expect(describeSchedule({ next: () => undefined, toString: () => 'at full moon' })).toBe('at full moon')
  })
})

it.each([
  [0, 'now'],
  [400, 'now'],
  [900, 'in 1 s'],
  [119_000, 'in 119 s'],
  [-120_000, '2 min ago'],
  [3 * 3_600_000, 'in 3 h'],
  [-47 * 3_600_000, '47 h ago'],
  [49 * 3_600_000, 'in 2 d'],
])('%d ms from now is %s', (distanceMs, words) => {
  const nowMs = Date.UTC(2026, 0)
  expect(fromNow(nowMs + distanceMs, nowMs)).toBe(words)
})
