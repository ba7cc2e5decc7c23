import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EncodeError, ImproperlyConfigured } from '../../../src/errors.ts'
import { formatIso8601, parseIso8601 } from '../../../src/util/iso8601.ts'

const MIN_MS = Date.parse('0001-01-01T00:00:00Z')
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z')

function utc(text: string, zone?: string): string | undefined {
  const timeMs = parseIso8601(text, zone)
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString()
}

describe('parseIso8601', () => {
  it.each([
    ['2024-05-01T10:00:00.123456+00:00', '2024-05-01T10:00:00.123Z'],
    ['2024-05-01T10:00:00+00:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10:00:00Z', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01t10:00:00z', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01 10:00:00.5', '2024-05-01T10:00:00.500Z'],
    ['2024-05-01T10:00:00,25', '2024-05-01T10:00:00.250Z'],
    ['2024-05-01T10:00:00.123456789Z', '2024-05-01T10:00:00.123Z'],
    ['2024-05-01T10:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T10+02', '2024-05-01T08:00:00.000Z'],
    ['20240501T100000Z', '2024-05-01T10:00:00.000Z'],
    ['20240501T1000', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01', '2024-05-01T00:00:00.000Z'],
    ['2024-05', '2024-05-01T00:00:00.000Z'],
    ['2024', '2024-01-01T00:00:00.000Z'],
    ['2024-05-01T10:00:00+02:00', '2024-05-01T08:00:00.000Z'],
    ['2024-05-01T10:00:00-0530', '2024-05-01T15:30:00.000Z'],
    ['2024-05-01T10:00:00+05', '2024-05-01T05:00:00.000Z'],
    ['2024-05-01T10:00:00+05:53:28', '2024-05-01T04:06:32.000Z'],
    ['2024-05-01T24:00', '2024-05-02T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29', '2000-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'],
    ['1969-12-31T23:59:59.999', '1969-12-31T23:59:59.999Z'],
  ])('reads %s', (text, expected) => {
    expect(utc(text)).toBe(expected)
  })

  it.each([
    '',
    'soon',
    '0000-01-01',
    '2024-13-01',
    '2024-00-01',
    '2024-01-00',
    '2024-04-31',
    '2023-02-29',
    '1900-02-29',
    '2024-5-1',
    '202405011',
    '2024-05-01T',
    '2024-05-01X10:00',
    '2024-05-01T1',
    '2024-05-01T10:',
    '2024-05-01T10:0',
    '2024-05-01T25:00',
    '2024-05-01T24:01',
    '2024-05-01T10:60',
    '2024-05-01T10:00:60',
    '2024-05-01T10:00:00.',
    '2024-05-01T10:00:00Zx',
    '2024-05-01T10:00:00+',
    '2024-05-01T10:00:00+2',
    '2024-05-01T10:00:00+24:00',
    '2024-05-01T10:00:00+02:60',
    '2024-05-01T10:00:00+02:00:00:00',
    ' 2024-05-01',
    '2024-05-01\n',
    '٢٠٢٤-05-01',
  ])('says that %j is no date', (text) => {
    expect(parseIso8601(text)).toBeUndefined()
  })

  // Expected values are those of Python's zoneinfo, where the time is not in the message.
  it.each([
    ['America/New_York', '2024-07-01T12:00:00', '2024-07-01T16:00:00.000Z'],
    ['America/New_York', '2024-11-03T01:30:00', '2024-11-03T05:30:00.000Z'],
    ['America/New_York', '2024-03-10T02:30:00', '2024-03-10T07:30:00.000Z'],
    ['Europe/Berlin', '2024-10-27T02:30:00', '2024-10-27T00:30:00.000Z'],
    ['Europe/Berlin', '2024-03-31T02:30:00', '2024-03-31T01:30:00.000Z'],
    ['Europe/Berlin', '2024-07-01', '2024-06-30T22:00:00.000Z'],
    ['Asia/Kolkata', '2024-07-01T12:00:00.250', '2024-07-01T06:30:00.250Z'],
    ['UTC', '2024-07-01T12:00:00', '2024-07-01T12:00:00.000Z'],
  ])('puts a time without an offset in %s: %s', (zone, text, expected) => {
    expect(utc(text, zone)).toBe(expected)
  })

  it('lets an offset win over the zone', () => {
    expect(utc('2024-07-01T12:00:00+01:00', 'Asia/Kolkata')).toBe('2024-07-01T11:00:00.000Z')
  })

  it('names a zone that does not exist', () => {
    expect(() => parseIso8601('2024-07-01', 'Mars/Olympus')).toThrow(ImproperlyConfigured)
    expect(() => parseIso8601('2024-07-01', 'Mars/Olympus')).toThrow('"Mars/Olympus" is not a time zone')
  })

  it('answers a time or undefined for any text', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9:.TZ+ ,-]*$/),
      fc.stringMatching(/^[0-9:.Z+-]*$/).map((end) => `2024-05-01T10:00:00${end}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const timeMs = parseIso8601(text)
        expect(timeMs === undefined || Number.isSafeInteger(timeMs)).toBe(true)
      }),
    )
  })
})

describe('formatIso8601', () => {
  it.each([
    ['2024-05-01T10:00:00.123Z', '2024-05-01T10:00:00.123000+00:00'],
    ['2024-05-01T10:00:00.000Z', '2024-05-01T10:00:00+00:00'],
    ['0001-01-01T00:00:00.000Z', '0001-01-01T00:00:00+00:00'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999000+00:00'],
  ])('writes %s as Python does', (date, expected) => {
    expect(formatIso8601(Date.parse(date))).toBe(expected)
  })

  it.each([NaN, Infinity, MIN_MS - 1, MAX_MS + 1])('refuses %d', (timeMs) => {
    expect(() => formatIso8601(timeMs)).toThrow(EncodeError)
  })

  it('is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: MIN_MS, max: MAX_MS }), (timeMs) => {
        expect(parseIso8601(formatIso8601(timeMs))).toBe(timeMs)
      }),
    )
  })
})
