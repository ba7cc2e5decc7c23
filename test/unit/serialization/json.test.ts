import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { decodeJson, encodeJson, json } from '../../../src/serialization/json.ts'
import {
  Decimal,
  PythonDate,
  PythonDateTime,
  PythonTime,
  PythonTimedelta,
  Uuid,
} from '../../../src/serialization/values.ts'
import { damage, data, expectValueOrError, nest, spoil } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const python = findPython('kombu')

/** The body of one recorded message. */
function recordedBody(name: string): Buffer {
  const file = new URL('../../wire/redis-messages.json', import.meta.url)
  const all = JSON.parse(readFileSync(file, 'utf8')) as { name: string; messages: { raw: string }[] }[]
  const raw = all.find((message) => message.name === name)?.messages[0]?.raw ?? ''
  return Buffer.from((JSON.parse(raw) as { body: string }).body, 'base64')
}

describe('json', () => {
  it('has the names of kombu', () => {
    expect(json).toMatchObject({ name: 'json', contentType: 'application/json', contentEncoding: 'utf-8' })
  })

  it('brings back what it wrote', () => {
    fc.assert(
      fc.property(data, (value) => {
        expect(json.decode(json.encode(value))).toEqual(value)
        expect(json.decode(Buffer.from(json.encode(value)))).toEqual(value)
      }),
    )
  })

  it('writes plain data as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(json.encode(value)).toBe(JSON.stringify(value))
      }),
    )
  })

  it('writes the same with and without something special beside it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(json.encode([value, 1n])).toBe(`[${JSON.stringify(value)},1]`)
      }),
    )
  })
})

describe('encodeJson', () => {
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'null'],
    ['undefined inside', { a: undefined, b: [undefined], c: 1n }, '{"b":[null],"c":1}'],
    ['NaN', [NaN, Infinity, -Infinity, 1], '[NaN,Infinity,-Infinity,1]'],
    ['a bigint', 2n ** 64n, '18446744073709551616'],
    ['a Date', new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), tagged('datetime', '2026-01-02T03:04:05.678000+00:00')],
    ['a full second', new Date(Date.UTC(2026, 0, 2, 3, 4, 5)), tagged('datetime', '2026-01-02T03:04:05+00:00')],
    [
      'a PythonDateTime',
      new PythonDateTime('2026-01-02T03:04:05.678901'),
      tagged('datetime', '2026-01-02T03:04:05.678901'),
    ],
    ['a date', new PythonDate('2026-01-02'), tagged('date', '2026-01-02')],
    ['a time', new PythonTime('03:04:05'), tagged('time', '03:04:05')],
    ['a decimal', new Decimal('1.10'), tagged('decimal', '1.10')],
    ['bytes of text', Buffer.from('héllo'), tagged('bytes', 'héllo')],
    ['other bytes', new Uint8Array([0, 255]), tagged('base64', 'AP8=')],
    [
      'a Map',
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', new Map()],
      ]),
      '{"1":"a","b":{}}',
    ],
    [
      'an instance',
      new (class Point {
        x = 1
        y = 2n
      })(),
      '{"x":1,"y":2}',
    ],
    ['toJSON', { toJSON: () => ({ at: new Date(0) }) }, `{"at":${tagged('datetime', '1970-01-01T00:00:00+00:00')}}`],
    ['a key called __proto__', JSON.parse('{"__proto__":[1]}'), '{"__proto__":[1]}'],
    ['shared parts', [[1n], [1n]], '[[1],[1]]'],
  ])('writes %s', (_, value, text) => {
    expect(encodeJson(value)).toBe(text)
  })

  it('writes a UUID as kombu does', () => {
    const uuid = new Uuid('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11')
    expect(encodeJson(uuid)).toBe('{"__type__":"uuid","__value__":{"hex":"5d9b1c1e0c1e4b579d2f5a1b5a0d9d11"}}')
  })

  it.each<[string, unknown, string]>([
    ['a Set', { tags: new Set([1]) }, 'JSON has no form for a Set (at .tags): send a list, [...set]'],
    ['a function', [[() => 1]], 'JSON has no form for a function (at [0][0])'],
    ['a symbol', { a: Symbol('x') }, 'a symbol (at .a)'],
    ['a promise', [Promise.resolve()], 'a Promise (at [0]): await it first'],
    ['a timedelta', new PythonTimedelta(1), 'a timedelta'],
    ['an odd key', new Map([[{}, 1]]), 'a Map with keys that are neither text nor numbers'],
    ['an invalid date', new Date(NaN), 'no time between the years 1 and 9999'],
    ['a late date', new Date(8e15), 'no time between the years 1 and 9999'],
    ['a getter that throws', Object.defineProperty({}, 'x', { enumerable: true, get: () => fail() }), 'oh no'],
    ['a toJSON that throws', { toJSON: () => fail() }, 'oh no'],
  ])('refuses %s', (_, value, message) => {
    expect(() => encodeJson(value)).toThrow(EncodeError)
    expect(() => encodeJson(value)).toThrow(message)
  })

  it('refuses circles and deep nesting, and takes 1000 levels', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = { circle }
    expect(() => encodeJson(circle)).toThrow('a value that contains itself (at .self.circle)')
    expect(() => encodeJson(nest(100_000))).toThrow('JSON cannot carry values nested deeper than 1000 levels')
    expect(() => encodeJson(nest(1001))).toThrow(EncodeError)
    expect(encodeJson(nest(1000))).toBe('['.repeat(1000) + ']'.repeat(1000))
    expect(encodeJson([nest(999), 1n])).toHaveLength(2 * 1000 + 2)
  })
})

describe('decodeJson', () => {
  it('reads the values of a recorded message, and they go back as they came', () => {
    const [args] = decodeJson(recordedBody('datetime_uuid_decimal_bytes_set')) as [unknown[][]]
    expect(args).toEqual([
      [
        new PythonDateTime('2026-01-02T03:04:05.678901+00:00'),
        new PythonDate('2026-01-02'),
        new PythonTime('03:04:05'),
      ],
      [new Uuid('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11'), new Decimal('1.10'), Buffer.from([0, 255])],
    ])
    const text = recordedBody('datetime_uuid_decimal_bytes_set').toString()
    expect(encodeJson(decodeJson(text))).toBe(JSON.stringify(JSON.parse(text)))
  })

  it('reads whole numbers without loss, wherever they stand', () => {
    for (let pad = 0; pad < 40; pad += 1) {
      const before = 'x'.repeat(pad)
      expect(decodeJson(`["${before}", 12345678901234567890, -9007199254740993]`)).toEqual([
        before,
        12345678901234567890n,
        -9007199254740993n,
      ])
    }
    expect(decodeJson('9007199254740993')).toBe(9007199254740993n)
    expect(decodeJson(`[${'1,'.repeat(5000)}9007199254740993]`)).toHaveProperty('5000', 9007199254740993n)
  })

  it('reads numbers as JSON.parse does where it loses nothing', () => {
    const numbers = [0.1 + 0.2, Math.PI, 1e300, 123456789012345, 5e-324, -1 / 81]
    expect(decodeJson(JSON.stringify(numbers))).toEqual(numbers)
    expect(decodeJson('["1234567890123456789"]')).toEqual(['1234567890123456789'])
  })

  it('reads NaN and the infinities, in short and in long texts', () => {
    expect(decodeJson('[NaN, {"a": -Infinity}]')).toEqual([NaN, { a: -Infinity }])
    expect(decodeJson(`[${'1,'.repeat(5000)}NaN]`)).toHaveProperty('5000', NaN)
  })

  it('takes objects for tagged values only if they have exactly the two keys', () => {
    const plain = [{ __type__: 'date' }, { __type__: 'date', __value__: 'x', more: 1 }, '__type__']
    expect(decodeJson(JSON.stringify(plain))).toEqual(plain)
    expect(decodeJson('{"a": {"__type__": "bytes", "__value__": "b"}}')).toEqual({ a: Buffer.from('b') })
    expect(decodeJson(tagged('date', '2026-01-02T10:00:00'))).toEqual(new PythonDate('2026-01-02'))
  })

  it('lets nobody set a prototype', () => {
    for (const text of [
      '{"__proto__": {"polluted": 1}}',
      '{"__proto__": {"polluted": 1}, "x": {"__type__": "bytes", "__value__": ""}}',
      '{"__proto__": {"polluted": 1}, "x": NaN}',
      '{"__proto__": {"__type__": "decimal", "__value__": "1"}}',
    ]) {
      const value = decodeJson(text) as object
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(Object.keys(value)[0]).toBe('__proto__')
      expect('polluted' in value).toBe(false)
    }
  })

  it.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'The body is not valid JSON'],
    ['broken text', '{"a": }', 'The body is not valid JSON'],
    ['broken UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'The body is not valid UTF-8'],
    ['an unknown tag', tagged('money', '1'), 'a value of the unknown __type__ "money"'],
    ['a tag that is no text', '{"__type__": ["date"], "__value__": 1}', 'unknown __type__ ["date"]'],
    ['a tag of objects', tagged('toString', '1'), 'unknown __type__ "toString"'],
    ['a broken datetime', tagged('datetime', 'yesterday'), 'The JSON text has a broken datetime: "yesterday" is not'],
    ['a datetime of numbers', '{"__type__": "datetime", "__value__": 5}', 'a broken datetime: a text was expected'],
    ['a broken uuid', tagged('uuid', 'x'), 'a broken uuid'],
    ['broken base64', tagged('base64', 'AP8'), 'a broken base64: it is not base64'],
  ])('refuses %s', (_, body, message) => {
    expect(() => decodeJson(body)).toThrow(DecodeError)
    expect(() => decodeJson(body)).toThrow(message)
  })

  it('keeps a replacement character that was sent', () => {
    expect(decodeJson(Buffer.from('"\ufffd"'))).toBe('\ufffd')
  })

  it('refuses deep nesting, and takes 1000 levels', () => {
    const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    expect(decodeJson(deep(1000))).toEqual(nest(1000))
    for (const levels of [1001, 100_000]) {
      expect(() => decodeJson(deep(levels))).toThrow('nested deeper than 1000 levels')
    }
    expect(() => decodeJson('{"a":'.repeat(100_000))).toThrow(DecodeError)
    expect(() => decodeJson(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`)).toThrow('nested deeper than 1000 levels')
  })

  it('takes anything for a value or an error', () => {
    const valid = data.map((value) => Buffer.from(encodeJson([value, new Decimal('1'), Buffer.from([255])])))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.tuple(valid, damage).map(([body, how]) => spoil(body, how)),
        ),
        (body) => {
          expectValueOrError(() => decodeJson(body))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe.skipIf(python === undefined)('json and kombu', () => {
  it('agree', () => {
    const value = [
      new Date(Date.UTC(2026, 0, 2)),
      new Uuid('5d9b1c1e0c1e4b579d2f5a1b5a0d9d11'),
      new Decimal('1.10'),
      NaN,
    ]
    const more = [
      Buffer.from([0, 255]),
      Buffer.from('é'),
      2n ** 70n,
      new PythonDate('2026-01-02'),
      '\u2028\ud83e\udd6c',
    ]
    const program =
      'import sys; from kombu.utils.json import loads, dumps; sys.stdout.write(dumps(loads(sys.stdin.read())))'
    const back = runPython(python ?? '', program, encodeJson([...value, ...more]))
    // Debian's kombu is older than the tagged types; it passes them on.
    expect(decodeJson(back)).toEqual([...value, ...more])
  })
})

function tagged(type: string, value: string): string {
  return JSON.stringify({ __type__: type, __value__: value })
}

function fail(): never {
  throw new Error('oh no')
}
