import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { solar, SOLAR_EVENTS } from '../../../src/schedule/solar.ts'
import type { Solar, SolarEvent } from '../../../src/schedule/solar.ts'

const BERLIN = [52.52, 13.405] as const
const TROMSO = [69.65, 18.96] as const

/** The next `count` instants after this one. */
function instants(schedule: Solar, after: string, count: number): string[] {
  const found: string[] = []
  for (let at = schedule.next(Date.parse(after)); at !== undefined && found.length < count; at = schedule.next(at)) {
    found.push(new Date(at).toISOString())
  }
  return found
}

describe('a solar schedule', () => {
  it('has the nine events, in the order of a day', () => {
    const day = SOLAR_EVENTS.map((event) => instants(solar(event, ...BERLIN), '2026-09-22T22:00:00Z', 1)[0])
    expect(day.toSorted()).toEqual(day)
    expect(day[0]).toMatch(/^2026-09-23T02:57:/)
    expect(day.at(-1)).toMatch(/^2026-09-23T18:/)
  })

  it('comes once a day, whenever it is asked', () => {
    const sunset = solar('sunset', ...BERLIN)
    const week = instants(sunset, '2026-03-25T00:00:00Z', 7)
    expect(week.map((at) => at.slice(8, 10))).toEqual(['25', '26', '27', '28', '29', '30', '31'])
    const [first = '', second = ''] = week
    for (const part of [0, 0.25, 0.5, 0.75, 0.999]) {
      const after = Date.parse(first) + part * (Date.parse(second) - Date.parse(first))
      expect(sunset.next(after)).toBe(Date.parse(second))
    }
  })

  it('skips the days without it', () => {
    const [last, next] = instants(solar('sunset', ...TROMSO), '2026-05-17T00:00:00Z', 2).map((at) => at.slice(0, 7))
    expect([last, next]).toEqual(['2026-05', '2026-07'])
    expect(instants(solar('sunrise', ...TROMSO), '2026-11-29T00:00:00Z', 1)[0]).toMatch(/^2027-01-1/)
  })

  it('never comes at the poles, but for noon', () => {
    expect(solar('sunrise', 90, 0).next(0)).toBeUndefined()
    expect(solar('solar_noon', -90, 0).next(0)).toBeGreaterThan(0)
  })

  it('says what it is', () => {
    expect(String(solar('dusk_civil', ...BERLIN))).toBe('dusk_civil 52.52 13.405')
  })

  it.each([
    ['sunsett', 0, 0, 'did you mean "sunset"?'],
    ['breakfast', 0, 0, 'there are dawn_astronomical, '],
    ['toString', 0, 0, 'There is no event "toString"'],
    ['sunset', 90.1, 0, 'A latitude is from -90 to 90 degrees, not 90.1'],
    ['sunset', 0, -181, 'A longitude is from -180 to 180 degrees, not -181'],
    ['sunset', Number.NaN, 0, 'A latitude is'],
  ])('refuses %s at %s, %s', (event, latitude, longitude, message) => {
    const make = (): Solar => solar(event as SolarEvent, latitude, longitude)
    expect(make).toThrow(ImproperlyConfigured)
    expect(make).toThrow(message)
  })
})
