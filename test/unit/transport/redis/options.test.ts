import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { readRedisTransportOptions } from '../../../../src/transport/redis/options.ts'
import type { RedisTransportSettings } from '../../../../src/transport/redis/options.ts'

const PLACE = { database: 2, isCluster: false }

function read(options: Readonly<Record<string, unknown>>, url = 'redis://h/2'): RedisTransportSettings {
  return readRedisTransportOptions(url, options, PLACE)
}

describe('the options of the Redis transport', () => {
  it('are kombu’s where nothing is said', () => {
    expect(read({})).toEqual({
      names: {
        prefix: '',
        separator: '\u0006\u0016',
        unacked: 'unacked',
        unackedIndex: 'unacked_index',
        fanoutPrefix: '/2.',
        fanoutPatterns: true,
        prioritySteps: [0, 3, 6, 9],
      },
      lease: 30,
      visibilityTimeout: 3600,
      queueOrder: 'round_robin',
      bodyEncoding: 'base64',
      connection: {},
    })
  })

  it('may be written as in Python, and stand in the URL', () => {
    const { names, visibilityTimeout, lease } = read(
      { global_keyprefix: 'app:', fanout_prefix: false, priority_steps: [0, 5], visibilityTimeout: 60 },
      'redis://h/2?visibility_timeout=7&lease=2.5',
    )
    expect(names).toMatchObject({ prefix: 'app:', fanoutPrefix: '', prioritySteps: [0, 5] })
    expect([visibilityTimeout, lease]).toEqual([7, 2.5])
  })

  it('leave the rest to the driver', () => {
    expect(read({ socketTimeout: 5, lease: 10 }).connection).toEqual({ socketTimeout: 5 })
  })

  it('put all keys of a cluster under one hash tag', () => {
    const prefix = (options: Readonly<Record<string, unknown>>): string =>
      readRedisTransportOptions('rediscluster://h', options, { database: 0, isCluster: true }).names.prefix
    expect(prefix({})).toBe('{celeriac}')
    expect(prefix({ globalKeyprefix: 'app:' })).toBe('{celeriac}app:')
    expect(prefix({ globalKeyprefix: '{app}:' })).toBe('{app}:')
  })

  it.each([
    [{ lease: 0 }, 'at least 1'],
    [{ visibilityTimeout: 'long' }, 'number of seconds'],
    [{ prioritySteps: [3, 0] }, 'ascending'],
    [{ prioritySteps: [] }, 'ascending'],
    [{ queueOrderStrategy: 'random' }, 'one of round_robin, priority, sorted'],
    [{ bodyEncoding: 'latin1' }, 'one of base64, utf-8'],
    [{ globalKeyprefix: 7 }, 'is a text'],
    [{ fanoutPatterns: 'perhaps' }, 'true or false'],
    [{ ackEmulation: false }, 'remove the option'],
    [{ visibilityTimout: 7 }, 'did you mean'],
  ])('refuse %o', (options, sentence) => {
    expect(() => read(options)).toThrow(ImproperlyConfigured)
    expect(() => read(options)).toThrow(sentence)
  })
})
