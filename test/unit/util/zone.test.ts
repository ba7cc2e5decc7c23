import { expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { fromWallTime, toWallTime, zoneOffset } from '../../../src/util/zone.ts'

const HOUR_MS = 3_600_000
const at = (text: string): number => Date.parse(text)

it('knows how far a zone is ahead of UTC', () => {
  expect(zoneOffset('UTC', at('2026-07-01T00:00Z'))).toBe(0)
  expect(zoneOffset('Europe/Berlin', at('2026-07-01T00:00Z'))).toBe(2 * HOUR_MS)
  expect(zoneOffset('Europe/Berlin', at('2026-01-01T00:00:00.999Z'))).toBe(HOUR_MS)
  expect(zoneOffset('America/New_York', at('2026-01-01T00:00Z'))).toBe(-5 * HOUR_MS)
  expect(zoneOffset('Asia/Kathmandu', at('2026-01-01T00:00Z'))).toBe(5.75 * HOUR_MS)
  expect(zoneOffset('Asia/Tokyo', at('0050-01-01T00:00Z'))).toBeGreaterThan(9 * HOUR_MS)
})

it('names what is no zone', () => {
  expect(() => zoneOffset('Mars/Olympus', 0)).toThrow(ImproperlyConfigured)
})

it('goes to the wall and back', () => {
  const timeMs = at('2026-07-01T10:20:30Z')
  expect(toWallTime('Europe/Berlin', timeMs)).toBe(at('2026-07-01T12:20:30Z'))
  expect(fromWallTime('Europe/Berlin', at('2026-07-01T12:20:30Z'))).toBe(timeMs)
})

it('takes the first of two times, and goes on over a gap', () => {
  expect(fromWallTime('Europe/Berlin', at('2026-10-25T02:30Z'))).toBe(at('2026-10-25T00:30Z'))
  expect(fromWallTime('Europe/Berlin', at('2026-03-29T02:30Z'))).toBe(at('2026-03-29T01:30Z'))
})
