import { expect, it } from 'vitest'
import { parseLogLevel } from '../../../src/util/log-record.ts'

it.each([
  ['debug', 'DEBUG'],
  [' Warn ', 'WARNING'],
  ['fatal', 'CRITICAL'],
  ['10', 'DEBUG'],
  ['25', 'WARNING'],
  ['0', 'DEBUG'],
  ['99', 'CRITICAL'],
  ['loud', undefined],
])('reads the level %j', (text, level) => {
  expect(parseLogLevel(text)).toBe(level)
})
