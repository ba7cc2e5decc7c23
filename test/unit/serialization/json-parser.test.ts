import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import { parsePythonJson } from '../../../src/serialization/json-parser.ts'

describe('parsePythonJson', () => {
  it('reads the literals that Python writes', () => {
    expect(parsePythonJson('[NaN, Infinity, -Infinity, true, false, null]')).toEqual([
      NaN,
      Infinity,
      -Infinity,
      true,
      false,
      null,
    ])
  })

  it('reads whole numbers of any size', () => {
    expect(
      parsePythonJson('[9007199254740991, 9007199254740993, -9007199254740993, 1e2, 12345678901234567890.0]'),
    ).toEqual([9007199254740991, 9007199254740993n, -9007199254740993n, 100, 12345678901234567000])
  })

  it('agrees with JSON.parse on JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 2 }), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), null, space)
        fc.pre(!/\d{16}/.test(spaced))
        expect(parsePythonJson(spaced)).toEqual(JSON.parse(spaced))
      }),
    )
  })

  it('agrees with JSON.parse on what is not JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'[ ] { } " , : \\ 0 1 - . e E t r u f a l s n'.split(' '), ' ') }),
        (text) => {
          const parse = (): unknown => JSON.parse(text)
          const [ours, theirs] = [parsePythonJson, parse].map((read) => {
            try {
              return { value: read(text) }
            } catch (error) {
              return { failed: error instanceof DecodeError || error instanceof SyntaxError }
            }
          })
          expect(ours).toEqual(theirs)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('makes `__proto__` a key like any other', () => {
    const value = parsePythonJson('{"__proto__": {"polluted": 1}, "n": NaN}') as object
    expect(Object.keys(value)).toEqual(['__proto__', 'n'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('polluted' in value).toBe(false)
  })

  it('says where the text is wrong', () => {
    expect(() => parsePythonJson('[NaN,]')).toThrow('The JSON text has an unexpected "]" at position 5')
    expect(() => parsePythonJson('[NaN')).toThrow('The JSON text ends too early at position 4')
    expect(() => parsePythonJson('["\u0001", NaN]')).toThrow('a broken string at position 1')
    expect(() => parsePythonJson('NaN NaN')).toThrow(DecodeError)
  })

  it('takes long strings and refuses deep nesting and endless numbers', () => {
    const long = 'x\\n'.repeat(1_000_000)
    expect(parsePythonJson(`["${long}", NaN]`)).toHaveProperty('0.length', 2_000_000)
    expect(() => parsePythonJson('['.repeat(100_000))).toThrow('nested deeper than 1000 levels')
    expect(() => parsePythonJson('9'.repeat(5000))).toThrow('more than 4300 digits')
  })
})
