import { expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { clocked } from '../../../src/schedule/clocked.ts'

it('is due once', () => {
  const once = clocked(new Date(1000))
  expect([once.next(0), once.next(999), once.next(1000), once.next(1001)]).toEqual([1000, 1000, undefined, undefined])
  expect(String(once)).toBe('once, at 1970-01-01T00:00:01.000Z')
})

it('refuses what is no date', () => {
  expect(() => clocked(new Date('nonsense'))).toThrow(ImproperlyConfigured)
})
