import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { EncodeError } from '../../../src/errors.ts'
import { encodeJson } from '../../../src/serialization/json.ts'
import { isPlain, keyText, MAX_DEPTH, Walk } from '../../../src/serialization/plain.ts'
import { Decimal } from '../../../src/serialization/values.ts'
import { nest } from './arbitraries.ts'

const unwrap = (value: unknown): unknown => new Walk('JSON').unwrap(value, 'k')

describe('isPlain', () => {
  it.each<[unknown]>([
    [null],
    [undefined],
    [''],
    [1],
    [false],
    [[]],
    [{}],
    [Object.create(null)],
    [[1, { a: [undefined] }]],
    // eslint-disable-next-line no-sparse-arrays
    [[1, , 2]],
  ])('is true for %o', (value) => {
    expect(isPlain(value, 10)).toBe(true)
  })

  it.each<[unknown]>([
    [NaN],
    [Infinity],
    [1n],
    [Symbol('s')],
    [() => 1],
    [new Date()],
    [new Map()],
    [[new Set()]],
    [{ a: { b: NaN } }],
    [{ toJSON: () => 1 }],
    [Buffer.alloc(1)],
    [new Decimal('1')],
  ])('is false for %o', (value) => {
    expect(isPlain(value, 10)).toBe(false)
  })

  it('is false beyond the depth, and for circles', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(isPlain(nest(9), 10)).toBe(true)
    expect(isPlain(nest(10), 10)).toBe(false)
    expect(isPlain(circle, MAX_DEPTH)).toBe(false)
  })
})

describe('Walk.unwrap', () => {
  it('asks toJSON with the key, of objects and functions', () => {
    expect(unwrap({ toJSON: (key: string) => `said ${key}` })).toBe('said k')
    expect(unwrap(Object.assign(() => 1, { toJSON: () => ({ a: 1 }) }))).toEqual({ a: 1 })
    const date = new Date()
    expect(unwrap({ toJSON: () => date })).toBe(date)
  })

  it('opens boxes and buffers', () => {
    expect(unwrap(Object('text'))).toBe('text')
    expect(unwrap(new Uint8Array([1, 2]).buffer)).toEqual(new Uint8Array([1, 2]))
    expect(unwrap(new Float32Array([1, 2.5]))).toEqual([1, 2.5])
    expect(unwrap(undefined)).toBeNull()
  })

  it('knows values of another realm', () => {
    expect(encodeJson(runInNewContext('({ map: new Map([[1, 2n]]), date: new Date(0) })'))).toContain(
      '{"map":{"1":2},"date":{',
    )
    expect(() => unwrap(runInNewContext('Promise.resolve()'))).toThrow('await it first')
  })

  it.each<[string, unknown, string]>([
    ['function', function greet() {}, 'JSON has no form for a function, greet()'],
    ['symbol', Symbol('s'), 'JSON has no form for a symbol'],
    ['promise', Promise.resolve(1), 'JSON has no form for a Promise: await it first'],
    ['error', new TypeError('x'), 'JSON has no form for an error (TypeError): throw it, or send its message'],
    ['regexp', /x/, 'JSON has no form for a RegExp: give it a toJSON() method or send plain data'],
    ['weak map', new WeakMap(), 'WeakMap'],
    ['view', new DataView(new ArrayBuffer(1)), 'DataView'],
  ])('refuses a %s', (_, value, message) => {
    expect(() => unwrap(value)).toThrow(EncodeError)
    expect(() => unwrap(value)).toThrow(message)
  })
})

describe('Walk', () => {
  it('says where it is', () => {
    const walk = new Walk('JSON')
    walk.enter([])
    walk.step(3)
    walk.enter({})
    walk.step('name')
    expect(walk.refuse('this', 'that').message).toBe('JSON has no form for this (at [3].name): that')
  })

  it('refuses circles, and takes a value again after it was left', () => {
    const walk = new Walk('JSON')
    const list: unknown[] = []
    walk.enter(list)
    expect(() => walk.enter(list)).toThrow('a value that contains itself')
    walk.leave(list)
    expect(() => walk.enter(list)).not.toThrow()
  })
})

describe('keyText', () => {
  it('takes what Python makes a text of', () => {
    expect([1, 'a', null, true, 5n].map(keyText)).toEqual(['1', 'a', 'null', 'true', '5'])
    expect(keyText({})).toBeUndefined()
  })
})
