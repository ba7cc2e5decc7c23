import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { loadMsgpack } from '../../../src/serialization/msgpack.ts'
import type { Serializer } from '../../../src/serialization/serializer.ts'
import { Decimal, PythonDateTime } from '../../../src/serialization/values.ts'
import { damage, data, expectValueOrError, nest, spoil } from './arbitraries.ts'
import { findPython, runPython } from './python.ts'

const python = findPython('msgpack')
let msgpack: Serializer

beforeAll(async () => {
  msgpack = await loadMsgpack()
})

const encode = (value: unknown): Buffer => Buffer.from(msgpack.encode(value))
const decode = (...bytes: number[]): unknown => msgpack.decode(Uint8Array.from(bytes))

describe('msgpack', () => {
  it('has the names of kombu', () => {
    expect(msgpack).toMatchObject({ name: 'msgpack', contentType: 'application/x-msgpack', contentEncoding: 'binary' })
  })

  it('takes a module that is handed in', async () => {
    const lib = { encode: () => Uint8Array.of(0xc0), decode: () => 'theirs' }
    expect((await loadMsgpack(lib)).decode(Uint8Array.of(0xc0))).toBe('theirs')
  })

  it('brings back what it wrote', () => {
    fc.assert(
      fc.property(data, (value) => {
        expect(msgpack.decode(encode(value))).toEqual(value)
      }),
    )
  })

  it('writes what is not plain', () => {
    const bytes = Buffer.from([0, 255])
    const value = {
      at: new Date(1_700_000_000_123),
      bytes,
      map: new Map([[1, undefined]]),
      none: undefined,
      n: [NaN, 5n],
    }
    expect(msgpack.decode(encode(value))).toEqual({
      at: new Date(1_700_000_000_123),
      bytes,
      map: {},
      n: [NaN, 5],
    })
    expect(msgpack.decode(encode(new PythonDateTime('1970-01-01T00:00:01')))).toEqual(new Date(1000))
    expect(msgpack.decode(encode(undefined))).toBeNull()
  })

  it.each<[string, unknown, string]>([
    ['a Decimal', { a: new Decimal('1') }, 'msgpack has no form for a decimal (at .a)'],
    ['a Set', new Set(), 'a Set'],
    ['a large number', [2n ** 64n], 'a whole number of more than 64 bits (at [0])'],
    ['an odd key', new Map([[[], 1]]), 'a Map with keys that are neither text nor numbers'],
    ['a function', () => 1, 'a function'],
    ['deep nesting', nest(1001), 'nested deeper than 1000 levels'],
    [
      '__proto__ that throws',
      {
        toJSON: () => {
          throw new Error('oh no')
        },
      },
      'oh no',
    ],
  ])('refuses %s', (_, value, message) => {
    expect(() => encode(value)).toThrow(EncodeError)
    expect(() => encode(value)).toThrow(message)
  })

  it('reads whole numbers of 64 bits, as numbers where they fit', () => {
    expect(decode(0x92, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0)).toEqual([2 ** 32, -(2n ** 63n)])
  })

  it('takes 1000 levels', () => {
    expect(msgpack.decode(encode(nest(1000)))).toEqual(nest(1000))
    expect(msgpack.decode(encode([nest(999), NaN]))).toEqual([nest(999), NaN])
    expect(() => decode(...Array<number>(2000).fill(0x91), 0xc0)).toThrow('nested deeper than 1000 levels')
  })

  it.each<[string, number[]]>([
    ['nothing', []],
    ['more than one value', [0xc0, 0xc0]],
    ['an unused byte', [0xc1]],
    ['a list that ends too early', [0x92, 0xc0]],
    ['a list that claims too much', [0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]],
    ['a map that claims too much', [0xdf, 0x7f, 0xff, 0xff, 0xff, 0xc0]],
    ['text that claims too much', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['a cut number', [0xcf, 0, 0]],
    ['broken UTF-8', [0xa1, 0xff]],
    ['a list as a key', [0x81, 0x90, 0xc0]],
    ['__proto__', [0x81, 0xa9, ...Buffer.from('__proto__'), 0x80]],
    ['a timestamp of a wrong size', [0xc7, 3, 0xff, 0, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decode(...bytes)).toThrow(DecodeError)
  })

  it('takes up little memory for large claims', () => {
    // Each list of a hundred claims to have as many parts as there are bytes left.
    const heads = Array.from({ length: 100 }, () => [0xdd, 0, 0x0f, 0, 0]).flat()
    const body = Buffer.concat([Buffer.from(heads), Buffer.alloc(1_000_000, 0xc0)])
    const before = process.memoryUsage().heapUsed
    expect(() => msgpack.decode(body)).toThrow(DecodeError)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000)
  })

  it('takes anything for a value or an error', () => {
    const valid = data.map((value) => encode([value, new Date(0), Buffer.from([1])]))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.tuple(valid, damage).map(([body, how]) => spoil(body, how)),
        ),
        (body) => {
          expectValueOrError(() => msgpack.decode(body))
        },
      ),
      { numRuns: 3000 },
    )
  })
})

describe.skipIf(python === undefined)('msgpack and Python', () => {
  it('agree', () => {
    const values = fc.sample(data, 100)
    const program =
      'import sys, msgpack; sys.stdout.buffer.write(msgpack.packb(msgpack.unpackb(sys.stdin.buffer.read(), raw=False), use_bin_type=True))'
    expect(msgpack.decode(runPython(python ?? '', program, encode(values)))).toEqual(values)
  })
})
