import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { convertValue } from '../../../src/app/setting-types.ts'
import type { SettingType, ValueRules } from '../../../src/app/setting-types.ts'
import { SETTING_NAMES, settingRow } from '../../../src/app/settings.ts'
import { CeleryError, ImproperlyConfigured } from '../../../src/errors.ts'
import { createQueue } from '../../../src/messaging/queue.ts'

function convert(type: SettingType, value: unknown, rules: Partial<ValueRules> = {}): unknown {
  return convertValue('it', value, { type, default: 0, ...rules })
}

describe('convertValue', () => {
  const router = (): string => 'video'
  const annotator = { annotate: () => null }
  class Scheduler {
    readonly entries = []
  }
  it.each<[SettingType, unknown, unknown]>([
    ['string', 'text', 'text'],
    ['string', '', ''],
    ['int', 3, 3],
    ['int', ' 3 ', 3],
    ['int', '-1', -1],
    ['float', '0.5', 0.5],
    ['float', '1e3', 1000],
    ['seconds', '.5', 0.5],
    ['kibibytes', 1024, 1024],
    ['bool', true, true],
    ['bool', 0, false],
    ['bool', 'Yes', true],
    ['bool', 'on', true],
    ['bool', 'FALSE', false],
    ['list', ['a'], ['a']],
    ['list', new Set(['a', 'b']), ['a', 'b']],
    ['list', 'a, b,', ['a', 'b']],
    ['list', '["a,b"]', ['a,b']],
    ['list', '', []],
    ['dict', { a: 1 }, { a: 1 }],
    ['dict', new Map([['a', 1]]), { a: 1 }],
    ['dict', '{"a": 1}', { a: 1 }],
    ['url', 'redis://', 'redis://'],
    ['url', ['redis://a', 'redis://b'], ['redis://a', 'redis://b']],
    ['url', '["redis://a"]', ['redis://a']],
    ['timezone', 'Europe/London', 'Europe/London'],
    ['rateLimit', '10/m', '10/m'],
    ['rateLimit', 0.5, 0.5],
    ['deliveryMode', 'persistent', 2],
    ['deliveryMode', 'transient', 1],
    ['deliveryMode', '2', 2],
    ['tls', true, true],
    ['tls', 'no', false],
    ['tls', { cert_reqs: 1 }, { cert_reqs: 1 }],
    ['user', '1000', 1000],
    ['user', 'celery', 'celery'],
    ['umask', '022', 0o22],
    ['umask', '0o77', 0o77],
    ['umask', 18, 18],
    ['retryPolicy', { max_retries: null, intervalStart: '1' }, { maxRetries: null, intervalStart: 1 }],
    ['failover', 'shuffle', 'shuffle'],
    ['failover', router, router],
    ['queues', 'a,b', ['a', 'b']],
    ['queues', '{"a": {}}', { a: {} }],
    ['queues', [createQueue('a')], [createQueue('a')]],
    ['routes', router, router],
    ['routes', '{"a.*": "b"}', { 'a.*': 'b' }],
    ['annotations', { '*': { rateLimit: 1 } }, { '*': { rateLimit: 1 } }],
    ['annotations', [annotator, { a: {} }], [annotator, { a: {} }]],
    ['schedule', { a: { task: 'b', schedule: 5 } }, { a: { task: 'b', schedule: 5 } }],
    ['component', Scheduler, Scheduler],
    ['component', 'file', 'file'],
    ['any', undefined, undefined],
  ])('takes %s %j', (type, value, expected) => {
    if (type === 'any') expect(() => convert(type, value)).toThrow('it must be anything')
    else expect(convert(type, value)).toEqual(expected)
  })

  it.each<[SettingType, unknown, string]>([
    ['string', 5, 'it must be text, not 5'],
    ['int', 1.5, 'it must be a whole number, not 1.5'],
    ['int', '1.5', "it must be a whole number, not '1.5'"],
    ['int', true, 'it must be a whole number, not true'],
    ['int', null, 'it must be a whole number, not null'],
    ['int', '', "it must be a whole number, not ''"],
    ['int', Infinity, 'it must be a whole number, not Infinity'],
    ['float', NaN, 'it must be a number, not NaN'],
    ['seconds', '5 minutes', "it must be a number of seconds, not '5 minutes'"],
    ['bool', 2, 'it must be true or false, not 2'],
    ['bool', 'maybe', "it must be true or false, not 'maybe'"],
    ['list', [1], 'it must be a list of texts, not [ 1 ]'],
    ['dict', [], 'it must be an object, not []'],
    ['dict', '{', "it must be an object, not '{'"],
    ['dict', new Map([[Object.create(null), 1]]), 'it must be an object, not Map(1)'],
    ['url', '', "it must be a URL or a list of URLs, not ''"],
    ['url', [], 'it must be a URL or a list of URLs, not []'],
    ['url', ['redis://:secret@host', 5], "it must be a URL or a list of URLs, not [ 'redis://:**@host', 5 ]"],
    ['timezone', 'Mars/Olympus', "it must be an IANA time zone such as Europe/London, not 'Mars/Olympus'"],
    ['rateLimit', '10/d', "it must be a rate such as 10/s, 100/m or 5/h, or a number a second, not '10/d'"],
    ['rateLimit', -1, 'not -1'],
    ['deliveryMode', 3, 'it must be 2 ("persistent") or 1 ("transient"), not 3'],
    ['user', -1, 'not -1'],
    ['umask', '9', 'it must be a umask such as "022", not \'9\''],
    ['retryPolicy', { maxRetires: 1 }, 'it has no "maxRetires"; did you mean "maxRetries"?'],
    ['retryPolicy', { interval_start: -1 }, 'it.intervalStart must be a number of seconds, at least 0, not -1'],
    ['failover', 'random', `it must be "round-robin", "shuffle" or a function, not 'random'`],
    ['queues', 5, 'it must be a list of queues, or an object by name, not 5'],
    ['queues', [{}], 'A queue of taskQueues has no name'],
    ['routes', 'proj.router', 'it must be an object by task name, a list of pairs, a function, or a list of these'],
    ['routes', { a: 1 }, 'The route of "a" must be'],
    ['annotations', [5], 'it must be an object by task name, or a list'],
    ['schedule', 5, 'it must be an object of entries'],
    ['schedule', { a: 5 }, 'Beat\'s entry "a" is an object such as'],
    ['schedule', { a: { schedule: 5 } }, 'Beat\'s entry "a" names no task'],
    ['schedule', { a: { task: 'b', schedule: 'daily' } }, 'Beat\'s entry "a": "daily" is no schedule'],
    ['component', 5, 'it must be a name or a class, not 5'],
  ])('refuses %s %j', (type, value, message) => {
    expect(() => convert(type, value)).toThrow(ImproperlyConfigured)
    expect(() => convert(type, value)).toThrow(message)
  })

  it('knows null, in text too, where it may be', () => {
    expect([null, 'None', 'null', '', Infinity].map((value) => convert('int', value, { default: null }))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ])
    expect(convert('seconds', null, { nullable: true })).toBeNull()
    expect(convert('string', 'none', { default: null })).toBe('none')
    expect(() => convert('int', 'x', { nullable: true })).toThrow('it must be a whole number, or null, not')
  })

  it('knows limits and choices', () => {
    expect(() => convert('int', -1, { min: 0 })).toThrow('it must be a whole number, at least 0, not -1')
    expect(convert('int', '2', { choices: [1, 2] })).toBe(2)
    expect(() => convert('string', 'quroum', { choices: ['classic', 'quorum'] })).toThrow(
      `it must be "classic" or "quorum", not 'quroum'; did you mean "quorum"?`,
    )
  })

  it('keeps secrets to itself', () => {
    const attempt = (): unknown => convertValue('securityKeyPassword', ['hunter2'], { type: 'string', default: null })
    expect(attempt).toThrow('securityKeyPassword must be text, or null, not the value given')
  })

  it('copies lists and objects', () => {
    const list = ['a']
    const dict = { a: 1 }
    expect(convert('list', list)).not.toBe(list)
    expect(convert('dict', dict)).not.toBe(dict)
  })

  it('throws nothing but errors of ours, whatever it is given', () => {
    const odd = fc.constantFrom<unknown>(
      Symbol('s'),
      5n,
      () => 1,
      new Date(NaN),
      /x/,
      new Map([[{}, 1]]),
      Object.create(null),
      class {
        readonly x = 1
      },
      new Proxy({}, {}),
    )
    const value = fc.oneof(
      fc.anything({ withNullPrototype: true, withMap: true, withSet: true, withBigInt: true, withDate: true }),
      odd,
      fc.json(),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), value, (name, given) => {
        try {
          convertValue(name, given, settingRow(name))
        } catch (error) {
          expect(error).toBeInstanceOf(CeleryError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('gives back what it converted before', () => {
    const value = fc.anything()
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), value, (name, given) => {
        const row = settingRow(name)
        let once: unknown
        try {
          once = convertValue(name, given, row)
        } catch {
          return
        }
        expect(convertValue(name, once, row)).toEqual(once)
      }),
      { numRuns: 1000 },
    )
  })
})
