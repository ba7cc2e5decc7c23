import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { readPickle } from '../../../src/serialization/pickle-reader.ts'
import {
  Decimal,
  PythonDate,
  PythonDateTime,
  PythonTime,
  PythonTimedelta,
  Uuid,
} from '../../../src/serialization/values.ts'

const recorded = JSON.parse(readFileSync(new URL('pickles.json', import.meta.url), 'utf8')) as [
  string,
  number,
  string,
][]

const circle: unknown[] = []
circle.push(circle)

/** What `record-pickles.py` pickled. */
const EXPECTED: Readonly<Record<string, unknown>> = {
  none: null,
  bools: [true, false],
  ints: [
    ...[0, 255, 256, 65535, 65536, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1],
    ...[2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n, 2n ** 200n],
  ],
  floats: [0.5, -1e300, Infinity, -Infinity],
  nan: NaN,
  texts: ['', 'abc', 'héllo 世🥬', 'a\nb\\u1234\r\0\'"', 'x'.repeat(300)],
  bytes: [
    ...[[], [...Buffer.from('abc')], [0, 127, 128, 255], [...Buffer.from('y'.repeat(300))], [0, 255], []].map((bytes) =>
      Buffer.from(bytes),
    ),
  ],
  tuples: [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]],
  dict: JSON.parse('{"a": 1, "b": {"c": [1, 2]}, "__proto__": 1}'),
  'mixed dict': new Map<unknown, unknown>([
    [1, 'a'],
    ['b', 2],
    [[1, 2], 3],
    [null, 4],
  ]),
  sets: [new Set(), new Set([1]), new Set([2]), new Set()],
  datetimes: [
    '2026-01-02T03:04:05.678901+00:00',
    '2026-01-02T03:04:05',
    '2026-01-02T00:00:00-05:30',
    '2026-01-02T00:00:00',
  ].map((text) => new PythonDateTime(text)),
  dates: [new PythonDate('0001-01-01'), new PythonDate('9999-12-31')],
  times: [new PythonTime('03:04:05'), new PythonTime('03:04:05.000006+00:00')],
  timedeltas: [new PythonTimedelta(-1, 5, 7)],
  zones: ['UTC', 'UTC-05:30'],
  decimals: [new Decimal('1.10'), new Decimal('NaN')],
  uuids: [new Uuid('5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11'), new Uuid('00000000-0000-0000-0000-000000000005')],
  ordered: { b: 1, a: 2 },
  exceptions: [
    { exc_type: 'ValueError', exc_message: ['bad', 1], exc_module: 'builtins' },
    { exc_type: 'KeyError', exc_message: ['k'], exc_module: 'builtins' },
    { exc_type: 'ValueError', exc_message: ['noted'], exc_module: 'builtins' },
    { exc_type: 'Ignore', exc_message: ['why'], exc_module: 'celery.exceptions' },
  ],
  wrapped: { exc_type: 'BadMoon', exc_message: ['rising', 1], exc_module: 'proj.errors' },
  signature: { task: 'proj.add', args: [1, 2] },
  shared: [[1], [1]],
  circle,
}

const pickled = (...parts: (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))))

describe('readPickle', () => {
  it.each(recorded)('reads %s of protocol %i', (name, _, bytes) => {
    const value = readPickle(Buffer.from(bytes, 'base64'))
    expect(Object.hasOwn(EXPECTED, name)).toBe(true)
    expect(value).toEqual(EXPECTED[name])
    if (name === 'datetimes') {
      const texts = (of: unknown): string[] => (of as PythonDateTime[]).map((datetime) => datetime.isoformat())
      expect(texts(value)).toEqual(texts(EXPECTED[name]))
    }
    if (name === 'ordered') expect(Object.keys(value as object)).toEqual(['b', 'a'])
  })

  it('reads all of Python 2 that is plain', () => {
    expect(readPickle(pickled("(S'it\\'s \\x41\\101\\n'\nI01\nI00\nL12345678901234567890L\nF1.5\nl."))).toEqual([
      "it's AA\n",
      true,
      false,
      12345678901234567890n,
      1.5,
    ])
    expect(readPickle(pickled('(c__builtin__\nset\n((lp0\nI1\naI1\natRU', [3], 'abcT', [1, 0, 0, 0], 'dt.'))).toEqual([
      new Set([1]),
      'abc',
      'd',
    ])
    // An instance in the oldest way, with INST, and with OBJ.
    expect(readPickle(pickled("(S'1.5'\nidecimal\nDecimal\n."))).toEqual(new Decimal('1.5'))
    expect(readPickle(pickled("(cdecimal\nDecimal\nS'1.5'\no."))).toEqual(new Decimal('1.5'))
  })

  it('knows POP, POP_MARK and DUP', () => {
    expect(readPickle(pickled('I1\nI2\n0(I3\n12.'))).toBe(1)
    expect(readPickle(pickled('I1\n(0.'))).toBe(1)
  })

  it.each<[string, Buffer, string]>([
    ['a function', pickled('cos\nsystem\n(S"id"\ntR.'), '"os.system" in it, which is refused'],
    ['a function by its stack', pickled([0x80, 4, 0x8c, 2], 'os', [0x8c, 6], 'system', [0x93], '.'), '"os.system"'],
    ['eval', pickled('c__builtin__\neval\n(S"1"\ntR.'), '"__builtin__.eval" in it, which is refused'],
    ['getattr', pickled('cbuiltins\ngetattr\n.'), '"builtins.getattr"'],
    ['a user class', pickled('cproj.models\nUser\n)\x81}b.'), '"proj.models.User"'],
    ['a user exception', pickled('cproj\nBoom\n)R.'), '"proj.Boom"'],
    ['a dotted name', pickled('cbuiltins\nset.__init__\n.'), 'refused'],
    ['a class as a value', pickled('cbuiltins\nset\n.'), 'the class or function builtins.set as a value'],
    ['a class inside a value', pickled('(cbuiltins\nset\nl.'), 'the class or function builtins.set as a value'],
    ['calling data', pickled('I1\n)R.'), 'calls something that is neither a class nor a function'],
    ['keywords', pickled('cdecimal\nDecimal\n)}I1\nI2\ns\x92.'), 'a call with keywords'],
    ['a persistent id', pickled('P1\n.'), 'a persistent id'],
    ['an extension', pickled([0x82, 1], '.'), 'an extension code'],
    ['an outside buffer', pickled([0x97], '.'), 'a buffer that travels outside of it'],
    ['a later protocol', pickled([0x80, 6], 'N.'), 'protocol 6 is not known'],
    ['an unknown opcode', pickled('z.'), 'unknown opcode 0x7a'],
    ['nothing', pickled(''), 'ends too early'],
    ['no stop', pickled('N'), 'ends too early'],
    ['a cut line', pickled('I1'), 'ends too early'],
    ['a huge length', pickled([0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '.'), 'ends too early'],
    ['an empty stack', pickled('.'), 'takes more than it put down'],
    ['a pop below a mark', pickled('N(.'), 'takes more than it put down'],
    ['a missing mark', pickled('t.'), 'no mark where one is needed'],
    ['an unknown memo', pickled('h\x05.'), 'not read yet'],
    ['a key without a value', pickled('(I1\nd.'), 'a key without a value'],
    ['appending to a dict', pickled('}Na.'), 'appends to something that is no list'],
    ['a state for a list', pickled(']}b.'), 'gives a state to something that has none'],
    ['a broken number', pickled('I0x10\n.'), 'broken whole number'],
    ['a long number', pickled(`L${'9'.repeat(5000)}L\n.`), 'too long'],
    ['a broken float', pickled('F0x10\n.'), 'broken float'],
    ['text of Python 2 in an unknown encoding', pickled('U', [1, 0xe9], '.'), 'not ASCII'],
    ['broken UTF-8', pickled([0x8c, 1, 0xff], '.'), 'not valid UTF-8'],
    ['text without quotes', pickled('Sabc\n.'), 'without quotes'],
    ['an unending text', pickled("S'\n."), 'without quotes'],
    ['a character beyond Unicode', pickled('V\\U00110000\n.'), 'The pickle is broken'],
    ['a broken date', pickled('cdatetime\ndate\n(C', [4, 7, 234, 13, 1], 'tR.'), 'The pickle is broken: "2026-13-01"'],
    ['a date of text', pickled('cdatetime\ndate\n(S"2026"\ntR.'), 'a time in a form that is not known'],
    [
      'a UUID of a number that is too large',
      pickled('cuuid\nUUID\n)\x81}U\x03intL', '9'.repeat(39), 'L\nsb.'),
      'a UUID without its number',
    ],
    ['a UUID without a number', pickled('cuuid\nUUID\n)R.'), 'a UUID without its number'],
    ['a datetime with a strange zone', pickled('cdatetime\ntime\n(C\x06\0\0\0\0\0\0I1\ntR.'), 'unknown time zone'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readPickle(bytes)).toThrow(DecodeError)
    expect(() => readPickle(bytes)).toThrow(message)
  })

  it('takes 1000 levels and no more, however they are made', () => {
    const inside = (levels: number): Buffer => pickled(']'.repeat(levels), 'a'.repeat(levels - 1), '.')
    expect(readPickle(inside(1000))).toHaveLength(1)
    expect(() => readPickle(inside(1001))).toThrow('nested deeper than 1000 levels')
    expect(() => readPickle(inside(100_000))).toThrow('nested deeper than 1000 levels')
    // Each list is put into a new one, by way of the memo: the stack never grows.
    const outwards = pickled(']q\x000', ']h\x00aq\x000'.repeat(100_000), 'h\x00.')
    expect(() => readPickle(outwards)).toThrow('nested deeper than 1000 levels')
    // Deep only on the second way to the same part.
    const deep = pickled(
      ']'.repeat(600),
      'a'.repeat(599),
      'q\x000(h\x00',
      ']'.repeat(600),
      'h\x00',
      'a'.repeat(600),
      'l.',
    )
    expect(() => readPickle(deep)).toThrow('nested deeper than 1000 levels')
  })

  it('does not make much of little', () => {
    const items = 'I1\n'.repeat(20_000)
    const bomb = pickled('cbuiltins\nset\nq\x010(', items, 'tq\x000(', 'h\x01(h\x00tR'.repeat(20_000), 'l.')
    expect(() => readPickle(bomb)).toThrow('makes far more data than it has bytes')
    // Doubling by reference takes no space.
    const laughs = pickled(']I1\naq\x00', '0(h\x00h\x00lq\x00'.repeat(500), '.')
    expect(readPickle(laughs)).toHaveLength(2)
  })
})
