import { describe, expect, it } from 'vitest'
import { crc64 } from '../../../../src/serialization/codec/checksum.ts'

describe('crc64', () => {
  it('is that of xz', () => {
    expect(crc64(Buffer.alloc(0))).toBe(0n)
    expect(crc64(Buffer.from('123456789'))).toBe(0x995dc9bbdf1939fan)
  })
})
