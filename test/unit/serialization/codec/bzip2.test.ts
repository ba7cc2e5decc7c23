import { describe, expect, it } from 'vitest'
import { addToCrc, combineCrc, finishCrc } from '../../../../src/serialization/codec/bzip2.ts'

const crc = (text: string): number => finishCrc(Buffer.from(text).reduce(addToCrc, -1))

describe('the checksum of bzip2', () => {
  it('is the CRC-32 with the highest bit first', () => {
    expect(crc('')).toBe(0)
    expect(crc('123456789')).toBe(0xfc891918)
  })

  it('is turned by one bit for each block', () => {
    expect(combineCrc(0, 5)).toBe(5)
    expect(combineCrc(0x80000001, 0)).toBe(3)
    expect(combineCrc(0xffffffff, 0x0f)).toBe(0xfffffff0)
  })
})
