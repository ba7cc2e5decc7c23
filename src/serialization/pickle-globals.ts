/**
 * The classes and functions that a pickle may name, each as what it makes of its arguments. Nothing here runs anything:
 * a name that is not in this table is refused, whatever it stands for.
 */
import { Buffer } from 'node:buffer'
import { DecodeError } from '../errors.ts'
import { Decimal, PythonDate, PythonDateTime, PythonTime, PythonTimedelta, Uuid } from './values.ts'

/** What a class or function makes of its arguments. Takes time and space for the length of its arguments, no more. */
export type Make = (args: readonly unknown[]) => unknown

/** A class or function that a pickle named. */
export class PickleGlobal {
  readonly path: string
  readonly make: Make

  constructor(path: string, make: Make) {
    this.path = path
    this.make = make
  }
}

/** A dict while it is read: it may be referred to before anybody knows what keys it gets. */
export class DictNode {
  readonly entries: Map<unknown, unknown>

  constructor(entries: Iterable<readonly [unknown, unknown]> = []) {
    this.entries = new Map(entries)
  }
}

/** An instance that may still be given a state. `finish` answers the value that it stands for. */
export interface InstanceNode {
  build(state: unknown): void
  finish(): unknown
}

/** Is this an instance that `finish` must be asked for? */
export function isInstance(value: unknown): value is InstanceNode {
  return typeof value === 'object' && value !== null && 'build' in value && 'finish' in value
}

/** Throw the error for something that only a program could want. `what` ends in what the pickle has. */
export function refuse(what: string): never {
  throw new DecodeError(`The pickle has ${what}, which is refused: only plain data is read`)
}

/** The global called `module.name`, or undefined where it is refused. Knows Python 2's names of the modules. */
export function findGlobal(module: string, name: string): PickleGlobal | undefined {
  // One long name could be looked up again and again.
  if (module.length + name.length > MAX_NAME_LENGTH) return undefined
  const home = PYTHON_2_MODULES.get(module) ?? module
  const path = `${home}.${name}`
  const make = GLOBALS.get(path)
  if (make !== undefined) return new PickleGlobal(path, make)
  const pattern = EXCEPTION_MODULES.get(home)
  if (pattern?.test(name) !== true) return undefined
  return new PickleGlobal(path, (args) => new ExceptionNode(home, name, args))
}

const MAX_NAME_LENGTH = 200

const PYTHON_2_MODULES: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['exceptions', 'builtins'],
  ['copy_reg', 'copyreg'],
])

const EXCEPTION_MODULES: ReadonlyMap<string, RegExp> = new Map([
  ['builtins', /^(?:[A-Z]\w*)?(?:Error|Exception|Warning|Exit|Interrupt|Iteration|ExceptionGroup)$/],
  ['celery.exceptions', /^[A-Z]\w*$/],
  ['billiard.exceptions', /^[A-Z]\w*$/],
  ['kombu.exceptions', /^[A-Z]\w*$/],
])

const GLOBALS: ReadonlyMap<string, Make> = new Map<string, Make>([
  ['datetime.datetime', makeDateTime],
  ['datetime.date', makeDate],
  ['datetime.time', makeTime],
  ['datetime.timedelta', (args) => new PythonTimedelta(whole(args[0] ?? 0), whole(args[1] ?? 0), whole(args[2] ?? 0))],
  ['datetime.timezone', (args) => new ZoneNode(args[0])],
  ['decimal.Decimal', (args) => new Decimal(text(args[0]))],
  ['uuid.UUID', (args) => new UuidNode(args[0])],
  ['collections.OrderedDict', makeDict],
  ['celery.canvas.signature', makeDict],
  ['builtins.set', makeSet],
  ['builtins.frozenset', makeSet],
  ['builtins.bytes', makeBytes],
  ['builtins.bytearray', makeBytes],
  ['_codecs.encode', makeBytes],
  // How protocols 0 and 1 make an instance: of a class, with `object` as its base and no arguments.
  ['builtins.object', () => refuseValue('an object without a class')],
  ['copyreg._reconstructor', ([type]) => asGlobal(type).make([])],
  ['celery.utils.serialization.UnpickleableExceptionWrapper', makeWrapped],
])

const MAX_UUID = 2n ** 128n

class UuidNode implements InstanceNode {
  #uuid: Uuid | undefined

  constructor(hex: unknown) {
    if (hex !== undefined) this.#uuid = new Uuid(text(hex))
  }

  build(state: unknown): void {
    const int = state instanceof DictNode ? state.entries.get('int') : undefined
    const fits = (typeof int === 'bigint' || typeof int === 'number') && int >= 0 && int < MAX_UUID
    this.#uuid = new Uuid(fits ? int.toString(16).padStart(32, '0') : refuseValue('a UUID without its number'))
  }

  finish(): Uuid {
    return this.#uuid ?? refuseValue('a UUID without its number')
  }
}

class ZoneNode implements InstanceNode {
  /** As `isoformat()` writes it: `+02:00`. */
  readonly offset: string

  constructor(delta: unknown) {
    const isOffset = delta instanceof PythonTimedelta && delta.microseconds === 0
    const total = isOffset ? delta.toSeconds() : refuseValue('a time zone without its offset')
    const parts = [Math.abs(total) / 3600, (Math.abs(total) / 60) % 60, Math.abs(total) % 60]
    const [hours, minutes, seconds] = parts.map((part) => String(Math.floor(part)).padStart(2, '0'))
    this.offset = `${total < 0 ? '-' : '+'}${hours ?? ''}:${minutes ?? ''}${seconds === '00' ? '' : `:${seconds ?? ''}`}`
  }

  build(): void {
    refuseValue('a time zone with a state')
  }

  /** A time zone that belongs to no time is shown as Python prints it. */
  finish(): string {
    return this.offset === '+00:00' ? 'UTC' : `UTC${this.offset}`
  }
}

/** An exception as the record that other serializers store: `protocol/exception.ts` knows what to make of it. */
class ExceptionNode implements InstanceNode {
  readonly #module: string
  readonly #type: string
  readonly #args: readonly unknown[]

  constructor(module: string, type: string, args: readonly unknown[]) {
    this.#module = module
    this.#type = type
    this.#args = args
  }

  build(): void {
    // Attributes of an exception do not travel in other serializers either.
  }

  finish(): DictNode {
    return new DictNode([
      ['exc_type', this.#type],
      ['exc_message', this.#args],
      ['exc_module', this.#module],
    ])
  }
}

/** `(module, class name, arguments, text)`: how Celery stores an exception that cannot be pickled itself. */
function makeWrapped([module, type, args]: readonly unknown[]): ExceptionNode {
  const list: unknown[] = Array.isArray(args) ? args : refuseValue('a wrapped exception without its arguments')
  return new ExceptionNode(text(module), text(type), list)
}

/** Ten bytes as Python packs them, and perhaps a time zone. */
function makeDateTime([state, zone]: readonly unknown[]): PythonDateTime {
  const bytes = bytesOf(state, 10)
  return new PythonDateTime(`${dayText(bytes)}T${clockText(bytes, 4)}${zoneText(zone)}`)
}

function makeDate([state]: readonly unknown[]): PythonDate {
  return new PythonDate(dayText(bytesOf(state, 4)))
}

function makeTime([state, zone]: readonly unknown[]): PythonTime {
  return new PythonTime(`${clockText(bytesOf(state, 6), 0)}${zoneText(zone)}`)
}

/** The highest bit of the month, or of a time's hour, says which of two equal wall clock times it is. */
const NO_FOLD = 0x7f

function dayText(bytes: Buffer): string {
  const year = String(bytes.readUInt16BE(0)).padStart(4, '0')
  return `${year}-${two(bytes.readUInt8(2) & NO_FOLD)}-${two(bytes.readUInt8(3))}`
}

function clockText(bytes: Buffer, start: number): string {
  const micros = bytes.readUIntBE(start + 3, 3)
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`
  return `${two(bytes.readUInt8(start) & NO_FOLD)}:${two(bytes.readUInt8(start + 1))}:${two(bytes.readUInt8(start + 2))}${fraction}`
}

function zoneText(zone: unknown): string {
  if (zone === undefined || zone === null) return ''
  return zone instanceof ZoneNode ? zone.offset : refuseValue('a time with an unknown time zone')
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** From nothing, from a dict, or from a list of pairs. */
function makeDict([source]: readonly unknown[]): DictNode {
  if (source === undefined) return new DictNode()
  if (source instanceof DictNode) return new DictNode(source.entries)
  const pairs = Array.isArray(source) ? source : refuseValue('a dict made of something else')
  return new DictNode(
    pairs.map((pair) => (Array.isArray(pair) && pair.length === 2 ? [pair[0], pair[1]] : refuseValue('a broken pair'))),
  )
}

function makeSet([source]: readonly unknown[]): Set<unknown> {
  if (source === undefined) return new Set()
  const items = Array.isArray(source) || source instanceof Set ? source : refuseValue('a set made of something else')
  return new Set(items as Iterable<unknown>)
}

/** From nothing, from bytes, or from text in Latin-1, which is how protocols 0 to 2 write bytes. */
function makeBytes([source, encoding]: readonly unknown[]): Buffer {
  if (source === undefined) return Buffer.alloc(0)
  if (source instanceof Uint8Array) return Buffer.from(source)
  if (typeof source !== 'string') return refuseValue('bytes made of something else')
  // eslint-disable-next-line no-control-regex
  if (/[^\u0000-\u00ff]/.test(source) || !/^latin-?1$/i.test(text(encoding)))
    refuseValue('bytes that are not in Latin-1')
  return Buffer.from(source, 'latin1')
}

function asGlobal(value: unknown): PickleGlobal {
  return value instanceof PickleGlobal ? value : refuseValue('an instance without a class')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : refuseValue('something else where a text is expected')
}

function whole(value: unknown): number {
  return typeof value === 'number' ? value : refuseValue('something else where a whole number is expected')
}

function bytesOf(value: unknown, length: number): Buffer {
  const fits = value instanceof Uint8Array && value.length === length
  return fits ? Buffer.from(value.buffer, value.byteOffset, length) : refuseValue('a time in a form that is not known')
}

function refuseValue(what: string): never {
  throw new DecodeError(`The pickle holds ${what}`)
}
