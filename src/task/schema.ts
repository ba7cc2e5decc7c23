/**
 * Checks the arguments of a task with any Standard Schema (https://standardschema.dev): zod, valibot, arktype and
 * others. The interface is written out here, so no library is needed. Which argument is which is `parameters.ts`.
 */
import { ImproperlyConfigured } from '../errors.ts'
import type { Parameters } from './parameters.ts'

/** Standard Schema, version 1: what schema libraries offer under `~standard`. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    /** The library's name. */
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** For the compiler only; never there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What `validate` answers: the value, possibly another than was given, or what is wrong with it. */
export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

/** One thing that is wrong, and where. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * The schema of a task's arguments: a list with one schema for each parameter, or one schema of the whole list.
 *
 *     schema: [z.string(), z.number().optional()]          // the simple way
 *     schema: z.tuple([z.string()]).rest(z.number())       // where the list as a whole has rules
 *
 * In a list, an argument that is left out is `undefined` to its schema, which may take it or fill in a default.
 */
export type ArgumentsSchema = StandardSchema | readonly StandardSchema[]

type InputOf<S> = S extends StandardSchema ? NonNullable<S['~standard']['types']>['input'] : never
type OutputOf<S> = S extends StandardSchema ? NonNullable<S['~standard']['types']>['output'] : never

/** Arguments at the end that may be undefined can be left out. */
type OptionalTail<T extends unknown[]> = T extends [...infer Head, infer Last]
  ? undefined extends Last
    ? [...OptionalTail<Head>, Last?]
    : T
  : T

type AsArguments<T> = T extends readonly unknown[] ? [...T] : never

/** What callers give: the schema's input. It is what travels, unchanged. */
export type SchemaInput<S extends ArgumentsSchema> = S extends readonly StandardSchema[]
  ? OptionalTail<AsArguments<{ -readonly [K in keyof S]: InputOf<S[K]> }>>
  : AsArguments<InputOf<S>>

/** What the function gets: the schema's output, made in the worker. */
export type SchemaOutput<S extends ArgumentsSchema> = S extends readonly StandardSchema[]
  ? { -readonly [K in keyof S]: OutputOf<S[K]> }
  : AsArguments<OutputOf<S>>

/** At most so many issues are told; a long list of bad items would fill the result backend. */
const MOST_ISSUES = 5

/** Throws `ImproperlyConfigured` for something that is no schema: ask when a task is registered. */
export function checkSchema(task: string, schema: unknown): asserts schema is ArgumentsSchema {
  const wrong = (Array.isArray(schema) ? schema : [schema]).some((one) => !isStandardSchema(one))
  if (!wrong) return
  throw new ImproperlyConfigured(
    `${task}: schema must be a Standard Schema (https://standardschema.dev), such as one of zod, valibot or arktype, or a list of them`,
  )
}

/**
 * Check positional arguments, bound before, and answer what the schema makes of them; a promise where the schema needs
 * one. A worker calls the function with the answer; a caller only wants to know, and sends what it was given.
 * Throws (or rejects with) `TypeError` that names each argument and what is wrong; its `cause` is the list of issues.
 */
export function validateArguments(
  schema: ArgumentsSchema,
  args: readonly unknown[],
  parameters?: Pick<Parameters, 'label' | 'names'>,
): readonly unknown[] | Promise<readonly unknown[]> {
  const finish = (result: SchemaResult<unknown>): readonly unknown[] => listOf(result, parameters)
  const result = isList(schema) ? validateEach(schema, args) : schema['~standard'].validate(args)
  return isPromise(result) ? result.then(finish) : finish(result)
}

function isList(schema: ArgumentsSchema): schema is readonly StandardSchema[] {
  return Array.isArray(schema)
}

/** arktype's schemas are functions. */
function isStandardSchema(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const standard: unknown = Reflect.get(value, '~standard')
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  )
}

/** Whatever has a `then`: a library may bring its own promises. */
function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function validateEach(
  schemas: readonly StandardSchema[],
  args: readonly unknown[],
): SchemaResult<unknown[]> | Promise<SchemaResult<unknown[]>> {
  if (args.length > schemas.length) {
    const surplus = `${String(args.length)} were given, ${String(schemas.length)} have a schema`
    return { issues: [{ message: surplus }] }
  }
  const results = schemas.map((schema, index) => schema['~standard'].validate(args[index]))
  if (!results.some(isPromise)) return combine(results as SchemaResult<unknown>[])
  return Promise.all(results.map((result) => Promise.resolve(result))).then(combine)
}

function combine(results: readonly SchemaResult<unknown>[]): SchemaResult<unknown[]> {
  const issues = results.flatMap((result, index) =>
    (result.issues ?? []).map(({ message, path = [] }) => ({ message, path: [index, ...path] })),
  )
  return issues.length > 0
    ? { issues }
    : { value: results.map((result) => ('value' in result ? result.value : undefined)) }
}

function listOf(
  result: SchemaResult<unknown>,
  parameters: Pick<Parameters, 'label' | 'names'> | undefined,
): readonly unknown[] {
  const { issues } = result
  if (issues === undefined) {
    if (Array.isArray(result.value)) return result.value as unknown[]
    throw new TypeError(
      `${subject(parameters)}: the schema made no list of the arguments, so the function cannot be called`,
    )
  }
  const told = issues.slice(0, MOST_ISSUES).map((issue) => describe(issue, parameters?.names ?? []))
  const more = issues.length - told.length
  if (more > 0) told.push(`and ${String(more)} more`)
  throw new TypeError(`${subject(parameters)}: ${told.join('; ')}`, { cause: issues })
}

function subject(parameters: Pick<Parameters, 'label' | 'names'> | undefined): string {
  return parameters === undefined ? 'Invalid arguments' : `${parameters.label}() got invalid arguments`
}

/** `url: expected a string`, `options.depth: ...`, `argument 2[0]: ...` where a parameter has no name. */
function describe({ message, path = [] }: SchemaIssue, names: readonly (string | undefined)[]): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment))
  const place = keys.map((key, depth) => (depth === 0 ? nameOf(key, names) : step(key))).join('')
  return place === '' ? message : `${place}: ${message}`
}

function nameOf(key: PropertyKey, names: readonly (string | undefined)[]): string {
  const index = Number(key)
  return names[index] ?? (Number.isInteger(index) ? `argument ${String(index + 1)}` : String(key))
}

function step(key: PropertyKey): string {
  return typeof key === 'number' ? `[${String(key)}]` : `.${String(key)}`
}
