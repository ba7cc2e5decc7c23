/**
 * YAML as PyYAML's `safe_load` and `safe_dump` know it, which is YAML 1.1. Reading is done by the optional package
 * `yaml`, with PyYAML's own rules for what a bare word means: by other rules `1e5` or `0o17`, texts for PyYAML, would be
 * numbers. Written is the flow style (`{"a": [1, 2]}`), all texts quoted, so that no reader can take them for anything else.
 *
 * | Python         | here                                                                |
 * |----------------|---------------------------------------------------------------------|
 * | int            | `number`; `bigint` beyond 2^53                                      |
 * | float          | `number`, NaN and the infinities too                                |
 * | datetime, date | `PythonDateTime` (any `Date` when writing), `PythonDate`            |
 * | bytes          | `Uint8Array`                                                        |
 * | list, dict     | array, object (keys become text); `Map` too when writing            |
 * | set            | `Set`                                                               |
 */
import { Buffer } from 'node:buffer'
import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { importPeer } from '../driver/load.ts'
import { DecodeError, EncodeError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import { formatIso8601 } from '../util/iso8601.ts'
import { messageOf, textOf } from './body.ts'
import { keyText, MAX_DEPTH, Walk } from './plain.ts'
import type { Serializer } from './serializer.ts'
import { isPythonValue, PythonDate, PythonDateTime } from './values.ts'
import type { PythonValue } from './values.ts'

/** A rule for bare words, as the package `yaml` takes it. */
interface ScalarTag {
  readonly tag: string
  readonly default: true
  readonly test: RegExp
  readonly resolve: (text: string) => unknown
}

/** What we use of the package `yaml`. */
interface YamlModule {
  parseDocument(text: string, options: Readonly<Record<string, unknown>>): YamlDocument
}

interface YamlDocument {
  readonly errors: readonly Error[]
  readonly warnings: readonly Error[]
  toJS(options: { maxAliasCount: number }): unknown
}

/** What is known of the serializer before the package is loaded. */
export const YAML: Pick<Serializer, 'name' | 'contentType' | 'contentEncoding'> = {
  name: 'yaml',
  contentType: 'application/x-yaml',
  contentEncoding: 'utf-8',
}

/** Load the package, or take the one that is handed in. Rejects with `MissingDriver`. */
export async function loadYaml(provided?: unknown): Promise<Serializer> {
  const lib = await importPeer<YamlModule>('yaml', 'The serializer yaml', provided)
  return {
    ...YAML,
    encode,
    decode: (body) => decode(lib, body),
  }
}

/** So often may something be repeated by reference, counting what lies inside: a few lines must not become millions. */
const MAX_ALIASES = 1000

/** PyYAML's rules for bare words. The first that fits decides. */
const SCALARS: readonly ScalarTag[] = [
  scalar('null', /^(?:~|null|Null|NULL|)$/, () => null),
  scalar('bool', /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  scalar('bool', /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  scalar(
    'int',
    /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    readInteger,
  ),
  scalar(
    'float',
    /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    readFloat,
  ),
  scalar('timestamp', /^\d{4}-\d\d-\d\d$/, (text) => new PythonDate(text)),
  scalar(
    'timestamp',
    /^\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?$/,
    readTimestamp,
  ),
]

function scalar(name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, default: true, test, resolve }
}

const PARSE_OPTIONS: Readonly<Record<string, unknown>> = {
  version: '1.1',
  schema: 'failsafe',
  customTags: [...SCALARS, 'merge', 'binary', 'set', 'omap', 'pairs'],
  // Looking for a key twice takes quadratic time; PyYAML lets the last one win, and so does this.
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
}

function decode(lib: YamlModule, body: Body): unknown {
  const text = textOf(body)
  try {
    const document = lib.parseDocument(text, PARSE_OPTIONS)
    // Warnings are about tags that are not known: PyYAML's safe_load refuses those too.
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) throw problem
    const value = document.toJS({ maxAliasCount: MAX_ALIASES })
    checkNesting(value, 1, new Map())
    return value
  } catch (error) {
    if (error instanceof DecodeError) throw error
    // RangeErrors too: the package goes down into deep nesting until the stack is full.
    throw new DecodeError(`The body is not valid YAML: ${messageOf(error)}`, { cause: error })
  }
}

/** How many levels `value` has. What is referred to more than once is walked once. */
function checkNesting(value: unknown, depth: number, heights: Map<object, number>): number {
  if (typeof value !== 'object' || value === null || isUint8Array(value) || isDate(value)) return 0
  const known = heights.get(value)
  if (depth + (known ?? 0) > MAX_DEPTH) {
    throw new DecodeError(`The YAML text is nested deeper than ${String(MAX_DEPTH)} levels`)
  }
  if (known !== undefined) return known
  heights.set(value, 0)
  let height = 0
  for (const part of Array.isArray(value) || isSet(value) ? value : Object.values(value)) {
    height = Math.max(height, 1 + checkNesting(part, depth + 1, heights))
  }
  heights.set(value, height)
  return height
}

function readInteger(text: string): number | bigint {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '')
  const size = digits.includes(':') ? readSexagesimal(digits) : readBased(digits)
  const value = text.startsWith('-') ? -size : size
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function readBased(digits: string): bigint {
  if (digits.length > 4300) throw new DecodeError('The YAML text has a whole number that is too long')
  return BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits)
}

/** `1:30` is 90: YAML 1.1 counts hours, minutes and seconds. */
function readSexagesimal(digits: string): bigint {
  if (digits.length > 100) throw new DecodeError('The YAML text has a whole number that is too long')
  return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
}

function readFloat(text: string): number {
  const plain = text.replaceAll('_', '').toLowerCase()
  if (plain.endsWith('.nan')) return NaN
  const sign = plain.startsWith('-') ? -1 : 1
  const size = plain.replace(/^[-+]/, '')
  if (size === '.inf') return sign * Infinity
  return sign * size.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}

/** PyYAML's way of writing times allows for one digit where `isoformat()` has two. */
function readTimestamp(text: string): PythonDateTime {
  const [, day = '', clock = '', fraction = '', zone = ''] =
    /^(\S+?)(?:[Tt]|[ \t]+)(\d\d?:\d\d:\d\d)(?:\.(\d*))?[ \t]*(.*)$/.exec(text) ?? []
  const date = day.split('-').map(two).join('-')
  const micros = fraction === '' ? '' : `.${fraction.slice(0, 6).padEnd(6, '0')}`
  const offset = zone === '' || zone === 'Z' ? zone.replace('Z', '+00:00') : readZone(zone)
  return new PythonDateTime(`${date}T${clock.split(':').map(two).join(':')}${micros}${offset}`)
}

function readZone(zone: string): string {
  const [hours = '', minutes = '00'] = zone.slice(1).split(':')
  return `${zone.slice(0, 1)}${two(hours)}:${minutes}`
}

function two(digits: string): string {
  return digits.padStart(2, '0')
}

function encode(value: unknown): string {
  try {
    return `${new YamlWriter().write(value, '')}\n`
  } catch (error) {
    if (error instanceof EncodeError) throw error
    throw new EncodeError(`The value cannot be written as YAML: ${messageOf(error)}`, { cause: error })
  }
}

/** Few calls a level, for the stack must hold all levels. */
class YamlWriter {
  readonly #walk = new Walk('YAML')

  write(value: unknown, key: string): string {
    const unwrapped = this.#walk.unwrap(value, key)
    if (typeof unwrapped === 'string') return quote(unwrapped)
    if (typeof unwrapped === 'number') return writeNumber(unwrapped)
    if (typeof unwrapped !== 'object') return String(unwrapped)
    if (unwrapped === null) return 'null'
    if (Array.isArray(unwrapped)) return this.#list(unwrapped)
    if (isSet(unwrapped)) return this.#set(unwrapped)
    return this.#leaf(unwrapped) ?? this.#entries(unwrapped)
  }

  #leaf(value: object): string | undefined {
    if (isPythonValue(value)) return this.#python(value)
    if (isDate(value)) return formatIso8601(value.getTime())
    return isUint8Array(value) ? `!!binary "${Buffer.from(value).toString('base64')}"` : undefined
  }

  #python(value: PythonValue): string {
    switch (value.pythonType) {
      case 'datetime':
        return writeTimestamp(value)
      case 'date':
        return value.text
      default:
        throw this.#walk.refuse(`a ${value.pythonType}`, 'send its text, or use json')
    }
  }

  #list(list: readonly unknown[]): string {
    this.#walk.enter(list)
    let text = '['
    for (let index = 0; index < list.length; index += 1) {
      this.#walk.step(index)
      text += `${index === 0 ? '' : ', '}${this.write(list[index], String(index))}`
    }
    this.#walk.leave(list)
    return `${text}]`
  }

  #set(set: ReadonlySet<unknown>): string {
    this.#walk.enter(set)
    const items: string[] = []
    for (const item of set) items.push(`? ${this.write(this.#checkKey(item), '')} : null`)
    this.#walk.leave(set)
    return `!!set {${items.join(', ')}}`
  }

  #entries(owner: object): string {
    this.#walk.enter(owner)
    let text = '{'
    for (const [key, value] of (isMap(owner) ? owner : Object.entries(owner)) as Iterable<[unknown, unknown]>) {
      if (value === undefined) continue
      const name = keyText(key)
      if (name === undefined) throw this.#walk.refuse('a Map with keys that are neither text nor numbers')
      this.#walk.step(name)
      text += `${text.length === 1 ? '' : ', '}${writeKey(name)}: ${this.write(value, name)}`
    }
    this.#walk.leave(owner)
    return `${text}}`
  }

  /** Python has no lists and dicts in sets. */
  #checkKey(item: unknown): unknown {
    const isContainer = typeof item === 'object' && item !== null && this.#leaf(item) === undefined
    if (isContainer) throw this.#walk.refuse('a list or an object in a Set', 'Python needs something hashable there')
    return item
  }
}

/** Text as JSON writes it, and without the characters that YAML does not take, or takes for line breaks. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A key of more than 1024 characters must say that it is one. */
function writeKey(name: string): string {
  const key = quote(name)
  return key.length > 1000 ? `? ${key} ` : key
}

/** YAML 1.1 wants a point in every float: `1e+21` would be a text. */
function writeNumber(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  const text = String(value)
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text
}

/** As it came where PyYAML can read that, else anew. */
function writeTimestamp(value: PythonDateTime): string {
  const text = value.isoformat()
  const isKnown = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[-+]\d\d:\d\d)?$/.test(text)
  return isKnown ? text : formatIso8601(value.getTime())
}
