import { expect, it } from 'vitest'
import { divide } from '../../../../src/backend/redis/calls.ts'

const sizesOf = (items: readonly number[]): number[] => divide(items, (size) => size).map((call) => call.length)

it('divides by number, and by size, in order', () => {
  expect(sizesOf([])).toEqual([])
  expect(sizesOf(Array.from({ length: 1001 }, () => 1))).toEqual([500, 500, 1])
  const megabyte = 2 ** 20
  expect(divide([megabyte, 3 * megabyte, 1, 9 * megabyte, 1], (size) => size)).toEqual([
    [megabyte, 3 * megabyte],
    [1],
    [9 * megabyte],
    [1],
  ])
})
