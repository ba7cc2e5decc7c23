/**
 * MessagePack, by the optional package `@msgpack/msgpack`. This file checks what goes in and comes out: the package
 * trusts the lengths that bytes claim, and rounds what it has no number for.
 *
 * Python's `datetime` is not part of Python's MessagePack; a `Date` is written as MessagePack's timestamp and read as
 * one. Whole numbers beyond 2^53 are `bigint`, of 64 bits at most. Keys of objects are text or numbers.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { importPeer } from '../driver/load.ts'
import { DecodeError, EncodeError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import { setField } from '../util/record.ts'
import { bufferOf, messageOf } from './body.ts'
import { isPlain, keyText, MAX_DEPTH, Walk } from './plain.ts'
import type { Serializer } from './serializer.ts'
import { isPythonValue } from './values.ts'

/** What we use of `@msgpack/msgpack`. */
interface MsgpackModule {
  encode(value: unknown, options: { maxDepth: number; ignoreUndefined: boolean; useBigInt64: boolean }): Uint8Array
  decode(bytes: Uint8Array, options: { useBigInt64: boolean }): unknown
}

/** The lowest and the highest whole number that MessagePack has a form for. */
const MIN_INTEGER = -(2n ** 63n)
const MAX_INTEGER = 2n ** 64n - 1n

/** What is known of the serializer before the package is loaded. */
export const MSGPACK: Pick<Serializer, 'name' | 'contentType' | 'contentEncoding'> = {
  name: 'msgpack',
  contentType: 'application/x-msgpack',
  contentEncoding: 'binary',
}

/** Load the package, or take the one that is handed in. Rejects with `MissingDriver`. */
export async function loadMsgpack(provided?: unknown): Promise<Serializer> {
  const lib = await importPeer<MsgpackModule>('@msgpack/msgpack', 'The serializer msgpack', provided)
  return {
    ...MSGPACK,
    encode: (value) => encode(lib, value),
    decode: (body) => decode(lib, body),
  }
}

function encode(lib: MsgpackModule, value: unknown): Uint8Array {
  try {
    const plain = isPlain(value, MAX_DEPTH + 1) ? value : simplify(new Walk('msgpack'), value, '')
    return lib.encode(plain, { maxDepth: MAX_DEPTH + 1, ignoreUndefined: true, useBigInt64: true })
  } catch (error) {
    if (error instanceof EncodeError) throw error
    throw new EncodeError(`The value cannot be written as msgpack: ${messageOf(error)}`, { cause: error })
  }
}

/** The same value in what the package can write. */
function simplify(walk: Walk, value: unknown, key: string): unknown {
  const unwrapped = walk.unwrap(value, key)
  if (typeof unwrapped === 'bigint') return checkRange(walk, unwrapped)
  if (typeof unwrapped !== 'object' || unwrapped === null || isUint8Array(unwrapped)) return unwrapped
  if (isDate(unwrapped)) return new Date(unwrapped)
  if (isPythonValue(unwrapped)) throw walk.refuse(`a ${unwrapped.pythonType}`, 'send its text, or use json')
  if (isSet(unwrapped)) throw walk.refuse('a Set', 'send a list, [...set]')
  walk.enter(unwrapped)
  const result = Array.isArray(unwrapped) ? simplifyList(walk, unwrapped) : simplifyEntries(walk, unwrapped)
  walk.leave(unwrapped)
  return result
}

function checkRange(walk: Walk, value: bigint): bigint | number {
  if (value < MIN_INTEGER || value > MAX_INTEGER) throw walk.refuse('a whole number of more than 64 bits')
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function simplifyList(walk: Walk, list: readonly unknown[]): unknown[] {
  return Array.from(list, (item, index) => {
    walk.step(index)
    return simplify(walk, item, String(index))
  })
}

function simplifyEntries(walk: Walk, owner: object): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [key, value] of (isMap(owner) ? owner : Object.entries(owner)) as Iterable<[unknown, unknown]>) {
    const name = keyText(key)
    if (name === undefined) throw walk.refuse('a Map with keys that are neither text nor numbers')
    walk.step(name)
    if (value !== undefined) setField(record, name, simplify(walk, value, name))
  }
  return record
}

function decode(lib: MsgpackModule, body: Body): unknown {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  try {
    const hasLongIntegers = new Inspector(bytes).inspect()
    const value = lib.decode(bytes, { useBigInt64: hasLongIntegers })
    return hasLongIntegers ? narrow(value) : value
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(`The body is not valid msgpack: ${messageOf(error)}`, { cause: error })
  }
}

/** Each `bigint` that a number can hold becomes one, in place. */
function narrow(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = narrow(value[index])
  } else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const record = value as Record<string, unknown>
    for (const key in record) record[key] = narrow(record[key])
  }
  return value
}

/** How the forms from 0xc0 on go on: with so many bytes, with a length and as many bytes, or with a number of parts. */
type Form =
  | { readonly kind: 'fixed'; readonly size: number }
  | { readonly kind: 'bytes' | 'text' | 'list' | 'map'; readonly lengthSize: number; readonly extra: number }

const FORMS: ReadonlyMap<number, Form> = new Map<number, Form>([
  ...fixed([0xc0, 0], [0xc2, 0], [0xc3, 0], [0xca, 4], [0xcb, 8]),
  ...fixed([0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8], [0xd0, 1], [0xd1, 2], [0xd2, 4], [0xd3, 8]),
  // Extensions have a byte for their type.
  ...fixed([0xd4, 2], [0xd5, 3], [0xd6, 5], [0xd7, 9], [0xd8, 17]),
  ...sized('bytes', 0, [0xc4, 1], [0xc5, 2], [0xc6, 4]),
  ...sized('bytes', 1, [0xc7, 1], [0xc8, 2], [0xc9, 4]),
  ...sized('text', 0, [0xd9, 1], [0xda, 2], [0xdb, 4]),
  ...sized('list', 0, [0xdc, 2], [0xdd, 4]),
  ...sized('map', 0, [0xde, 2], [0xdf, 4]),
])

function fixed(...sizes: [code: number, size: number][]): [number, Form][] {
  return sizes.map(([code, size]) => [code, { kind: 'fixed', size }])
}

function sized(
  kind: 'bytes' | 'text' | 'list' | 'map',
  extra: number,
  ...sizes: [code: number, lengthSize: number][]
): [number, Form][] {
  return sizes.map(([code, lengthSize]) => [code, { kind, lengthSize, extra }])
}

const UINT64 = 0xcf
const INT64 = 0xd3

/**
 * Reads over a message without making anything of it. The package makes room for as many parts as a list claims to
 * have, so each claim is checked before: a few bytes must not take up gigabytes.
 */
class Inspector {
  readonly #bytes: Buffer
  #at = 0
  #hasLongIntegers = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bufferOf(bytes)
  }

  /** Answers whether there are whole numbers of 64 bits. Throws `DecodeError` for bytes that are no message. */
  inspect(): boolean {
    /** How many parts are still to come in each container around the current one. */
    const open: number[] = []
    let toCome = 1
    while (toCome > 0 || open.length > 0) {
      if (toCome === 0) {
        toCome = open.pop() ?? 0
        continue
      }
      const parts = this.#readOver()
      toCome -= 1
      if (parts === 0) continue
      if (open.length >= MAX_DEPTH) throw new DecodeError(`The body is nested deeper than ${String(MAX_DEPTH)} levels`)
      open.push(toCome)
      toCome = parts
    }
    return this.#hasLongIntegers
  }

  /** Step over the head of the next value, and over all of it unless it has parts. Answers how many parts it has. */
  #readOver(): number {
    const code = this.#readLength(1)
    if (code < 0x80 || code >= 0xe0) return 0
    if (code < 0x90) return 2 * (code & 0x0f)
    if (code < 0xa0) return code & 0x0f
    if (code < 0xc0) return this.#text(code & 0x1f)
    if (code === UINT64 || code === INT64) this.#hasLongIntegers = true
    const form = FORMS.get(code)
    if (form === undefined) throw new DecodeError(`The body is not valid msgpack: 0x${code.toString(16)} means nothing`)
    if (form.kind === 'fixed') return this.#skip(form.size)
    const length = this.#readLength(form.lengthSize)
    if (form.kind === 'text') return this.#text(length)
    if (form.kind === 'bytes') return this.#skip(length + form.extra)
    return form.kind === 'map' ? 2 * length : length
  }

  #readLength(size: number): number {
    const start = this.#at
    this.#skip(size)
    return this.#bytes.readUIntBE(start, size)
  }

  #text(length: number): number {
    const start = this.#at
    this.#skip(length)
    if (!isUtf8(this.#bytes.subarray(start, this.#at)))
      throw new DecodeError('The body has text that is not valid UTF-8')
    return 0
  }

  #skip(length: number): number {
    this.#at += length
    if (this.#at > this.#bytes.length) throw new DecodeError('The body is not valid msgpack: it ends too early')
    return 0
  }
}
