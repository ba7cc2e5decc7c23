import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decompressBzip2 } from '../../../../src/serialization/codec/bzip2-decode.ts'
import { compressBzip2 } from '../../../../src/serialization/codec/bzip2-encode.ts'

const back = (bytes: Uint8Array): Buffer => decompressBzip2(compressBzip2(bytes), 2 ** 28)

describe('compressBzip2', () => {
  it('writes what Python writes, where there is no choice', () => {
    expect(compressBzip2(Buffer.alloc(0)).toString('base64')).toBe('QlpoORdyRThQkAAAAAA=')
  })

  it('shortens runs of any length', () => {
    for (const length of [1, 3, 4, 5, 254, 255, 256, 259, 260, 510, 1000]) {
      const run = Buffer.concat([Buffer.alloc(length, 97), Buffer.from('b'), Buffer.alloc(length, 97)])
      expect(back(run).equals(run)).toBe(true)
    }
  })

  it('brings back bytes of all kinds', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 300 }))), (runs) => {
        const bytes = Buffer.concat(runs.map(([byte, length]) => Buffer.alloc(length, byte)))
        expect(back(bytes).equals(bytes)).toBe(true)
      }),
    )
  })

  it('writes several blocks, and codes that are not too long', () => {
    const random = randomBytes(1_000_000)
    expect(back(random).equals(random)).toBe(true)
    // Each byte is twice as frequent as the next: Huffman's own code would take more than 17 bits.
    const source = randomBytes(4 * 880_000)
    const steep = Buffer.alloc(880_000)
    for (let at = 0; at < steep.length; at += 1) steep[at] = Math.clz32(source.readUInt32LE(4 * at))
    expect(back(steep).equals(steep)).toBe(true)
  })
})
