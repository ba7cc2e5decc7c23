import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src/errors.ts'
import { Output, tooLong } from '../../../../src/serialization/codec/output.ts'

describe('Output', () => {
  it('grows as it is written', () => {
    const output = new Output(10_000, 1)
    output.fill(97, 1)
    output.fill(98, 600)
    output.append(Buffer.from('cde'))
    expect(output.length).toBe(604)
    expect(output.take(600).toString()).toBe('bcde')
    expect(output.take()).toHaveLength(604)
    expect([output.back(1), output.back(604), output.back(605)]).toEqual([101, 97, 0])
  })

  it('repeats what was written, even while it is written', () => {
    const output = new Output(10_000, 1)
    output.append(Buffer.from('abc'))
    output.repeat(3, 2)
    output.repeat(2, 7)
    expect(output.take().toString()).toBe('abcabababababab'.slice(0, 12))
  })

  it('stops at the limit', () => {
    const output = new Output(1000, 2000)
    output.fill(1, 1000)
    expect(() => output.fill(1, 1)).toThrow(DecodeError)
    expect(() => output.append(Buffer.from('x'))).toThrow(tooLong(1000).message)
    expect(() => output.repeat(1, 1)).toThrow(DecodeError)
    expect(output.take()).toHaveLength(1000)
  })
})
