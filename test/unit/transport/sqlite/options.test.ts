import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { readSqliteOptions } from '../../../../src/transport/sqlite/options.ts'

describe('options of SQLite', () => {
  it('come from the URL and from beside it, and the URL wins', () => {
    expect(readSqliteOptions('sqlite:///jobs.db', {})).toEqual({ file: 'jobs.db', lease: undefined })
    expect(
      readSqliteOptions('sqlite:////var/jobs.db?lease=60&synchronous=full', { lease: 5, busyTimeout: 1.5 }),
    ).toEqual({ file: '/var/jobs.db', lease: 60, busyTimeoutMs: 1500, synchronous: 'full' })
  })

  it.each([
    ['sqlite://', {}, 'names no file'],
    ['sqlite:///a.db?leese=3', {}, 'did you mean "lease"?'],
    [
      'sqlite:///a.db',
      { visibilityTimeout: 3 },
      'no option "visibilityTimeout"; it has busyTimeout, lease, synchronous',
    ],
    ['sqlite:///a.db?lease=long', {}, '"lease" is a number of seconds, at least 1; it is long'],
    ['sqlite:///a.db?lease=', {}, '"lease" is a number of seconds'],
    ['sqlite:///a.db', { lease: 0.5 }, 'at least 1; it is 0.5'],
    ['sqlite:///a.db', { busyTimeout: null }, '"busyTimeout" is a number of seconds'],
    ['sqlite:///a.db', { busyTimeout: Infinity }, '"busyTimeout" is a number of seconds'],
    ['sqlite:///a.db?synchronous=off', {}, '"synchronous" is "normal" or "full"; it is off'],
  ])('%s with %j are refused', (url, options, message) => {
    expect(() => readSqliteOptions(url, options)).toThrow(ImproperlyConfigured)
    expect(() => readSqliteOptions(url, options)).toThrow(message)
  })
})
