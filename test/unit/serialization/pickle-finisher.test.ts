import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { finish } from '../../../src/serialization/pickle-finisher.ts'
import { DictNode, findGlobal } from '../../../src/serialization/pickle-globals.ts'
import { Decimal } from '../../../src/serialization/values.ts'
import { nest } from './arbitraries.ts'

describe('finish', () => {
  it('leaves plain values alone', () => {
    const bytes = Buffer.from('x')
    const decimal = new Decimal('1')
    expect([null, 1, 'a', bytes, decimal].map(finish)).toEqual([null, 1, 'a', bytes, decimal])
    expect(finish(decimal)).toBe(decimal)
  })

  it('makes objects of dicts, and a Map where a key is no text', () => {
    const value = finish([new DictNode([['__proto__', 1]]), new DictNode([[1, new DictNode()]])]) as [object, unknown]
    expect(Object.entries(value[0])).toEqual([['__proto__', 1]])
    expect(value[1]).toEqual(new Map([[1, {}]]))
  })

  it('asks instances, wherever they are', () => {
    const error = findGlobal('builtins', 'ValueError')?.make([[new DictNode([['a', 1]])]])
    const record = { exc_type: 'ValueError', exc_message: [[{ a: 1 }]], exc_module: 'builtins' }
    expect(finish(new Set([error, [error]]))).toEqual(new Set([record, [record]]))
  })

  it('keeps what is shared and what contains itself', () => {
    const shared = new DictNode([['a', 1]])
    shared.entries.set('self', shared)
    const value = finish([shared, shared]) as [{ self: unknown }, unknown]
    expect(value[0]).toBe(value[1])
    expect(value[0].self).toBe(value[0])
  })

  it('refuses deep nesting, also by way of something shared', () => {
    expect(finish(nest(1000))).toEqual(nest(1000))
    expect(() => finish(nest(1001))).toThrow(DecodeError)
    const shared = nest(600)
    let deep: unknown = shared
    for (let level = 0; level < 500; level += 1) deep = [deep]
    expect(() => finish([shared, deep])).toThrow('nested deeper than 1000 levels')
  })

  it('refuses a class as a value', () => {
    expect(() => finish([findGlobal('builtins', 'set')])).toThrow('the class or function builtins.set as a value')
  })
})
