import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { bufferOf, messageOf, textOf } from '../../../src/serialization/body.ts'

describe('textOf', () => {
  it('takes text and UTF-8, from any part of a buffer', () => {
    expect(textOf('é')).toBe('é')
    expect(textOf(Buffer.from('é\ufffd'))).toBe('é\ufffd')
    expect(textOf(new Uint8Array(Buffer.from('xéx')).subarray(1, 3))).toBe('é')
  })

  it('refuses other bytes', () => {
    expect(() => textOf(Uint8Array.of(0x61, 0xff))).toThrow(DecodeError)
  })
})

describe('bufferOf', () => {
  it('is a view of the same bytes', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    bufferOf(bytes.subarray(1))[0] = 9
    expect([...bytes]).toEqual([1, 9, 3])
    const buffer = Buffer.from('x')
    expect(bufferOf(buffer)).toBe(buffer)
  })
})

describe('messageOf', () => {
  it('finds words for whatever was thrown', () => {
    expect([new Error('a'), 'b', 3, undefined].map(messageOf)).toEqual(['a', 'b', '3', 'undefined'])
  })
})
