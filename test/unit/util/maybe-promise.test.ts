import { expect, it } from 'vitest'
import { isThenable } from '../../../src/util/maybe-promise.ts'

it('isThenable is what await waits for', () => {
  const callable = Object.assign(() => undefined, { then: () => undefined })
  expect([Promise.resolve(), { then: () => undefined }, callable].map(isThenable)).toEqual([true, true, true])
  expect([undefined, null, 5, 'then', {}, { then: 5 }, () => undefined].some(isThenable)).toBe(false)
})
