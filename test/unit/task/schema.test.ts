import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { readParameters } from '../../../src/task/parameters.ts'
import { checkSchema, validateArguments } from '../../../src/task/schema.ts'
import type { SchemaInput, SchemaOutput, StandardSchema } from '../../../src/task/schema.ts'

const parameters = readParameters((url: string, options: object) => [url, options], { name: 'proj.fetch' })

/** A schema as another library might bring it: a function, with promises and paths of its own making. */
function slowNumber(): StandardSchema<string, number> {
  const standard: StandardSchema<string, number>['~standard'] = {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      Promise.resolve(
        Number.isFinite(Number(value))
          ? { value: Number(value) }
          : { issues: [{ message: 'no number', path: [{ key: 'deep' }] }] },
      ),
  }
  return Object.assign(() => undefined, { '~standard': standard })
}

describe('validateArguments', () => {
  const each = [z.string(), z.object({ depth: z.number().default(1), tags: z.array(z.string()).optional() })] as const

  it('gives what the schemas make of each argument', () => {
    expect(validateArguments(each, ['a', {}])).toEqual(['a', { depth: 1 }])
    expect(validateArguments([z.string(), z.number().default(7)], ['a'])).toEqual(['a', 7])
    expect(validateArguments([], [])).toEqual([])
  })

  it('gives what one schema makes of the list', () => {
    const schema = z.tuple([z.coerce.date()]).rest(z.number())
    expect(validateArguments(schema, ['2026-01-01', 1, 2])).toEqual([new Date('2026-01-01'), 1, 2])
    expect(validateArguments(z.tuple([z.string(), z.number().optional()]), ['a'])).toEqual(['a'])
  })

  it('waits for schemas that need it', async () => {
    await expect(validateArguments([z.string(), slowNumber()], ['a', '2'])).resolves.toEqual(['a', 2])
    const unique = z.tuple([z.string()]).refine(async ([name]) => Promise.resolve(name !== 'taken'), 'is taken')
    await expect(validateArguments(unique, ['free'])).resolves.toEqual(['free'])
    await expect(validateArguments(unique, ['taken'])).rejects.toThrow(new TypeError('Invalid arguments: is taken'))
    await expect(validateArguments([slowNumber()], ['x'])).rejects.toThrow('argument 1.deep: no number')
  })

  it('says which argument is wrong, and where', () => {
    const wrong = (): unknown => validateArguments(each, [1, { tags: ['x', 2] }], parameters)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(
      'fetch() got invalid arguments: url: Invalid input: expected string, received number; ' +
        'options.tags[1]: Invalid input: expected string, received number',
    )
    expect(() =>
      validateArguments(z.tuple([z.string(), z.object({ depth: z.int() })]), ['a', { depth: 1.5 }], parameters),
    ).toThrow(/fetch\(\) got invalid arguments: options\.depth: /)
    expect(() => validateArguments([z.array(z.number())], [['x']])).toThrow(/^Invalid arguments: argument 1\[0\]: /)
  })

  it('keeps the issues, and tells five of them', () => {
    const args = [Array.from({ length: 9 }, () => 'x')]
    let thrown: unknown
    try {
      void validateArguments([z.array(z.number())], args)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(TypeError)
    expect((thrown as TypeError).cause).toHaveLength(9)
    expect((thrown as TypeError).message).toMatch(/argument 1\[4\]: [^;]*; and 4 more$/)
  })

  it('refuses arguments that have no schema', () => {
    expect(() => validateArguments([z.string()], ['a', 'b'], parameters)).toThrow(
      new TypeError('fetch() got invalid arguments: 2 were given, 1 have a schema'),
    )
  })

  it('refuses a schema that makes something else of the list', () => {
    expect(() => validateArguments(z.tuple([z.string()]).transform(String), ['a'], parameters)).toThrow(
      'the schema made no list of the arguments',
    )
  })
})

describe('checkSchema', () => {
  it.each([z.string(), [], [z.string()], slowNumber()])('takes schemas', (schema) => {
    expect(() => {
      checkSchema('proj.add', schema)
    }).not.toThrow()
  })

  it.each([null, {}, { '~standard': {} }, [z.string(), undefined], () => true, 'string'])('refuses %o', (schema) => {
    expect(() => {
      checkSchema('proj.add', schema)
    }).toThrow(ImproperlyConfigured)
  })
})

describe('types', () => {
  it('flow from the schema to callers and to the function', () => {
    const each = [z.string(), z.coerce.number<string>(), z.boolean().optional()] as const
    const whole = z.tuple([z.string(), z.coerce.number<string>()])
    const rest = z.tuple([z.string()]).rest(z.number())
    expectTypeOf<SchemaInput<typeof each>>().toEqualTypeOf<[string, string, (boolean | undefined)?]>()
    expectTypeOf<SchemaOutput<typeof each>>().toEqualTypeOf<[string, number, boolean | undefined]>()
    expectTypeOf<SchemaInput<typeof whole>>().toEqualTypeOf<[string, string]>()
    expectTypeOf<SchemaOutput<typeof whole>>().toEqualTypeOf<[string, number]>()
    expectTypeOf<SchemaInput<typeof rest>>().toEqualTypeOf<[string, ...number[]]>()
    expectTypeOf<SchemaInput<readonly []>>().toEqualTypeOf<[]>()
    expect(validateArguments(each, ['a', '2'])).toEqual(['a', 2, undefined])
    expect(validateArguments(whole, ['a', '2'])).toEqual(['a', 2])
    expect(validateArguments(rest, ['a', 2, 3])).toEqual(['a', 2, 3])
  })
})
