import { describe, expect, it } from 'vitest'
import { isSecret, maskUrls, plainValue } from '../../../src/app/censor.ts'
import { crontab } from '../../../src/schedule/crontab.ts'

describe('isSecret', () => {
  it.each([
    'securityKeyPassword',
    'security_key',
    'S3_SECRET_ACCESS_KEY',
    'some_api_thing',
    'authToken',
    'DATABASE_URL',
    'beat_dburi',
  ])('knows %s', (key) => {
    expect(isSecret(key)).toBe(true)
  })

  it.each(['broker_url', 'timezone', 'taskQueues'])('lets %s be', (key) => {
    expect(isSecret(key)).toBe(false)
  })
})

describe('maskUrls', () => {
  it('masks every password in a text', () => {
    expect(maskUrls("['redis://:one@host/0', 'amqp://me:two@host//'] https://x.org")).toBe(
      "['redis://:**@host/0', 'amqp://me:**@host//'] https://x.org",
    )
    expect(maskUrls('redis://:one@a;redis://:two@b')).toBe('redis://:**@a;redis://:**@b')
  })
})

describe('plainValue', () => {
  class Router {
    readonly name = 'x'
  }
  const circle: Record<string, unknown> = {}
  circle['self'] = circle

  it('makes data that JSON can carry', () => {
    const value = {
      list: [1, null, true, 'text', Infinity, 5n, undefined, Symbol('s')],
      map: new Map<unknown, number>([
        ['a', 1],
        [/b/, 2],
        [Object.create(null), 3],
      ]),
      pattern: /^a/i,
      schedule: crontab('0 9 * * *'),
      router: new Router(),
      named: function route() {
        return 1
      },
      lambda: () => 1,
      __proto__: 5,
    }
    const plain = plainValue('value', value, true)
    expect(plain).toEqual({
      list: [1, null, true, 'text', 'Infinity', '5n', 'undefined', 'Symbol(s)'],
      map: { a: 1, '/b/': 2, '[Object: null prototype] {}': 3 },
      pattern: '/^a/i',
      schedule: '0 9 * * *',
      router: { name: 'x' },
      named: '<route>',
      lambda: '<lambda>',
    })
    expect(JSON.parse(JSON.stringify(plain))).toEqual(plain)
    expect(JSON.stringify(plainValue('circle', circle, true))).toContain('...')
  })

  it('hides secrets at any depth, unless asked not to', () => {
    const value = { password: 'a', nested: [{ apiKey: 'b', host: 'redis://:c@h', token: null }] }
    expect(plainValue('options', value, true)).toEqual({
      password: '********',
      nested: [{ apiKey: '********', host: 'redis://:**@h', token: null }],
    })
    expect(plainValue('options', value, false)).toEqual(value)
  })
})
