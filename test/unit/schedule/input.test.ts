import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { crontab } from '../../../src/schedule/crontab.ts'
import { isSchedule, readSchedule } from '../../../src/schedule/input.ts'
import type { ScheduleInput } from '../../../src/schedule/input.ts'

const timezone = 'Europe/Berlin'

describe('what stands for a schedule', () => {
  it.each<[ScheduleInput, string]>([
    [30, 'every 30 s'],
    ['30', 'every 30 s'],
    [' 0.5 ', 'every 0.5 s'],
    ['0 9 * * 1-5', '0 9 * * 1-5 (Europe/Berlin)'],
    ['@hourly', '0 * * * * (Europe/Berlin)'],
    ['2026-12-24T18:00', 'once, at 2026-12-24T17:00:00.000Z'],
    ['2026-12-24 18:00:00Z', 'once, at 2026-12-24T18:00:00.000Z'],
    ['2026-12-24', 'once, at 2026-12-23T23:00:00.000Z'],
    ['sunset -37.8 144.96', 'sunset -37.8 144.96'],
    [crontab('0 9 * * *'), '0 9 * * * (Europe/Berlin)'],
    [crontab('0 9 * * *', { timezone: 'UTC' }), '0 9 * * * (UTC)'],
  ])('%s', (input, meant) => {
    expect(String(readSchedule(input, { timezone }))).toBe(meant)
  })

  it('is in UTC, where no zone is named', () => {
    expect(String(readSchedule('0 9 * * *'))).toBe('0 9 * * *')
    expect(String(readSchedule('2026-12-24'))).toBe('once, at 2026-12-24T00:00:00.000Z')
  })

  it('counts on round times where it should', () => {
    expect(String(readSchedule(30, { relative: true }))).toBe('every 30 s, on round times')
    expect(String(readSchedule('30', { relative: true }))).toBe('every 30 s, on round times')
  })

  it('may be of a class of the user', () => {
    const own = { next: () => undefined }
    expect(readSchedule(own)).toBe(own)
    expect(isSchedule({})).toBe(false)
  })

  it.each<[unknown, string]>([
    [0, 'An interval must be more than 0 seconds'],
    ['0 9 * *', '"0 9 * *" is no schedule; write seconds (30), a cron string'],
    ['', '"" is no schedule'],
    ['2026-13-24', '"2026-13-24" is no schedule'],
    ['@hourli', 'did you mean "@hourly"?'],
    ['0 25 * * *', "A crontab's hour cannot be"],
    ['sunsett 1 2', 'did you mean "sunset"?'],
    ['sunset', '"sunset" is no schedule; did you mean "sunset"?'],
    ['sunset north east', 'A latitude is'],
    [{}, 'An object without next() is no schedule'],
    [null, 'An object without next() is no schedule'],
    [true, 'true is no schedule'],
  ])('is not %j', (input, message) => {
    const read = (): unknown => readSchedule(input as ScheduleInput, { timezone })
    expect(read).toThrow(ImproperlyConfigured)
    expect(read).toThrow(message)
  })
})
