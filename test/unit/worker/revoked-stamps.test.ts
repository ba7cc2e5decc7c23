import { expect, it } from 'vitest'
import { RevokedStamps } from '../../../src/worker/revoked-stamps.ts'

it('matches any value of a stamp, and forgets the oldest of too many', () => {
  const stamps = new RevokedStamps()
  expect(stamps.matches({ stamps: { a: 1 } })).toBe(false)
  stamps.add('a', [1, 'x'])
  stamps.add('b', ['y'])
  expect([{ a: '1' }, { a: ['z', 'x'] }, { b: 'x' }, { b: 'y', a: 'z' }, { a: null }].map((one) => stamps.matches({ stamps: one }))) // prettier-ignore
    .toEqual([true, true, false, true, false])
  stamps.add(
    'a',
    Array.from({ length: 10_000 }, (_, index) => `n${String(index)}`),
  )
  expect([{ a: 'x' }, { a: 'n9999' }].map((one) => stamps.matches({ stamps: one }))).toEqual([false, true])
})
