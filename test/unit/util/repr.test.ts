import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal, PythonDate, PythonDateTime, PythonTime, Uuid } from '../../../src/serialization/values.ts'
import { repr, reprArgs, reprKwargs } from '../../../src/util/repr.ts'

function nest(levels: number): unknown[] {
  let value: unknown[] = []
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

describe('repr', () => {
  it.each<[unknown, string]>([
    [null, 'None'],
    [undefined, 'None'],
    [true, 'True'],
    [false, 'False'],
    [1, '1'],
    [-0, '0'],
    [2.5, '2.5'],
    [1e16, '10000000000000000'],
    [1e21, '1e+21'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [1e-10, '1e-10'],
    [NaN, 'nan'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [12345678901234567890n, '12345678901234567890'],
    ['x', "'x'"],
    ['', "''"],
    ["it's", `"it's"`],
    [`"it's"`, `'"it\\'s"'`],
    ['a\\b', "'a\\\\b'"],
    ['a\nb\tc\rd\0e', "'a\\nb\\tc\\rd\\x00e'"],
    ['héllo 世界 🥬', "'héllo 世界 🥬'"],
    ['\u00a0\u200b\u2028\ud800\u{e0001}', "'\\xa0\\u200b\\u2028\\ud800\\U000e0001'"],
    [[], '[]'],
    [[1, 'x', [null]], "[1, 'x', [None]]"],
    [{}, '{}'],
    [{ a: 1, 'b c': [true] }, "{'a': 1, 'b c': [True]}"],
    [new Map<unknown, unknown>([[1, 'x']]), "{1: 'x'}"],
    [new Set([1, 2]), '{1, 2}'],
    [new Set(), 'set()'],
    [Buffer.from('abc'), "b'abc'"],
    [Buffer.from("it's"), `b"it's"`],
    [new Uint8Array([0, 255]), "b'00ff'"],
    [new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), '2026, 1, 2, 3, 4, 5, 678000'],
    [new Date(Date.UTC(2026, 0, 2)), '2026, 1, 2, 0, 0'],
    [new Date(500), '1970, 1, 1, 0, 0, 0, 500000'],
    [new Date(NaN), 'None'],
    [new TypeError('bad'), "TypeError('bad')"],
    [Symbol('s'), 'Symbol(s)'],
    [repr, '<function repr>'],
    [{ toJSON: () => ({ task: 'add' }) }, "{'task': 'add'}"],
    [{ toJSON: () => 'text' }, "'text'"],
  ])('of %s is %s', (value, expected) => {
    const text = value instanceof Date && expected !== 'None' ? datetime(expected) : expected
    expect(repr(value)).toBe(text)
  })

  it('knows the values that stand for types of Python', () => {
    expect(
      repr([
        new PythonDateTime('2026-01-02T03:04:05.678901+00:00'),
        new PythonDateTime('2026-01-02T03:04:00-02:30'),
        new PythonDateTime('2026-01-02T03:04:00'),
        new PythonDate('2026-01-02'),
        new PythonTime('03:04:05'),
        new Decimal('1.10'),
        new Uuid('5d9b1c1e0c1e4b579d2f5a1b5a0d9d11'),
      ]),
    ).toBe(
      '[datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc), ' +
        'datetime.datetime(2026, 1, 2, 3, 4, ' +
        'tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=77400))), ' +
        "datetime.datetime(2026, 1, 2, 3, 4), datetime.date(2026, 1, 2), datetime.time(3, 4, 5), Decimal('1.10'), " +
        "UUID('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11')]",
    )
  })

  it('elides what lies deeper than three levels', () => {
    expect(repr([[[[1]]]])).toBe('[[[[...]]]]')
    expect(repr({ a: { b: { c: { d: 1 } } } })).toBe("{'a': {'b': {'c': {...}}}}")
    expect(repr([[1]], { maxDepth: 1 })).toBe('[[...]]')
  })

  it('elides a value inside itself, not one that is there twice', () => {
    const list: unknown[] = [1]
    list.push(list)
    const record: Record<string, unknown> = {}
    record['self'] = record
    const shared = [1]
    expect(repr(list)).toBe('[1, [...]]')
    expect(repr(record)).toBe("{'self': {...}}")
    expect(repr([shared, shared])).toBe('[[1], [1]]')
  })

  it('cuts long texts, bytes and lists', () => {
    expect(repr('x'.repeat(20), { maxLength: 5 })).toBe("'xxxxx...'")
    expect(repr(Buffer.from('x'.repeat(20)), { maxLength: 5 })).toBe("b'xxxxx...'")
    expect(repr([1, 2, 3, 4, 5, 6], { maxLength: 8 })).toBe('[1, 2, 3, ...]')
    expect(repr({ a: 'xxxxxxxx', b: 1 }, { maxLength: 10 })).toBe("{'a': 'xxxx...', ...}")
    expect(repr([[1, 2], 3], { maxLength: 1 })).toBe('[...]')
  })

  it('says what it cannot look at', () => {
    const broken = {
      get secret(): string {
        throw new Error('no')
      },
    }
    const list = Object.defineProperty([1], 0, Object.getOwnPropertyDescriptor(broken, 'secret')!)
    expect(repr([list, list, list, [[2]]])).toContain('[[2]]')
    const proxy = Proxy.revocable({}, {})
    proxy.revoke()
    expect(repr([broken, 1, [2]])).toBe('[<Unrepresentable object>, 1, [2]]')
    expect(repr(proxy.proxy)).toBe('<Unrepresentable object>')
  })

  it('shows an object whose toJSON answers such an object again', () => {
    class Again {
      readonly depth = 1
      toJSON(): Again {
        return new Again()
      }
    }
    expect(repr(new Again())).toBe("{'depth': 1}")
  })

  it('is short for any value, however long, wide or deep', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }), (value) => {
        // The last item may be cut in escapes, ten characters for one.
        expect(repr(value, { maxLength: 50 }).length).toBeLessThan(50 * 10 + 60)
      }),
    )
    expect(repr(nest(100_000))).toBe('[[[[...]]]]')
    expect(repr(nest(100_000), { maxDepth: Infinity }).length).toBeLessThan(300)
    expect(repr(Array.from({ length: 1e6 }, () => 'x')).length).toBeLessThan(1100)
  })
})

describe('reprArgs and reprKwargs', () => {
  it('write a tuple and a dict', () => {
    expect(reprArgs([])).toBe('()')
    expect(reprArgs([1])).toBe('(1,)')
    expect(reprArgs([1, 'x', [2]])).toBe("(1, 'x', [2])")
    expect(reprKwargs({})).toBe('{}')
    expect(reprKwargs({ a: 1 })).toBe("{'a': 1}")
  })

  it('count the tuple as a level, as Celery does', () => {
    expect(reprArgs([[[[1]]]])).toBe('([[[...]]],)')
  })

  it('cut after 1024 characters', () => {
    const text = reprArgs(['x'.repeat(600), 'y'.repeat(600), 'z'])
    expect(text).toMatch(/^\('x{600}', 'y{419}\.\.\.', \.\.\.\)$/)
  })
})

function datetime(parts: string): string {
  return `datetime.datetime(${parts}, tzinfo=datetime.timezone.utc)`
}
