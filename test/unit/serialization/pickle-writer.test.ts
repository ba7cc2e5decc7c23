import { describe, expect, it } from 'vitest'
import { EncodeError } from '../../../src/errors.ts'
import { writePickle } from '../../../src/serialization/pickle-writer.ts'
import { readPickle } from '../../../src/serialization/pickle-reader.ts'
import {
  Decimal,
  PythonDate,
  PythonDateTime,
  PythonTime,
  PythonTimedelta,
  Uuid,
} from '../../../src/serialization/values.ts'
import { nest } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const python = findPython()

/** Values, and how Python shows them. */
const VALUES: readonly [value: unknown, repr: string][] = [
  [undefined, 'None'],
  [[true, false, null], '[True, False, None]'],
  [
    [0, 255, 256, 65535, 65536, -1, -129, 2 ** 31, -(2 ** 31) - 1],
    '[0, 255, 256, 65535, 65536, -1, -129, 2147483648, -2147483649]',
  ],
  [
    [2n ** 63n, -(2n ** 63n), -128n, 127n, 128n, 2n ** 2100n % 10n ** 20n],
    `[${String(2n ** 63n)}, -${String(2n ** 63n)}, -128, 127, 128, ${String(2n ** 2100n % 10n ** 20n)}]`,
  ],
  [-(2n ** 2100n), String(-(2n ** 2100n))],
  [[1.5, -0, 1e300, NaN, Infinity], '[1.5, -0.0, 1e+300, nan, inf]'],
  [['', 'é🥬', 'x'.repeat(300)], `['', 'é🥬', '${'x'.repeat(300)}']`],
  [[Buffer.from([0, 255]), new Uint8Array(300)], `[b'\\x00\\xff', b'${'\\x00'.repeat(300)}']`],
  [{ a: { b: undefined, c: [] } }, "{'a': {'c': []}}"],
  [
    new Map<unknown, unknown>([
      [1, 'a'],
      [[1, [2]], new Set()],
      [null, 2],
    ]),
    "{1: 'a', (1, (2,)): set(), None: 2}",
  ],
  [new Set([new Set([1])]), '{frozenset({1})}'],
  [
    new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
    'datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)',
  ],
  [new PythonDateTime('2026-01-02T03:04:05.678901'), 'datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)'],
  [
    new PythonDateTime('2026-01-02T03:04:05-05:30'),
    'datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=66600)))',
  ],
  [new PythonDateTime('2026-01-02'), 'datetime.datetime(2026, 1, 2, 0, 0, tzinfo=datetime.timezone.utc)'],
  [new PythonDate('0001-12-31'), 'datetime.date(1, 12, 31)'],
  [new PythonTime('03:04'), 'datetime.time(3, 4)'],
  [new PythonTime('03:04:05.000006Z'), 'datetime.time(3, 4, 5, 6, tzinfo=datetime.timezone.utc)'],
  [new PythonTimedelta(-1, 5, 7), 'datetime.timedelta(days=-1, seconds=5, microseconds=7)'],
  [new Decimal('1.10'), "Decimal('1.10')"],
  [new Uuid('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11'), "UUID('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11')"],
]

describe('writePickle', () => {
  it('writes what is recorded of Python, but for its frames and memo', () => {
    expect(writePickle([1, { a: 'b' }]).toString('latin1')).toBe('\x80\x04]\x94(K\x01}\x94(\x8c\x01a\x8c\x01bue.')
  })

  it.each(VALUES)('writes %s so that we can read it', (value) => {
    const back = readPickle(writePickle(value))
    expect(writePickle(back)).toEqual(writePickle(value))
  })

  it.each<[string, unknown, string]>([
    ['functions', { a: [() => 1] }, 'pickle has no form for a function (at .a[0])'],
    ['errors', [new Error('x')], 'an error (Error) (at [0])'],
    ['objects as keys', new Map([[{}, 1]]), 'an object as a key or in a Set'],
    ['objects in sets', new Set([new Map()]), 'an object as a key or in a Set'],
    ['half a surrogate pair', ['a\ud800'], 'half a surrogate pair (at [0])'],
    ['invalid dates', [new Date(NaN)], 'no time between'],
    [
      'getters that throw',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('oh no')
        },
      }),
      'oh no',
    ],
  ])('refuses %s', (_, value, message) => {
    expect(() => writePickle(value)).toThrow(EncodeError)
    expect(() => writePickle(value)).toThrow(message)
  })

  it('takes 1000 levels and no more', () => {
    expect(readPickle(writePickle(nest(1000)))).toEqual(nest(1000))
    expect(() => writePickle(nest(1001))).toThrow('pickle cannot carry values nested deeper than 1000 levels')
  })

  it('refers to far more than 255 shared parts', () => {
    const parts = Array.from({ length: 400 }, (_, index) => [index])
    const back = readPickle(writePickle([parts, parts.toReversed()])) as [unknown[], unknown[]]
    expect(back[1][0]).toBe(back[0][399])
    expect(back[1]).toEqual(parts.toReversed())
  })
})

describe.skipIf(python === undefined)('writePickle and Python', () => {
  it('agree', () => {
    const program =
      'import sys, pickle; sys.stdout.reconfigure(encoding="utf-8"); print(*map(repr, pickle.load(sys.stdin.buffer)), sep="\\n")'
    const lines = runPython(python ?? '', program, writePickle(VALUES.map(([value]) => value))).toString()
    expect(lines.trimEnd().split('\n')).toEqual(VALUES.map(([, repr]) => repr))
  })
})
