import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import type { Serializer } from '../../../src/serialization/serializer.ts'
import { Decimal, PythonDate, PythonDateTime } from '../../../src/serialization/values.ts'
import { loadYaml } from '../../../src/serialization/yaml.ts'
import { damage, data, expectValueOrError, nest, spoil } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const python = findPython('yaml')
let yaml: Serializer

beforeAll(async () => {
  yaml = await loadYaml()
})

/** Words that are something else by one version's rules or another's. */
const WORDS = [
  ...[
    '1e5',
    '1e+5',
    '1.5e3',
    '1.5e+3',
    '.5',
    '5.',
    '-.5',
    '0o17',
    '017',
    '0x1F',
    '0b101',
    '1_000',
    '12:30',
    '1:30.5',
    '08',
  ],
  ...['yes', 'No', 'on', 'y', 'true', 'TRUE', 'nUll', '~', '.inf', '-.INF', '.nan', 'inf', 'NaN', '=', '<<'],
  ...['2026-01-02', '2026-1-2', '2026-01-02 3:04:05', '2026-01-02T03:04:05.5Z', '2026-01-02 03:04:05 +2', '03:04:05'],
]

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('\u0085', '\u2028', '\ufeff', '\u007f', '\t', '\n', '\0', ':', '#', '"', ' ', '-'),
    maxLength: 8,
  }),
  fc.constantFrom(...WORDS),
)

describe('yaml', () => {
  it('has the names of kombu', () => {
    expect(yaml).toMatchObject({ name: 'yaml', contentType: 'application/x-yaml', contentEncoding: 'utf-8' })
  })

  it('takes a module that is handed in', async () => {
    const lib = { parseDocument: () => ({ errors: [], warnings: [], toJS: () => 'theirs' }) }
    expect((await loadYaml(lib)).decode('')).toBe('theirs')
  })

  it('brings back what it wrote', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(data, text)),
        fc.dictionary(text, data, { noNullPrototype: true }),
        (list, record) => {
          expect(yaml.decode(yaml.encode(list))).toEqual(list)
          expect(yaml.decode(Buffer.from(yaml.encode(record)))).toEqual(record)
        },
      ),
    )
  })

  it.each<[string, unknown, string]>([
    ['plain data', [[1, 1], {}, { callbacks: null }], '[[1, 1], {}, {"callbacks": null}]\n'],
    ['numbers', [1.5, 1e21, 2n ** 64n, NaN, -Infinity], '[1.5, 1.0e+21, 18446744073709551616, .nan, -.inf]\n'],
    ['a Date', new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), '2026-01-02T03:04:05.678000+00:00\n'],
    ['a PythonDateTime', new PythonDateTime('2026-01-02T03:04:05.678901'), '2026-01-02T03:04:05.678901\n'],
    ['an odd PythonDateTime', new PythonDateTime('20260102T0304'), '2026-01-02T03:04:00+00:00\n'],
    ['a date', new PythonDate('2026-01-02'), '2026-01-02\n'],
    ['bytes', Buffer.from([0, 255]), '!!binary "AP8="\n'],
    ['a Set', new Set<unknown>([1, 'a']), '!!set {? 1 : null, ? "a" : null}\n'],
    [
      'a Map',
      new Map([
        [1, undefined],
        [2, 3],
      ]),
      '{"2": 3}\n',
    ],
    ['a line separator', 'a\u2028b\u0085', '"a\\u2028b\\u0085"\n'],
  ])('writes %s', (_, value, yamlText) => {
    expect(yaml.encode(value)).toBe(yamlText)
  })

  it('reads what PyYAML writes', () => {
    const written = `
- - 1
  - 1.0e+20
  - .inf
  - 0x1f
  - 017
  - 0b11
  - 1_000
  - 190:20:30
  - -9223372036854775808
- 2026-01-02
- 2026-01-02 03:04:05.678901+00:00
- 2026-01-02 03:04:05
- !!binary |
  AP8=
- !!set
  1: null
  a: null
- &id001
  text: 'yes'
  other: yes
- *id001
- 1e5
- 0o17
- {a: ~, b: null, 3: x}
`
    expect(yaml.decode(written)).toEqual([
      [1, 1e20, Infinity, 31, 15, 3, 1000, 685230, -9223372036854775808n],
      new PythonDate('2026-01-02'),
      new PythonDateTime('2026-01-02T03:04:05.678901+00:00'),
      new PythonDateTime('2026-01-02T03:04:05'),
      Buffer.from([0, 255]),
      new Set<unknown>([1, 'a']),
      { text: 'yes', other: true },
      { text: 'yes', other: true },
      '1e5',
      '0o17',
      { a: null, b: null, 3: 'x' },
    ])
  })

  it.each<[string, unknown, string]>([
    ['a Decimal', [new Decimal('1')], 'YAML has no form for a decimal (at [0])'],
    ['lists in sets', new Set([[1]]), 'a list or an object in a Set'],
    ['a function', { a: () => 1 }, 'a function'],
    ['an odd key', new Map([[[], 1]]), 'a Map with keys'],
    ['deep nesting', nest(1001), 'nested deeper than 1000 levels'],
    [
      'what throws',
      {
        toJSON: () => {
          throw new Error('oh no')
        },
      },
      'oh no',
    ],
  ])('refuses to write %s', (_, value, message) => {
    expect(() => yaml.encode(value)).toThrow(EncodeError)
    expect(() => yaml.encode(value)).toThrow(message)
  })

  it.each<[string, string]>([
    ['Python objects', '!!python/object/apply:os.system ["id"]'],
    ['Python tuples', '!!python/tuple [1]'],
    ['own tags', '!mine {a: 1}'],
    ['broken text', '{a: [}'],
    ['two documents', '--- 1\n--- 2\n'],
    ['unknown anchors', '*nothing'],
    ['a day that is none', '2026-13-41'],
    ['long numbers', '9'.repeat(5000)],
    ['deep nesting', '['.repeat(1001) + ']'.repeat(1001)],
    ['very deep nesting', '['.repeat(100_000)],
    [
      'deep nesting by reference',
      Array.from(
        { length: 60 },
        (_, i) =>
          `a${String(i)}: &a${String(i)} ${'['.repeat(30)}${i === 0 ? '' : `*a${String(i - 1)}`}${']'.repeat(30)}`,
      ).join('\n'),
    ],
  ])('refuses to read %s', (_, body) => {
    expect(() => yaml.decode(body)).toThrow(DecodeError)
  })

  it('takes some hundred levels', () => {
    expect(yaml.decode(yaml.encode(nest(250)))).toEqual(nest(250))
    expect(yaml.encode(nest(1000))).toHaveLength(2001)
  })

  it('keeps what is shared and what contains itself', () => {
    const value = yaml.decode('[&a [1], *a, &b {self: *b}]') as [unknown, unknown, { self: unknown }]
    expect(value[0]).toBe(value[1])
    expect(value[2].self).toBe(value[2])
  })

  it('refuses a few lines that would become millions', () => {
    const lines = ['a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]']
    for (let index = 1; index < 9; index += 1) {
      lines.push(
        `a${String(index)}: &a${String(index)} [${Array(9)
          .fill(`*a${String(index - 1)}`)
          .join(', ')}]`,
      )
    }
    expect(() => yaml.decode(lines.join('\n'))).toThrow(DecodeError)
  })

  it('lets nobody set a prototype', () => {
    for (const body of ['{"__proto__": {polluted: 1}}', 'a: &a {"__proto__": {polluted: 1}}\nb: {<<: *a}']) {
      const value = yaml.decode(body) as object
      expect(JSON.stringify(value)).toContain('__proto__')
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect('polluted' in value).toBe(false)
    }
  })

  it('does not take quadratic time for many keys', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `k${String(index)}: 1`).join('\n')
    const start = performance.now()
    expect(Object.keys(yaml.decode(many) as object)).toHaveLength(20_000)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it('takes anything for a value or an error', () => {
    const valid = fc.oneof(data, text).map((value) => Buffer.from(yaml.encode([value, new Date(0), new Set([1])])))
    const noise = fc.string({
      unit: fc.constantFrom('a', '1', ' ', '\n', ':', '-', '[', '{', '&', '*', '!', '|', '"', '#', '<'),
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          noise,
          fc.tuple(valid, damage).map(([body, how]) => spoil(body, how)),
        ),
        (body) => {
          expectValueOrError(() => yaml.decode(body))
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe.skipIf(python === undefined)('yaml and PyYAML', () => {
  const program =
    'import sys, yaml; sys.stdout.buffer.write(yaml.safe_dump(yaml.safe_load(sys.stdin.buffer.read())).encode())'

  it('agree', () => {
    const special = [
      new PythonDate('2026-01-02'),
      new PythonDateTime('2026-01-02T03:04:05.678901'),
      Buffer.from([0, 255]),
    ]
    const values = [
      ...fc.sample(fc.oneof(data, text), 100),
      ...WORDS,
      special,
      new Set(['b']),
      { ['k'.repeat(2000)]: 1 },
    ]
    expect(yaml.decode(runPython(python ?? '', program, yaml.encode(values)))).toEqual(values)
  })

  it('take bare words for the same', () => {
    const words = WORDS.filter((word) => !['=', '<<'].includes(word)).map((word) => `[${word}]`)
    const each =
      'import sys, json, yaml; sys.stdout.buffer.write(yaml.safe_dump([yaml.safe_load(w) for w in json.load(sys.stdin)]).encode())'
    const theirs = yaml.decode(runPython(python ?? '', each, JSON.stringify(words))) as unknown[]
    expect(words.map((word) => [word, yaml.decode(word)])).toEqual(words.map((word, index) => [word, theirs[index]]))
  })
})
