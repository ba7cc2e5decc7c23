/**
 * JSON as kombu speaks it: dates, decimals, UUIDs and bytes travel as `{"__type__": T, "__value__": V}`. Plain data
 * goes straight through `JSON.stringify` and `JSON.parse`; everything else takes a slower way that loses nothing.
 *
 * | Python              | here                                                                      |
 * |---------------------|---------------------------------------------------------------------------|
 * | int                 | `number`; `bigint` beyond 2^53, even if a whole `number` was written      |
 * | float               | `number`, NaN and the infinities too (as the literals that Python writes) |
 * | datetime            | `PythonDateTime` (a `Date` that keeps its text); any `Date` when writing  |
 * | date, time          | `PythonDate`, `PythonTime`                                                |
 * | Decimal, UUID       | `Decimal`, `Uuid`                                                         |
 * | bytes               | `Uint8Array` (also `ArrayBuffer` when writing)                            |
 * | list, tuple         | array (typed arrays of numbers too when writing)                          |
 * | dict                | object (`Map` too when writing)                                           |
 *
 * `toJSON` is honoured; `undefined` is dropped in objects and null elsewhere. A `Set` is refused, as in Python.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { DecodeError, EncodeError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import { bufferOf, messageOf, textOf } from './body.ts'
import { parsePythonJson } from './json-parser.ts'
import { formatIso8601 } from '../util/iso8601.ts'
import { setField } from '../util/record.ts'
import { isPlain, keyText, MAX_DEPTH, Walk } from './plain.ts'
import type { Serializer } from './serializer.ts'
import { Decimal, isPythonValue, PythonDate, PythonDateTime, PythonTime, Uuid } from './values.ts'
import type { PythonValue } from './values.ts'

export const json: Serializer = {
  name: 'json',
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  encode: encodeJson,
  decode: decodeJson,
}

/** Always answers text. Throws `EncodeError` for what JSON cannot say, naming where in the value it is. */
export function encodeJson(value: unknown): string {
  try {
    return isPlain(value, MAX_DEPTH + 1) ? JSON.stringify(value ?? null) : new JsonWriter().write(value, '')
  } catch (error) {
    if (error instanceof EncodeError) throw error
    // A getter or a toJSON() that throws, or text beyond what a string can hold.
    throw new EncodeError(`The value cannot be written as JSON: ${messageOf(error)}`, { cause: error })
  }
}

/** Bytes are taken for UTF-8. Throws `DecodeError` for malformed text, unknown tags and nesting beyond 1000 levels. */
export function decodeJson(body: Body): unknown {
  const text = textOf(body)
  const value = text.length < MAX_SHORT ? parseShort(text) : parseLong(text)
  return text.includes('__type__') ? revive(value) : value
}

/** Text below this length cannot be nested too deep. */
const MAX_SHORT = 2 * MAX_DEPTH

/** Short text is looked through before it is parsed: that is the cheapest way to find what `JSON.parse` would spoil. */
function parseShort(text: string): unknown {
  return hasLongInteger(text) ? parsePythonJson(text) : parse(text)
}

/** Of long text the parsed value is looked through, which costs less and finds deep nesting too. */
function parseLong(text: string): unknown {
  const value = parse(text)
  return isSound(value, MAX_DEPTH + 1) ? value : parsePythonJson(text)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (text.includes('NaN') || text.includes('Infinity')) return parsePythonJson(text)
    throw new DecodeError(`The body is not valid JSON: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Is there a whole number of 16 digits or more, which a `number` may not hold? Looks at every 16th character only, for
 * such a run cannot lie between two of them. Digits inside a text may answer yes too: that costs time, nothing else.
 */
function hasLongInteger(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    let start = at
    while (at - start < 16 && isDigit(text.charCodeAt(start))) start -= 1
    // What else may stand before digits: the point of a float, the quote of a text. Both are common, and no reason.
    if (start === at || (start >= 0 && !' \t\n\r,:[-'.includes(text.charAt(start)))) continue
    let end = at + 1
    while (end - start <= 16 && isDigit(text.charCodeAt(end))) end += 1
    if (end - start > 16) return true
  }
  return false
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Fewer than `depth` levels, and no number that may have lost digits? */
function isSound(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER
  if (typeof value !== 'object' || value === null) return true
  if (depth === 1) return false
  if (Array.isArray(value)) {
    for (const item of value) if (!isSound(item, depth - 1)) return false
    return true
  }
  for (const key in value) if (!isSound((value as Record<string, unknown>)[key], depth - 1)) return false
  return true
}

/** Replace tagged values in place, the innermost first. The nesting is checked by now. */
function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = revive(value[index])
    return value
  }
  const object = value as Record<string, unknown>
  const keys = Object.keys(object)
  for (const key of keys) {
    const item = object[key]
    if (typeof item === 'object' && item !== null) setField(object, key, revive(item))
  }
  const tagged = keys.length === 2 && Object.hasOwn(object, '__type__') && Object.hasOwn(object, '__value__')
  return tagged ? reviveTagged(object['__type__'], object['__value__']) : object
}

function reviveTagged(type: unknown, value: unknown): unknown {
  const read = typeof type === 'string' ? READERS.get(type) : undefined
  if (read === undefined) {
    throw new DecodeError(`The JSON text has a value of the unknown __type__ ${JSON.stringify(type).slice(0, 80)}`)
  }
  try {
    return read(value)
  } catch (error) {
    throw new DecodeError(`The JSON text has a broken ${String(type)}: ${messageOf(error)}`, { cause: error })
  }
}

const READERS: ReadonlyMap<string, (value: unknown) => unknown> = new Map<string, (value: unknown) => unknown>([
  ['datetime', (value) => new PythonDateTime(stringOf(value))],
  // Python reads a date through datetime.fromisoformat(), so a time after it is allowed, and dropped.
  ['date', (value) => new PythonDate(new PythonDateTime(stringOf(value)).isoformat().slice(0, 10))],
  ['time', (value) => new PythonTime(stringOf(value))],
  ['decimal', (value) => new Decimal(stringOf(value))],
  ['uuid', (value) => new Uuid(stringOf((value as { hex?: unknown } | null)?.hex))],
  ['bytes', (value) => Buffer.from(stringOf(value))],
  ['base64', (value) => readBase64(stringOf(value))],
])

function stringOf(value: unknown): string {
  if (typeof value !== 'string') throw new DecodeError('a text was expected')
  return value
}

function readBase64(text: string): Buffer {
  // Buffer.from() would skip what is no base64 and answer something shorter.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new DecodeError('it is not base64')
  return Buffer.from(text, 'base64')
}

/** Writes what `JSON.stringify` cannot. Few calls a level, for the stack must hold all levels. */
class JsonWriter {
  readonly #walk = new Walk('JSON')

  write(value: unknown, key: string): string {
    const unwrapped = this.#walk.unwrap(value, key)
    if (typeof unwrapped === 'string') return JSON.stringify(unwrapped)
    if (typeof unwrapped !== 'object') return String(unwrapped)
    if (unwrapped === null) return 'null'
    if (Array.isArray(unwrapped)) return this.#list(unwrapped)
    return this.#leaf(unwrapped) ?? this.#entries(unwrapped)
  }

  /** What has no parts to walk; undefined for what has. */
  #leaf(value: object): string | undefined {
    if (isPythonValue(value)) return this.#python(value)
    if (isUint8Array(value)) return writeBytes(value)
    if (isDate(value)) return tag('datetime', formatIso8601(value.getTime()))
    if (isSet(value)) throw this.#walk.refuse('a Set', 'send a list, [...set]')
    return undefined
  }

  #python(value: PythonValue): string {
    switch (value.pythonType) {
      case 'datetime':
        return tag('datetime', value.isoformat())
      case 'uuid':
        return tag('uuid', { hex: value.hex })
      case 'timedelta':
        throw this.#walk.refuse('a timedelta', 'send its seconds, or use the pickle serializer')
      default:
        return tag(value.pythonType, value.text)
    }
  }

  #list(list: readonly unknown[]): string {
    this.#walk.enter(list)
    let text = '['
    for (let index = 0; index < list.length; index += 1) {
      this.#walk.step(index)
      text += `${index === 0 ? '' : ','}${this.write(list[index], String(index))}`
    }
    this.#walk.leave(list)
    return `${text}]`
  }

  #entries(owner: object): string {
    this.#walk.enter(owner)
    let text = '{'
    for (const [key, value] of isMap(owner) ? this.#mapEntries(owner) : Object.entries(owner)) {
      if (value === undefined) continue
      this.#walk.step(key)
      text += `${text.length === 1 ? '' : ','}${JSON.stringify(key)}:${this.write(value, key)}`
    }
    this.#walk.leave(owner)
    return `${text}}`
  }

  *#mapEntries(map: Map<unknown, unknown>): Generator<[string, unknown]> {
    for (const [key, value] of map) {
      const text = keyText(key)
      if (text === undefined) throw this.#walk.refuse('a Map with keys that are neither text nor numbers')
      yield [text, value]
    }
  }
}

function tag(type: string, value: unknown): string {
  return `{"__type__":"${type}","__value__":${JSON.stringify(value)}}`
}

function writeBytes(bytes: Uint8Array): string {
  const buffer = bufferOf(bytes)
  return isUtf8(buffer) ? tag('bytes', buffer.toString()) : tag('base64', buffer.toString('base64'))
}
