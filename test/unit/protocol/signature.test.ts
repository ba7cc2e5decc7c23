import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidTaskError } from '../../../src/errors.ts'
import { isSignatureData, readSignature, signatureData } from '../../../src/protocol/signature.ts'

const whole = { task: 'add', args: [1], kwargs: { z: 2 }, options: {}, subtask_type: null, immutable: true }

describe('signatureData', () => {
  it('has all fields in Python’s order, whatever the order they came in', () => {
    expect(JSON.stringify(signatureData({ immutable: true, chord_size: 3, args: [1], task: 'add' }))).toBe(
      '{"task":"add","args":[1],"kwargs":{},"options":{},"subtask_type":null,"immutable":true,"chord_size":3}',
    )
  })
})

describe('isSignatureData', () => {
  it('takes whole signatures only', () => {
    expect(isSignatureData(whole)).toBe(true)
    expect(isSignatureData({ ...whole, subtask_type: 'group', chord_size: 2 })).toBe(true)
    for (const field of Object.keys(whole)) {
      expect(isSignatureData({ ...whole, [field]: undefined })).toBe(false)
    }
    expect(isSignatureData([whole])).toBe(false)
    expect(isSignatureData({ ...whole, kwargs: [] })).toBe(false)
  })
})

describe('readSignature', () => {
  it('hands a whole one on, and completes others', () => {
    expect(readSignature(whole)).toBe(whole)
    expect(readSignature({ task: 'add', args: null, x: 1 })).toEqual({
      ...{ task: 'add', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false },
      x: 1,
    })
  })

  it.each([
    ['add', "it is 'add', not an object"],
    [null, 'it is None'],
    [{}, '"task" is None, not a name'],
    [{ task: 1 }, '"task" is 1'],
    [{ task: 'add', args: 'x' }, '"args" are \'x\', not a list'],
    [{ task: 'add', kwargs: [] }, '"kwargs" are []'],
    [{ task: 'add', options: 1 }, '"options" are 1'],
    [{ task: 'add', subtask_type: 1 }, '"subtask_type" is 1'],
    [{ task: 'add', immutable: 'yes' }, '"immutable" is \'yes\', not true or false'],
  ])('refuses %j', (value, reason) => {
    expect(() => readSignature(value)).toThrow(InvalidTaskError)
    expect(() => readSignature(value)).toThrow(reason)
  })

  it('answers a whole signature or an error of ours for anything', () => {
    const near = fc.record(
      {
        task: fc.oneof(fc.string(), fc.jsonValue()),
        args: fc.jsonValue(),
        kwargs: fc.jsonValue(),
        options: fc.jsonValue(),
        subtask_type: fc.jsonValue(),
        immutable: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), (value) => {
        try {
          expect(isSignatureData(readSignature(value))).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidTaskError)
        }
      }),
    )
  })

  it('does not mind any depth', () => {
    let chain: unknown = whole
    for (let level = 0; level < 100_000; level += 1) chain = { task: 'add', kwargs: { tasks: [chain] } }
    expect(readSignature(chain).task).toBe('add')
  })
})
