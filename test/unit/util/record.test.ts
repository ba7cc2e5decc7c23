import { describe, expect, it } from 'vitest'
import { isRecord, setField } from '../../../src/util/record.ts'

describe('isRecord', () => {
  it.each([{}, { a: 1 }, Object.create(null) as object, JSON.parse('{"__proto__": 1}') as object])(
    'takes %j',
    (value) => {
      expect(isRecord(value)).toBe(true)
    },
  )

  it.each([null, undefined, 1, 'x', [], new Date(0), new Map(), Buffer.from('x'), new Error('x'), (): void => {}])(
    'refuses %s',
    (value) => {
      expect(isRecord(value)).toBe(false)
    },
  )
})

describe('setField', () => {
  it('sets a field', () => {
    const record = {}
    setField(record, 'a', 1)
    expect(record).toEqual({ a: 1 })
  })

  it('never changes the prototype', () => {
    const record: Record<string, unknown> = {}
    setField(record, '__proto__', { polluted: true })
    expect(record['polluted']).toBeUndefined()
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
    expect(JSON.stringify(record)).toBe('{"__proto__":{"polluted":true}}')
  })
})
