import { expect, it } from 'vitest'
import { startsPerSecond } from '../../../src/task/rate.ts'

it('reads rates as users write them', () => {
  expect(['10/s', '120/m', '36/h', '5', 5, 0.5, '1.5/s', ' 6 / m '].map(startsPerSecond)).toEqual([
    10, 2, 0.01, 5, 5, 0.5, 1.5, 0.1,
  ])
  expect([0, '0', '0/m', '', null, undefined].map(startsPerSecond)).toEqual([0, 0, 0, 0, 0, 0])
})

it('refuses what is no rate', () => {
  for (const wrong of ['ten', '10/d', '/s', '-1', -1, NaN, Infinity]) {
    expect(() => startsPerSecond(wrong)).toThrow('Invalid rate limit string')
  }
})
