import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { Crontab, crontab } from '../../../src/schedule/crontab.ts'
import type { Schedule } from '../../../src/schedule/schedule.ts'
import { toWallTime, zoneOffset } from '../../../src/util/zone.ts'

/** The next instants after one, in UTC. */
function after(schedule: Schedule, from: string, count = 1): string[] {
  const instants: string[] = []
  let at: number | undefined = Date.parse(from)
  while (instants.length < count) {
    at = schedule.next(at)
    if (at === undefined) break
    instants.push(new Date(at).toISOString().slice(0, 16))
  }
  return instants
}

describe('crontab', () => {
  it('is every minute by default', () => {
    expect(after(crontab(), '2026-01-01T00:00:30Z', 2)).toEqual(['2026-01-01T00:01', '2026-01-01T00:02'])
    expect(after(crontab(), '2026-01-01T00:01:00Z')).toEqual(['2026-01-01T00:02'])
  })

  it('wants day of the month and day of the week to match together', () => {
    expect(after(crontab('0 12 13 * fri'), '2026-01-01T00:00Z', 3)).toEqual([
      ...['2026-02-13T12:00', '2026-03-13T12:00', '2026-11-13T12:00'],
    ])
  })

  it('knows leap days, also where one is left out', () => {
    expect(after(crontab('0 0 29 2 *'), '2096-01-01T00:00Z', 2)).toEqual(['2096-02-29T00:00', '2104-02-29T00:00'])
    expect(after(crontab('0 0 29 2 sun'), '2088-03-01T00:00Z')).toEqual(['2128-02-29T00:00'])
  })

  it('takes cron strings and the names of cron', () => {
    expect(after(crontab('@weekly'), '2026-01-01T00:00Z')).toEqual(['2026-01-04T00:00'])
    expect(crontab('@hourly').toString()).toBe('0 * * * *')
    expect(crontab(' 0  9 * * mon-fri ').fields).toEqual({
      minute: '0',
      hour: '9',
      dayOfMonth: '*',
      monthOfYear: '*',
      dayOfWeek: 'mon-fri',
    })
  })

  it.each([
    ['* * * *', 'has 4'],
    ['* * * * * *', 'has 6'],
    ['@dayly', 'did you mean "@daily"?'],
    ['0 0 30 2 *', 'never comes'],
    ['0 0 31 4,6,9,11 *', 'never comes'],
  ])('refuses %j', (text, message) => {
    expect(() => crontab(text)).toThrow(ImproperlyConfigured)
    expect(() => crontab(text)).toThrow(message)
  })

  it('refuses a zone that does not exist, at once', () => {
    expect(() => crontab('@daily', { timezone: 'Europe/Atlantis' })).toThrow('"Europe/Atlantis" is not a time zone')
  })

  it('takes the zone of the app where it has none', () => {
    const nine = crontab({ minute: 0, hour: 9 })
    expect(nine.inZone('Europe/Berlin').toString()).toBe('0 9 * * * (Europe/Berlin)')
    expect(nine.inZone('Europe/Berlin').inZone('UTC').timezone).toBe('Europe/Berlin')
    expect(after(nine.inZone('Europe/Berlin'), '2026-07-01T00:00Z')).toEqual(['2026-07-01T07:00'])
  })
})

describe('when clocks are put forward', () => {
  const zone = { timezone: 'Europe/Berlin' }

  it('what they skip comes as much later', () => {
    expect(after(crontab('30 2 * * *', zone), '2026-03-28T00:00Z', 3)).toEqual([
      ...['2026-03-28T01:30', '2026-03-29T01:30', '2026-03-30T00:30'],
    ])
  })

  it('what is due often goes on, each once', () => {
    expect(after(crontab('*/30 * * * *', zone), '2026-03-29T00:00Z', 4)).toEqual([
      ...['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30', '2026-03-29T02:00'],
    ])
    expect(after(crontab('30 1-4 * * *', zone), '2026-03-29T00:00Z', 3)).toEqual([
      ...['2026-03-29T00:30', '2026-03-29T01:30', '2026-03-29T02:30'],
    ])
  })
})

describe('when clocks are put back', () => {
  const zone = { timezone: 'Europe/Berlin' }

  it('what they show twice is the first one', () => {
    expect(after(crontab('30 2 * * *', zone), '2026-10-24T00:00Z', 3)).toEqual([
      ...['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'],
    ])
    expect(after(crontab('*/20 2,3 * * *', zone), '2026-10-25T00:30Z', 3)).toEqual([
      ...['2026-10-25T00:40', '2026-10-25T02:00', '2026-10-25T02:20'],
    ])
  })

  it('what is not due any more in the second hour comes on the next day', () => {
    expect(after(crontab('30 2 * * *', zone), '2026-10-25T01:10Z')).toEqual(['2026-10-26T01:30'])
  })

  it('what is due every hour goes on through both', () => {
    expect(after(crontab('0,30 * * * *', zone), '2026-10-24T23:45Z', 6)).toEqual([
      ...['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00'],
      ...['2026-10-25T01:30', '2026-10-25T02:00', '2026-10-25T02:30'],
    ])
    expect(after(crontab('0 * 25 10 *', zone), '2026-07-01T00:00Z')).toEqual(['2026-10-24T22:00'])
    expect(after(crontab('0 * 1 11 *', zone), '2026-07-01T00:00Z')).toEqual(['2026-10-31T23:00'])
  })

  it('also where it is half an hour', () => {
    const lordHowe = { timezone: 'Australia/Lord_Howe' }
    expect(after(crontab('*/15 * * * *', lordHowe), '2026-04-04T14:30Z', 4)).toEqual([
      ...['2026-04-04T14:45', '2026-04-04T15:00', '2026-04-04T15:15', '2026-04-04T15:30'],
    ])
  })
})

describe('whatever the crontab, the zone and the time', () => {
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo')
  const number = (max: number): fc.Arbitrary<string> =>
    fc.oneof(fc.constant('*'), fc.uniqueArray(fc.integer({ min: 0, max }), { minLength: 1 }).map(String))
  const changes = [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25), Date.UTC(2026, 2, 8), Date.UTC(2026, 3, 4, 15)]
  const time = fc.oneof(
    fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) }),
    fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -1e7, max: 2e7 })).map(([at, by]) => at + by),
  )

  it('the next instant is later, and matches on the wall', () => {
    fc.assert(
      fc.property(zone, number(59), number(23), time, (timezone, minute, hour, afterMs) => {
        const schedule = new Crontab({ minute, hour }, { timezone })
        const atMs = schedule.next(afterMs) ?? Number.NaN
        expect(atMs).toBeGreaterThan(afterMs)
        const wall = new Date(toWallTime(timezone, atMs))
        const skips = zoneOffset(timezone, atMs) > zoneOffset(timezone, atMs - 86_400_000)
        const includes = (text: string, value: number): boolean =>
          text === '*' || text.split(',').map(Number).includes(value)
        if (!skips)
          expect([includes(minute, wall.getUTCMinutes()), includes(hour, wall.getUTCHours())]).toEqual([true, true])
      }),
    )
  })

  it('nothing lies between an instant and the next one', () => {
    fc.assert(
      fc.property(
        zone,
        number(59),
        number(23),
        time,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (timezone, minute, hour, afterMs, share) => {
          const schedule = new Crontab({ minute, hour }, { timezone })
          const atMs = schedule.next(afterMs) ?? Number.NaN
          const between = Math.floor(afterMs + (atMs - 1 - afterMs) * share)
          expect(schedule.next(between)).toBe(atMs)
        },
      ),
    )
  })
})
