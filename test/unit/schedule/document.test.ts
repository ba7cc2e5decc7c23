import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { clocked } from '../../../src/schedule/clocked.ts'
import { crontab } from '../../../src/schedule/crontab.ts'
import { decodeSchedule, encodeSchedule } from '../../../src/schedule/document.ts'
import { interval } from '../../../src/schedule/interval.ts'
import type { Schedule } from '../../../src/schedule/schedule.ts'
import { solar, SOLAR_EVENTS } from '../../../src/schedule/solar.ts'

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(fc.constant('*'), fc.integer({ min, max }).map(String), fc.constant(`*/${String(min + 2)}`))

const schedules: fc.Arbitrary<Schedule> = fc.oneof(
  fc
    .record({ everyMs: fc.integer({ min: 1, max: 10 ** 10 }), relative: fc.boolean() })
    .map(({ everyMs, relative }) => interval(everyMs / 1000, { relative })),
  fc
    .record({
      fields: fc.record({
        minute: field(0, 59),
        hour: field(0, 23),
        dayOfWeek: field(0, 6),
        dayOfMonth: field(1, 28),
        monthOfYear: field(1, 12),
      }),
      options: fc.constantFrom({}, { timezone: 'UTC' }, { timezone: 'Europe/Berlin' }),
    })
    .map(({ fields, options }) => crontab(fields, options)),
  fc.date({ noInvalidDate: true }).map(clocked),
  fc
    .tuple(fc.constantFrom(...SOLAR_EVENTS), fc.integer({ min: -90, max: 90 }), fc.integer({ min: -180, max: 180 }))
    .map(([event, latitude, longitude]) => solar(event, latitude + 0.25 * -Math.sign(latitude), longitude)),
)

describe('a schedule as plain data', () => {
  it('comes back through JSON as what it was', () => {
    fc.assert(
      fc.property(schedules, fc.integer({ min: 0, max: 2 ** 41 }), (schedule, afterMs) => {
        const back = decodeSchedule(JSON.parse(JSON.stringify(encodeSchedule(schedule))))
        expect(String(back)).toBe(String(schedule))
        expect(back.next(afterMs)).toBe(schedule.next(afterMs))
      }),
    )
  })

  it('has the fields that RedBeat writes', () => {
    expect(encodeSchedule(interval(30))).toEqual({ __type__: 'interval', every: 30, relative: false })
    expect(encodeSchedule(crontab('0 9 1 * mon-fri'))).toEqual({
      __type__: 'crontab',
      minute: '0',
      hour: '9',
      day_of_week: 'mon-fri',
      day_of_month: '1',
      month_of_year: '*',
    })
  })

  it('is not to be had of a class of the user', () => {
    const own: Schedule = { next: (afterMs) => afterMs + 1, toString: () => 'now and then' }
    expect(() => encodeSchedule(own)).toThrow(EncodeError)
    expect(() => encodeSchedule(own)).toThrow('The schedule "now and then" is of a class of your own')
  })

  it.each([
    null,
    'every 30 s',
    [],
    {},
    { __type__: 'rrule' },
    { __type__: 'constructor' },
    { __type__: 'interval' },
    { __type__: 'interval', every: '30' },
    { __type__: 'crontab', minute: 'x' },
    { __type__: 'crontab', timezone: 'Europe/Nowhere' },
    { __type__: 'clocked' },
    { __type__: 'solar', event: 'sunset' },
  ])('is not %j', (data) => {
    expect(() => decodeSchedule(data)).toThrow(DecodeError)
  })
})
