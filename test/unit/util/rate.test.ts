import { expect, it } from 'vitest'
import { parseRate } from '../../../src/util/rate.ts'

it.each([
  ['10/s', 10],
  ['30/m', 0.5],
  [' 36/h ', 0.01],
  ['2.5', 2.5],
  [3, 3],
  [0, 0],
  ['10/d', undefined],
  ['', undefined],
  ['-1', undefined],
  [-1, undefined],
  [NaN, undefined],
])('%j is %j a second', (rate, perSecond) => {
  expect(parseRate(rate)).toBe(perSecond)
})
