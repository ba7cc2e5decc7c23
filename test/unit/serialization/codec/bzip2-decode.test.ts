import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.ts'
import { decompressBzip2 } from '../../../../src/serialization/codec/bzip2-decode.ts'

/** `bz2.compress(b"hello " * 3)` and `bz2.compress(bytes(100000))` of Python. */
const HELLO = Buffer.from('QlpoOTFBWSZTWVIckz8AAAQRAEAAAkSgACI/VGQZoKjkXHi7kinChIKQ5Jn4', 'base64')
const ZEROS = Buffer.from('QlpoOTFBWSZTWb6piCsAAMRQAMAABAAACCAAMMwFKaYQtiIXi7kinChIX1TEFYA=', 'base64')

const decode = (bytes: Uint8Array, maxBytes: number = 1_000_000): string => decompressBzip2(bytes, maxBytes).toString()

describe('decompressBzip2', () => {
  it('reads what Python wrote', () => {
    expect(decode(HELLO)).toBe('hello hello hello ')
    expect(decompressBzip2(ZEROS, 100_000).equals(Buffer.alloc(100_000))).toBe(true)
  })

  it('reads several streams, and leaves alone what follows', () => {
    expect(decode(Buffer.concat([HELLO, HELLO]))).toBe('hello hello hello '.repeat(2))
    expect(decode(Buffer.concat([HELLO, Buffer.from('else')]))).toBe('hello hello hello ')
  })

  it('stops at the limit', () => {
    expect(() => decode(ZEROS, 99_999)).toThrow('would be longer than 99999 bytes')
  })

  it('finds every single changed bit that matters', () => {
    const unnoticed: number[] = []
    for (let bit = 0; bit < 8 * HELLO.length; bit += 1) {
      const spoilt = Buffer.from(HELLO)
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
      try {
        expect(decode(spoilt)).toBe('hello hello hello ')
        unnoticed.push(bit)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    // The size of blocks, the code that no group uses, and what fills up the last byte.
    expect(unnoticed).toEqual([28, 31, 232, 233, 234, 236, 239, 240, 241, 243, 357, 358, 359])
  })

  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'it does not begin as bzip2 does'],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), 'it does not begin as bzip2 does'],
    ['a wrong block size', Buffer.from('BZh0'), 'it does not begin as bzip2 does'],
    ['no block', Buffer.from('BZh9'), 'it ends too early'],
    ['another block', Buffer.from('BZh9abcdefgh'), 'something else where a block should begin'],
    ['a cut stream', HELLO.subarray(0, -1), 'it ends too early'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decode(bytes)).toThrow(DecodeError)
    expect(() => decode(bytes)).toThrow(message)
  })
})
