/**
 * Python's values that JavaScript has no class for: dates without a time, decimals, UUIDs and the like. Each keeps the
 * text that Python wrote, so that what was decoded goes back as it came. How they look in bytes is each serializer's
 * matter.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { formatIso8601, parseIso8601 } from '../util/iso8601.ts'

/** Marks the classes below, and names Python's type. The same in every copy of this package. */
const brand: unique symbol = Symbol.for('celeriac.python')

const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d(?::\d\d)?)?$/
const DECIMAL = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|s?nan\d*|inf(?:inity)?)$/i
const UUID = /^(?:urn:uuid:)?\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i

/** Any of the classes below; `pythonType` tells them apart. */
export type PythonValue = PythonDateTime | PythonDate | PythonTime | PythonTimedelta | Decimal | Uuid

/** Is this one of Python's values, even one made by another copy of this package? */
export function isPythonValue(value: object): value is PythonValue {
  return brand in value
}

/**
 * Python's `datetime`: a `Date` that remembers the text it was read from, so that microseconds, the offset and "no time
 * zone" survive the way back. A `Date` knows milliseconds only; a text without an offset is read as UTC. Once the time
 * is changed with a setter, the text is made anew from the `Date`, in UTC.
 */
export class PythonDateTime extends Date {
  readonly #text: string
  readonly #textMs: number

  /** `text` is Python's `isoformat()`. Throws `ImproperlyConfigured` for other text. */
  constructor(text: string) {
    const textMs = parseIso8601(text)
    if (textMs === undefined) throw wrong(text, 'a date and time such as 2026-01-02T03:04:05+00:00')
    super(textMs)
    this.#text = text
    this.#textMs = textMs
  }

  get pythonType(): 'datetime' {
    return 'datetime'
  }

  /** The text as Python writes it: `2026-01-02T03:04:05.678901+00:00`. Throws `EncodeError` once set to no valid time. */
  isoformat(): string {
    return this.getTime() === this.#textMs ? this.#text : formatIso8601(this.getTime())
  }
}

/** Python's `date`: `2026-01-02`. */
export class PythonDate {
  readonly text: string

  /** Throws `ImproperlyConfigured` for text that is no date. */
  constructor(text: string) {
    if (!DATE.test(text) || parseIso8601(text) === undefined) throw wrong(text, 'a date such as 2026-01-02')
    this.text = text
  }

  get pythonType(): 'date' {
    return 'date'
  }

  /** Midnight of that day, in UTC. */
  toDate(): Date {
    return new Date(`${this.text}T00:00:00Z`)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** Python's `time`: `03:04:05`, perhaps with microseconds and an offset. */
export class PythonTime {
  readonly text: string

  /** Throws `ImproperlyConfigured` for text that is no time of day. */
  constructor(text: string) {
    const isTime = TIME.test(text) && parseIso8601(`2000-01-01T${text}`) !== undefined
    if (!isTime) throw wrong(text, 'a time such as 03:04:05')
    this.text = text
  }

  get pythonType(): 'time' {
    return 'time'
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** Python's `timedelta`, in Python's normal form: only `days` may be negative. */
export class PythonTimedelta {
  readonly days: number
  readonly seconds: number
  readonly microseconds: number

  /** Parts may be of any size and sign; they are carried over. Throws `ImproperlyConfigured` beyond 999999999 days. */
  constructor(days: number, seconds: number = 0, microseconds: number = 0) {
    const allSeconds = seconds + Math.floor(microseconds / 1e6)
    this.days = days + Math.floor(allSeconds / 86_400)
    this.seconds = allSeconds - Math.floor(allSeconds / 86_400) * 86_400
    this.microseconds = microseconds - Math.floor(microseconds / 1e6) * 1e6
    const whole = [days, seconds, microseconds].every(Number.isSafeInteger)
    if (!whole || Math.abs(this.days) > 999_999_999) {
      throw wrong(`${String(days)} days`, 'whole days, seconds and microseconds, at most 999999999 days')
    }
  }

  get pythonType(): 'timedelta' {
    return 'timedelta'
  }

  /** The whole length in seconds. */
  toSeconds(): number {
    return this.days * 86_400 + this.seconds + this.microseconds / 1e6
  }

  /** As Python prints it: `1 day, 2:03:04.000005`. */
  toString(): string {
    const minutes = Math.floor(this.seconds / 60)
    const clock = `${String(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(this.seconds % 60)}`
    const fraction = this.microseconds === 0 ? '' : `.${String(this.microseconds).padStart(6, '0')}`
    const days = this.days === 0 ? '' : `${String(this.days)} day${Math.abs(this.days) === 1 ? '' : 's'}, `
    return days + clock + fraction
  }

  /** The whole length in seconds. */
  toJSON(): number {
    return this.toSeconds()
  }
}

/** Python's `Decimal`. Keeps every digit; for calculations hand `text` to a decimal library, or use `toNumber()`. */
export class Decimal {
  readonly text: string

  /** Throws `ImproperlyConfigured` for text that is no number. */
  constructor(text: string) {
    if (!DECIMAL.test(text)) throw wrong(text, 'a decimal number such as 1.10')
    this.text = text
  }

  get pythonType(): 'decimal' {
    return 'decimal'
  }

  /** The nearest JavaScript number. */
  toNumber(): number {
    if (/^[+-]?inf/i.test(this.text)) return this.text.startsWith('-') ? -Infinity : Infinity
    return Number(this.text)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** Python's `UUID`, in lower case with hyphens. */
export class Uuid {
  readonly text: string

  /** Takes 32 hexadecimal digits, with or without hyphens. Throws `ImproperlyConfigured` for anything else. */
  constructor(text: string) {
    const match = UUID.exec(text)
    if (match === null) throw wrong(text, 'a UUID: 32 hexadecimal digits, with or without hyphens')
    this.text = match.slice(1).join('-').toLowerCase()
  }

  get pythonType(): 'uuid' {
    return 'uuid'
  }

  /** The 32 digits without hyphens. */
  get hex(): string {
    return this.text.replaceAll('-', '')
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function wrong(text: string, wanted: string): ImproperlyConfigured {
  return new ImproperlyConfigured(`${JSON.stringify(text.slice(0, 80))} is not ${wanted}`)
}

for (const { prototype } of [PythonDateTime, PythonDate, PythonTime, PythonTimedelta, Decimal, Uuid]) {
  Object.defineProperty(prototype, brand, { value: prototype.pythonType })
}
