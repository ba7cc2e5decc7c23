import { describe, expect, it } from 'vitest'
import {
  camelKeys,
  readNumber,
  readSeconds,
  readSwitch,
  readTable,
  readText,
} from '../../../../src/driver/redis/values.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'

describe('values of options', () => {
  it('have their type, or are text', () => {
    expect([
      readNumber('n', 2, 1),
      readNumber('n', '2.5', 1),
      readNumber('n', undefined, 1),
      readNumber('n', null, 1),
    ]).toEqual([2, 2.5, 1, 1])
    expect([readSeconds('s', '0.5', 1), readSeconds('s', undefined, 1)]).toEqual([500, 1000])
    expect([readSwitch('b', 'True', false), readSwitch('b', 0, true), readSwitch('b', null, true)]).toEqual([
      true,
      false,
      true,
    ])
    expect([readText('t', 'x'), readText('t', ''), readText('t', null)]).toEqual(['x', undefined, undefined])
    expect([readTable('t', { a_b: 1 }), readTable('t', undefined)]).toEqual([{ aB: 1 }, {}])
    expect(camelKeys({ socket_timeout: 1, clientName: 2 })).toEqual({ socketTimeout: 1, clientName: 2 })
  })

  it.each([
    () => readNumber('n', '', 1),
    () => readNumber('n', -1, 1),
    () => readNumber('n', 'x', 1),
    () => readSwitch('b', 'perhaps', true),
    () => readTable('t', 'x'),
    () => readText('t', 5),
  ])('are refused where they make no sense: %s', (read) => {
    expect(read).toThrow(ImproperlyConfigured)
  })
})
