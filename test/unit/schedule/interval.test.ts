import { expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { interval } from '../../../src/schedule/interval.ts'

const at = (text: string): number => Date.parse(text)

it('counts from the last run', () => {
  expect(interval(30).next(1_000_123)).toBe(1_030_123)
  expect(interval(0.25).next(1000)).toBe(1250)
  expect(interval(0.0001).next(1000)).toBe(1001)
})

it('is on round times when it is relative', () => {
  const from = at('2026-05-17T12:34:56.789Z')
  const relative = (every: number): string => new Date(interval(every, { relative: true }).next(from)).toISOString()
  expect(relative(2 * 86_400)).toBe('2026-05-19T00:00:00.000Z')
  expect(relative(7200)).toBe('2026-05-17T14:00:00.000Z')
  expect(relative(90)).toBe('2026-05-17T12:36:00.000Z')
  expect(relative(10)).toBe('2026-05-17T12:35:06.000Z')
  expect(relative(0.1)).toBe('2026-05-17T12:34:57.000Z')
})

it.each([0, -1, Number.NaN, Infinity])('refuses %s seconds', (every) => {
  expect(() => interval(every)).toThrow(ImproperlyConfigured)
})

it('has a text', () => {
  expect(String(interval(30))).toBe('every 30 s')
  expect(String(interval(3600, { relative: true }))).toBe('every 3600 s, on round times')
})
