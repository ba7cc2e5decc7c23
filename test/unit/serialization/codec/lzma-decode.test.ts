import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.ts'
import { LzmaDecoder } from '../../../../src/serialization/codec/lzma-decode.ts'
import { LzmaEncoder } from '../../../../src/serialization/codec/lzma-encode.ts'
import { Output } from '../../../../src/serialization/codec/output.ts'

const PROPERTIES = { lc: 3, lp: 0, pb: 2 }
/** The one chunk of `lzma.compress(b"hello " * 3)` of Python. */
const HELLO = Buffer.from('ADQZSe6N6VCVheAA', 'base64')

function decode(chunk: Uint8Array, length: number, maxBytes: number = 1000): string {
  const output = new Output(maxBytes, 0)
  new LzmaDecoder(output, PROPERTIES, 0).decode(chunk, length)
  return output.take().toString()
}

describe('LzmaDecoder', () => {
  it('reads what Python wrote', () => {
    expect(decode(HELLO, 18)).toBe('hello hello hello ')
  })

  it('stops at the limit before it decodes', () => {
    expect(() => decode(HELLO, 18, 17)).toThrow('would be longer than 17 bytes')
  })

  it('refuses a repetition of what was not there', () => {
    const text = Buffer.from('abcdefghijabcdefghij')
    const encoder = new LzmaEncoder(text, PROPERTIES)
    encoder.encode(10)
    encoder.reset()
    expect(() => decode(encoder.encode(10), 10)).toThrow('a repetition of something that was not there')
  })

  it.each<[string, Uint8Array, number]>([
    ['a chunk that is too short', HELLO.subarray(0, 4), 18],
    ['a wrong beginning', Buffer.from([1, 2, 3, 4, 5, 6]), 18],
    ['a cut chunk', HELLO.subarray(0, -2), 18],
    ['more than it says', HELLO, 10],
    ['less than it says', HELLO, 30],
  ])('refuses %s', (_, chunk, length) => {
    expect(() => decode(chunk, length)).toThrow(DecodeError)
  })
})
