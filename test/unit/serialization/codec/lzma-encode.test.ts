import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LzmaDecoder } from '../../../../src/serialization/codec/lzma-decode.ts'
import { LzmaEncoder } from '../../../../src/serialization/codec/lzma-encode.ts'
import { Output } from '../../../../src/serialization/codec/output.ts'

/** Encode in chunks of these lengths, and decode them again. */
function back(bytes: Uint8Array, chunk: number, properties = { lc: 3, lp: 0, pb: 2 }): Buffer {
  const encoder = new LzmaEncoder(bytes, properties)
  const output = new Output(1_000_000, 0)
  const decoder = new LzmaDecoder(output, properties, 0)
  for (let start = 0; start < bytes.length; start += chunk) {
    const length = Math.min(chunk, bytes.length - start)
    decoder.decode(encoder.encode(length), length)
  }
  return output.take()
}

describe('LzmaEncoder', () => {
  it('writes what LzmaDecoder reads, in chunks of any length and with any properties', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ max: 1, maxLength: 30 }))
    const bytes = fc
      .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(7), { maxLength: 30 }))
      .map(([pieces, order]) =>
        Buffer.concat([...pieces, ...order.map((index) => pieces[index % pieces.length] ?? Buffer.alloc(0))]),
      )
    const properties = fc.constantFrom({ lc: 3, lp: 0, pb: 2 }, { lc: 0, lp: 2, pb: 0 }, { lc: 4, lp: 0, pb: 4 })
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 100 }), properties, (data, chunk, how) => {
        expect(back(data, chunk, how).equals(data)).toBe(true)
      }),
    )
  })

  it('finds repetitions near and far, and carries over all bytes', () => {
    const far = Buffer.concat([
      Buffer.from('0123456789abcdef'),
      Buffer.alloc(300_000, 'xy'),
      Buffer.from('0123456789abcdef'),
    ])
    expect(back(far, 40_000).equals(far)).toBe(true)
    expect(new LzmaEncoder(far, { lc: 3, lp: 0, pb: 2 }).encode(far.length).length).toBeLessThan(200)
    const carries = Buffer.alloc(20_000, 0xff)
    expect(back(carries, 20_000).equals(carries)).toBe(true)
  })

  it('forgets on demand', () => {
    const bytes = Buffer.from('the same again and the same again')
    const encoder = new LzmaEncoder(bytes, { lc: 3, lp: 0, pb: 2 })
    const output = new Output(1000, 0)
    encoder.encode(10)
    encoder.reset()
    output.append(bytes.subarray(0, 10))
    new LzmaDecoder(output, { lc: 3, lp: 0, pb: 2 }, 0).decode(encoder.encode(bytes.length - 10), bytes.length - 10)
    expect(output.take().equals(bytes)).toBe(true)
  })
})
