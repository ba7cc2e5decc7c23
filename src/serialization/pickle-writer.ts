/**
 * Writes plain data as a pickle of protocol 4, which every Python 3 reads. What has no form is refused; how a pickle is
 * read is `pickle-reader.ts`.
 */
import { Buffer } from 'node:buffer'
import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { EncodeError } from '../errors.ts'
import { formatIso8601 } from '../util/iso8601.ts'
import { messageOf } from './body.ts'
import { Walk } from './plain.ts'
import type { Unwrapped } from './plain.ts'
import { isPythonValue } from './values.ts'
import type { PythonDateTime, PythonValue } from './values.ts'

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(.*)$/
const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d(?::\d\d)?)?$/

/** Answers the bytes. Throws `EncodeError` for what is no plain data, naming where in the value it is. */
export function writePickle(value: unknown): Buffer {
  try {
    return new PickleWriter().write(value)
  } catch (error) {
    if (error instanceof EncodeError) throw error
    // A getter or a toJSON() that throws, or more bytes than a buffer can hold.
    throw new EncodeError(`The value cannot be written as a pickle: ${messageOf(error)}`, { cause: error })
  }
}

/** Opcodes under their names in Python's `pickletools`. */
const CODE = {
  PROTO: 0x80,
  STOP: 0x2e,
  MARK: 0x28,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  LONG1: 0x8a,
  LONG4: 0x8b,
  BINFLOAT: 0x47,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE: 0x58,
  SHORT_BINBYTES: 0x43,
  BINBYTES: 0x42,
  EMPTY_LIST: 0x5d,
  APPENDS: 0x65,
  EMPTY_DICT: 0x7d,
  SETITEMS: 0x75,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
  TUPLE: 0x74,
  MEMOIZE: 0x94,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  STACK_GLOBAL: 0x93,
  REDUCE: 0x52,
} as const

class PickleWriter {
  readonly #walk = new Walk('pickle')
  /** Containers that were written, by their number in the memo: they may appear again, even inside themselves. */
  readonly #memo = new Map<object, number>()
  #buffer: Buffer = Buffer.allocUnsafe(256)
  #length = 0

  write(value: unknown): Buffer {
    this.#code(CODE.PROTO)
    this.#code(4)
    this.#value(value, '')
    this.#code(CODE.STOP)
    return Buffer.from(this.#buffer.subarray(0, this.#length))
  }

  #value(value: unknown, key: string): void {
    const unwrapped = this.#walk.unwrap(value, key)
    if (unwrapped === null) this.#code(CODE.NONE)
    else if (typeof unwrapped === 'object') this.#object(unwrapped)
    else if (typeof unwrapped === 'string') this.#text(unwrapped)
    else if (typeof unwrapped === 'number') this.#number(unwrapped)
    else if (typeof unwrapped === 'bigint') this.#integer(unwrapped)
    else this.#code(unwrapped ? CODE.NEWTRUE : CODE.NEWFALSE)
  }

  #object(value: Extract<Unwrapped, object>): void {
    if (isPythonValue(value)) this.#python(value)
    else if (isUint8Array(value)) this.#sized(CODE.SHORT_BINBYTES, CODE.BINBYTES, value)
    else if (isDate(value)) this.#dateTime(formatIso8601(value.getTime()))
    else this.#container(value)
  }

  #container(value: object): void {
    const known = this.#memo.get(value)
    if (known !== undefined) {
      this.#recall(known)
      return
    }
    this.#walk.enter(value)
    if (Array.isArray(value)) this.#list(value)
    else if (isSet(value)) this.#set(value)
    else this.#dict(value, isMap(value) ? value : Object.entries(value))
    this.#walk.leave(value)
  }

  /** Begin a container that its parts may refer to. */
  #begin(code: number, container: object): void {
    this.#code(code)
    this.#code(CODE.MEMOIZE)
    this.#memo.set(container, this.#memo.size)
    this.#code(CODE.MARK)
  }

  #list(list: readonly unknown[]): void {
    this.#begin(CODE.EMPTY_LIST, list)
    for (let index = 0; index < list.length; index += 1) {
      this.#walk.step(index)
      this.#value(list[index], String(index))
    }
    this.#code(CODE.APPENDS)
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#begin(CODE.EMPTY_SET, set)
    for (const item of set) this.#hashable(item)
    this.#code(CODE.ADDITEMS)
  }

  #dict(owner: object, entries: Iterable<readonly [unknown, unknown]>): void {
    this.#begin(CODE.EMPTY_DICT, owner)
    for (const [key, value] of entries) {
      if (value === undefined) continue
      const name = typeof key === 'string' ? key : String(key)
      this.#walk.step(name)
      this.#hashable(key)
      this.#value(value, name)
    }
    this.#code(CODE.SETITEMS)
  }

  /** A key of a dict or an item of a set: Python takes no lists and sets there, but tuples and frozensets. */
  #hashable(value: unknown): void {
    if (Array.isArray(value)) this.#frozen(value, CODE.TUPLE)
    else if (isSet(value)) this.#frozen(value, CODE.FROZENSET)
    else if (typeof value === 'object' && value !== null && !isLeaf(value)) {
      throw this.#walk.refuse('an object as a key or in a Set', 'Python needs something hashable there')
    } else this.#value(value, '')
  }

  #frozen(items: readonly unknown[] | ReadonlySet<unknown>, code: number): void {
    this.#walk.enter(items)
    this.#code(CODE.MARK)
    for (const item of items) this.#hashable(item)
    this.#code(code)
    this.#walk.leave(items)
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#code(CODE.BINFLOAT)
      this.#length = this.#reserve(8).writeDoubleBE(value, this.#length)
    } else if (value >= 0 && value < 0x100) {
      this.#code(CODE.BININT1)
      this.#code(value)
    } else if (value >= 0 && value < 0x10000) {
      this.#code(CODE.BININT2)
      this.#length = this.#reserve(2).writeUInt16LE(value, this.#length)
    } else if (value >= -0x80000000 && value < 0x80000000) {
      this.#code(CODE.BININT)
      this.#length = this.#reserve(4).writeInt32LE(value, this.#length)
    } else {
      this.#bigint(BigInt(value))
    }
  }

  #integer(value: bigint): void {
    const number = Number(value)
    if (Number.isSafeInteger(number)) this.#number(number)
    else this.#bigint(value)
  }

  /** Little-endian two's complement, with room for the sign. */
  #bigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16)
    const size = Math.floor(digits.length / 2) + 1
    const hex = BigInt.asUintN(8 * size, value)
      .toString(16)
      .padStart(2 * size, '0')
    this.#sized(CODE.LONG1, CODE.LONG4, Buffer.from(hex, 'hex').reverse())
  }

  #text(text: string): void {
    if (/\p{Surrogate}/u.test(text)) throw this.#walk.refuse('text with half a surrogate pair')
    this.#sized(CODE.SHORT_BINUNICODE, CODE.BINUNICODE, Buffer.from(text))
  }

  #python(value: PythonValue): void {
    switch (value.pythonType) {
      case 'datetime':
        this.#dateTime(textOf(value))
        break
      case 'date':
        this.#reduce('datetime', 'date', () => {
          this.#bytes(dayBytes(value.text.split('-')))
        })
        break
      case 'time':
        this.#clock('time', [], value.text)
        break
      case 'timedelta':
        this.#timedelta(value.days, value.seconds, value.microseconds)
        break
      case 'decimal':
        this.#reduce('decimal', 'Decimal', () => {
          this.#text(value.text)
        })
        break
      case 'uuid':
        this.#reduce('uuid', 'UUID', () => {
          this.#text(value.hex)
        })
    }
  }

  #dateTime(text: string): void {
    const [, year = '', month = '', day = '', clock = ''] = DATE_TIME.exec(text) ?? []
    this.#clock('datetime', dayBytes([year, month, day]), clock)
  }

  /** A `datetime` or a `time`: the bytes of the day and the time, and the time zone if there is one. */
  #clock(type: 'datetime' | 'time', day: readonly number[], text: string): void {
    const [, hour, minute, second = '0', fraction = '', offset] = CLOCK.exec(text) ?? []
    const micros = Number(fraction.padEnd(6, '0'))
    const bytes = [
      ...day,
      Number(hour),
      Number(minute),
      Number(second),
      micros >> 16,
      (micros >> 8) & 0xff,
      micros & 0xff,
    ]
    this.#reduce('datetime', type, () => {
      this.#bytes(bytes)
      if (offset !== undefined) this.#zone(offset)
    })
  }

  #zone(offset: string): void {
    const [hours = 0, minutes = 0, seconds = 0] = offset === 'Z' ? [] : offset.slice(1).split(':').map(Number)
    const total = (hours * 60 + minutes) * 60 + seconds
    const signed = offset.startsWith('-') ? -total : total
    const days = Math.floor(signed / 86_400)
    this.#reduce('datetime', 'timezone', () => {
      this.#timedelta(days, signed - days * 86_400, 0)
    })
  }

  #timedelta(days: number, seconds: number, microseconds: number): void {
    this.#reduce('datetime', 'timedelta', () => {
      for (const part of [days, seconds, microseconds]) this.#number(part)
    })
  }

  /** What Python makes by calling `module.name` with the arguments that `writeArgs` writes. */
  #reduce(module: string, name: string, writeArgs: () => void): void {
    this.#text(module)
    this.#text(name)
    this.#code(CODE.STACK_GLOBAL)
    this.#code(CODE.MARK)
    writeArgs()
    this.#code(CODE.TUPLE)
    this.#code(CODE.REDUCE)
  }

  #recall(index: number): void {
    if (index < 0x100) {
      this.#code(CODE.BINGET)
      this.#code(index)
    } else {
      this.#code(CODE.LONG_BINGET)
      this.#length = this.#reserve(4).writeUInt32LE(index, this.#length)
    }
  }

  #bytes(bytes: readonly number[]): void {
    this.#sized(CODE.SHORT_BINBYTES, CODE.BINBYTES, Uint8Array.from(bytes))
  }

  /** Bytes behind their length, which takes one byte where it can. */
  #sized(shortCode: number, longCode: number, bytes: Uint8Array): void {
    const isShort = bytes.length < 0x100
    this.#code(isShort ? shortCode : longCode)
    if (isShort) this.#code(bytes.length)
    else this.#length = this.#reserve(4).writeUInt32LE(bytes.length, this.#length)
    this.#reserve(bytes.length).set(bytes, this.#length)
    this.#length += bytes.length
  }

  #code(byte: number): void {
    this.#reserve(1)[this.#length] = byte
    this.#length += 1
  }

  /** The buffer, with room for `count` more bytes. */
  #reserve(count: number): Buffer {
    if (this.#length + count > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#length + count))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    return this.#buffer
  }
}

/** One value for Python, though an object here. */
function isLeaf(value: object): boolean {
  return isPythonValue(value) || isUint8Array(value) || isDate(value)
}

/** The text of a datetime in the one form that the fields can be taken from. */
function textOf(value: PythonDateTime): string {
  const text = value.isoformat()
  const [, , , , clock = ''] = DATE_TIME.exec(text) ?? []
  return CLOCK.test(clock) ? text : formatIso8601(value.getTime())
}

function dayBytes([year, month, day]: readonly string[]): number[] {
  return [Number(year) >> 8, Number(year) & 0xff, Number(month), Number(day)]
}
