import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.ts'
import { compressXz, decompressXz } from '../../../../src/serialization/codec/xz.ts'
import { findPython, runPython } from '../python.ts'

/** `lzma.compress(b"hello " * 3, ...)` of Python. */
const RECORDED: readonly [how: string, base64: string][] = [
  ['no check', '/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4AARAAtdADQZSe6N6VCVheAAAAAAAR8S/cplHgZynnoBAAAAAABZWg=='],
  ['CRC-32', '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AARAAtdADQZSe6N6VCVheAAAADttTEEAAEjEgKzlm2QQpkNAQAAAAABWVo='],
  ['CRC-64', '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AARAAtdADQZSe6N6VCVheAAAACw0eE9qTJRMAABJxIGdvoJH7bzfQEAAAAABFla'],
  [
    'SHA-256',
    '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AARAAtdADQZSe6N6VCVheAAAADvGiUku+B6Hx21boifai9hkjuOq6v4gAvFBF4WAxr2LAABPxJf7uGLGJtLmgEAAAAAClla',
  ],
  [
    'other properties',
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AARAAsbADQaFOLEJ7JvQlgAAACw0eE9qTJRMAABJxIGdvoJH7bzfQEAAAAABFla',
  ],
]
const HELLO = compressXz(Buffer.from('hello '.repeat(3)))
const python = findPython('lzma')

const decode = (bytes: Uint8Array, maxBytes: number = 10_000_000): Buffer => decompressXz(bytes, maxBytes)

describe('decompressXz', () => {
  it.each(RECORDED)('reads what Python wrote with %s', (_, base64) => {
    expect(decode(Buffer.from(base64, 'base64')).toString()).toBe('hello '.repeat(3))
  })

  it('stops at the limit', () => {
    const bomb = compressXz(Buffer.alloc(1_000_000))
    expect(decode(bomb, 1_000_000)).toHaveLength(1_000_000)
    expect(() => decode(bomb, 999_999)).toThrow('would be longer than 999999 bytes')
  })

  it('finds every single changed bit that matters', () => {
    let found = 0
    for (let bit = 0; bit < 8 * HELLO.length; bit += 1) {
      const spoilt = Buffer.from(HELLO)
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      try {
        expect(decode(spoilt).toString()).toBe('hello '.repeat(3))
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        found += 1
      }
    }
    // One bit says how much of the byte before is looked at, which is all the same for so short a text.
    expect(found).toBe(8 * HELLO.length - 1)
  })

  it('compares the index with the blocks', () => {
    const forged = Buffer.from(HELLO)
    // The length of the only block, and the checksum of the index behind it.
    const length = forged.length - 12 - 5
    forged[length] = 19
    forged.writeUInt32LE(crc32(forged.subarray(length - 3, length + 1)), length + 1)
    expect(() => decode(forged)).toThrow('its index does not fit its blocks')
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'it ends too early'],
    ['something else', Buffer.from('BZh91AY&SY'), 'it does not begin as .xz does'],
    ['a second stream', Buffer.concat([HELLO, HELLO]), 'something follows the end of the stream'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decode(bytes)).toThrow(DecodeError)
    expect(() => decode(bytes)).toThrow(message)
  })
})

describe('compressXz', () => {
  it('brings back what it compressed', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom(Buffer.alloc(60_000, 'abc'), Buffer.alloc(9)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        const bytes = Buffer.concat(parts)
        expect(decode(compressXz(bytes)).equals(bytes)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('goes on after what cannot be compressed', () => {
    const bytes = Buffer.concat([
      randomBytes(60_000),
      Buffer.alloc(100_000, 'text'),
      randomBytes(60_000),
      Buffer.alloc(50_000),
    ])
    const compressed = compressXz(bytes)
    expect(compressed.length).toBeLessThan(125_000)
    expect(decode(compressed).equals(bytes)).toBe(true)
    if (python === undefined) return
    const program = 'import sys, lzma; sys.stdout.buffer.write(lzma.decompress(sys.stdin.buffer.read()))'
    expect(runPython(python, program, compressed).equals(bytes)).toBe(true)
  })
})
