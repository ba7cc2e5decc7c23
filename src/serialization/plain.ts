/**
 * What a value is made of: tells quickly whether it is plain data, and otherwise walks it for a serializer: asks
 * `toJSON`, opens boxes, refuses what no wire format can carry, and says where it was found. How each kind of value
 * looks in bytes is the serializers' matter.
 */
import { isAnyArrayBuffer, isBoxedPrimitive, isDate, isMap, isNativeError, isSet, isUint8Array } from 'node:util/types'
import { EncodeError } from '../errors.ts'
import { isPythonValue } from './values.ts'
import type { PythonValue } from './values.ts'

/**
 * How deep lists and objects may lie inside each other, in every format, both ways. Python's own recursion limit stops
 * there too, and code that walks values recursively is safe with it.
 */
export const MAX_DEPTH = 1000

/**
 * Is all of this what JSON can say: text, finite numbers, booleans, null (and undefined), plain arrays and objects, with
 * fewer than `depth` levels? Much cheaper than writing it, so `JSON.stringify` may have the usual values to itself.
 */
export function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true
    case 'number':
      return value - value === 0
    case 'object':
      return value === null || isPlainContainer(value, depth - 1)
    default:
      return false
  }
}

function isPlainContainer(container: object, depth: number): boolean {
  if (depth === 0) return false
  if (Array.isArray(container)) {
    for (const item of container) if (item !== null && !isPlain(item, depth)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(container)
  if (prototype !== Object.prototype && prototype !== null) return false
  // Inherited keys are seen here too, where somebody extended Object.prototype: at worst that takes the slow way.
  for (const key in container) {
    const item = (container as Record<string, unknown>)[key]
    if (item !== null && !isPlain(item, depth)) return false
  }
  return true
}

/** What is left once boxes are opened: each serializer decides on each of these. */
export type Unwrapped =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | PythonValue
  | Map<unknown, unknown>
  | Set<unknown>
  | readonly unknown[]
  | Readonly<Record<string, unknown>>

/** One walk through one value. Knows the way to where it is, for errors, and finds circles. Of no use after an error. */
export class Walk {
  readonly #format: string
  readonly #path: (string | number)[] = []
  readonly #open = new Set<object>()

  /** `format` is the word for errors, such as `JSON`. */
  constructor(format: string) {
    this.#format = format
  }

  /** Turn the part called `key` into one of the kinds above. Throws `EncodeError` for functions, promises and the like. */
  unwrap(value: unknown, key: string): Unwrapped {
    if (typeof value !== 'object' && typeof value !== 'function') return this.#primitive(value)
    if (value === null || isPythonValue(value) || isUint8Array(value) || isDate(value)) return value
    const toJSON: unknown = (value as { toJSON?: unknown }).toJSON
    if (typeof toJSON !== 'function') return this.#object(value)
    const said: unknown = toJSON.call(value, key)
    if (typeof said !== 'object' || said === null) return this.#primitive(said)
    return isPythonValue(said) || isUint8Array(said) || isDate(said) ? said : this.#object(said)
  }

  /** From here on, parts of `container` are walked. Throws `EncodeError` for circles and beyond 1000 levels. */
  enter(container: object): void {
    if (this.#open.has(container)) throw this.refuse('a value that contains itself')
    if (this.#open.size >= MAX_DEPTH) {
      throw new EncodeError(`${this.#format} cannot carry values nested deeper than ${String(MAX_DEPTH)} levels`)
    }
    this.#open.add(container)
    this.#path.push('')
  }

  /** The part called `key` comes next. */
  step(key: string | number): void {
    this.#path[this.#path.length - 1] = key
  }

  leave(container: object): void {
    this.#open.delete(container)
    this.#path.pop()
  }

  /** The error for something that this format has no form for. `hint` says what to do instead. */
  refuse(what: string, hint: string = ''): EncodeError {
    const where = this.#path.length === 0 ? '' : ` (at ${this.#path.slice(0, 20).map(pathStep).join('')})`
    return new EncodeError(`${this.#format} has no form for ${what}${where}${hint === '' ? '' : `: ${hint}`}`)
  }

  #primitive(value: unknown): Unwrapped {
    switch (typeof value) {
      case 'undefined':
        return null
      case 'symbol':
        throw this.refuse('a symbol')
      case 'function':
        throw this.refuse(`a function${value.name === '' ? '' : `, ${value.name}()`}`)
      default:
        return value as string | number | bigint | boolean
    }
  }

  #object(value: object): Unwrapped {
    if (typeof value === 'function') return this.#primitive(value)
    if (Array.isArray(value)) return value as readonly unknown[]
    if (isMap(value) || isSet(value)) return value
    if (isAnyArrayBuffer(value)) return new Uint8Array(value)
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return [...(value as unknown as Iterable<number>)]
    if (isBoxedPrimitive(value)) return this.#primitive(value.valueOf())
    if (isNativeError(value)) throw this.refuse(`an error (${value.name})`, 'throw it, or send its message')
    const tag = Object.prototype.toString.call(value)
    if (tag === '[object Object]') return value as Record<string, unknown>
    const hint = tag === '[object Promise]' ? 'await it first' : 'give it a toJSON() method or send plain data'
    throw this.refuse(`a ${tag.slice('[object '.length, -1)}`, hint)
  }
}

/** The key of a `Map` as the property name that JSON would make of it in Python, or undefined for other keys. */
export function keyText(key: unknown): string | undefined {
  if (typeof key === 'string') return key
  if (key === null || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key)
  return undefined
}

function pathStep(key: string | number): string {
  return typeof key === 'number' ? `[${String(key)}]` : `.${key.slice(0, 80)}`
}
