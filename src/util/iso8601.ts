/**
 * Reads and writes the date texts of Python's `datetime.isoformat()`. Times are Unix milliseconds; what is finer than a
 * millisecond is cut off. What a text that is no date means is for the caller to say.
 */
import { EncodeError } from '../errors.ts'
import { fromWallTime } from './zone.ts'

const DAY_MS = 86_400_000
/** Python's `datetime.min` and `datetime.max`. */
const MIN_MS = -62_135_596_800_000
const MAX_MS = 253_402_300_799_999

const DAYS_IN_MONTH: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * The time in Unix milliseconds that an ISO 8601 text names, or undefined where it is none. Understands dates with or
 * without a time, `T` or a space between them, with or without dashes and colons, fractions of a second, `Z` and
 * offsets. A text without an offset is in `zone`, an IANA name; default UTC. Throws `ImproperlyConfigured` for a zone
 * that does not exist.
 */
export function parseIso8601(text: string, zone?: string): number | undefined {
  const dayMs = readDay(text)
  if (dayMs === undefined) return undefined
  const start = dayLength(text)
  if (start === text.length) return inZone(dayMs, zone)
  const separator = text.charCodeAt(start)
  if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return undefined
  return readTime(text, start + 1, dayMs, zone)
}

/**
 * `2024-05-01T10:00:00.123000+00:00`, as Python writes it: no fraction on the full second. Throws `EncodeError` for a
 * time that is not between the years 1 and 9999.
 */
export function formatIso8601(timeMs: number): string {
  if (!(timeMs >= MIN_MS && timeMs <= MAX_MS)) {
    throw new EncodeError(`${String(timeMs)} ms is no time between the years 1 and 9999`)
  }
  const text = new Date(timeMs).toISOString()
  return text.endsWith('.000Z') ? `${text.slice(0, 19)}+00:00` : `${text.slice(0, 23)}000+00:00`
}

/** `2024-05-01`, `20240501`, `2024-05` or `2024`: how long the date's part is. */
function dayLength(text: string): number {
  if (text.charCodeAt(4) === 0x2d) return text.charCodeAt(7) === 0x2d ? 10 : 7
  return text.length === 4 ? 4 : 8
}

function readDay(text: string): number | undefined {
  const length = dayLength(text)
  const year = digits(text, 0, 4)
  const month = length === 4 ? 1 : digits(text, length === 8 ? 4 : 5, 2)
  const day = length === 4 || length === 7 ? 1 : digits(text, length - 2, 2)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  return utcDay(year, month, day)
}

function readTime(text: string, start: number, dayMs: number, zone: string | undefined): number | undefined {
  const colons = text.charCodeAt(start + 2) === 0x3a
  const step = colons ? 3 : 2
  const hour = digits(text, start, 2)
  let minute = 0
  let second = 0
  let fractionMs = 0
  let at = start + 2
  if (colons ? true : isDigit(text, at)) {
    minute = digits(text, at + step - 2, 2)
    at += step
    if (colons ? text.charCodeAt(at) === 0x3a : isDigit(text, at)) {
      second = digits(text, at + step - 2, 2)
      at += step
      const mark = text.charCodeAt(at)
      if (mark === 0x2e || mark === 0x2c) {
        if (!isDigit(text, at + 1)) return undefined
        fractionMs = milliseconds(text, at + 1)
        at += 1
        while (isDigit(text, at)) at += 1
      }
    }
  }
  if (hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined
  const timeMs = ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs
  // 24:00 is the end of the day, and nothing comes after it.
  if (timeMs > DAY_MS) return undefined
  if (at === text.length) return inZone(dayMs + timeMs, zone)
  const offsetMs = readOffset(text, at)
  return offsetMs === undefined ? undefined : dayMs + timeMs - offsetMs
}

/** `Z`, `+02`, `+0200`, `+02:00` or `+02:00:00`, to the end of the text. */
function readOffset(text: string, start: number): number | undefined {
  const sign = text.charCodeAt(start)
  if (sign === 0x5a || sign === 0x7a) return start + 1 === text.length ? 0 : undefined
  if (sign !== 0x2b && sign !== 0x2d) return undefined
  const step = text.charCodeAt(start + 3) === 0x3a ? 3 : 2
  let seconds = 0
  let at = start + 1
  for (let unit = 3600; unit >= 1; unit /= 60) {
    const value = digits(text, at, 2)
    if (value < 0 || value > (unit === 3600 ? 23 : 59)) return undefined
    seconds += value * unit
    at += 2
    if (at === text.length) return (sign === 0x2d ? -seconds : seconds) * 1000
    if (step === 3 && text.charCodeAt(at) !== 0x3a) return undefined
    at += step - 2
  }
  return undefined
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0x30 && code <= 0x39
}

/** The number of `count` digits; negative where they are not all digits. */
function digits(text: string, start: number, count: number): number {
  let value = 0
  for (let at = start; at < start + count; at += 1) {
    if (!isDigit(text, at)) return -1
    value = value * 10 + text.charCodeAt(at) - 0x30
  }
  return value
}

/** The first three digits of a fraction, however many there are. */
function milliseconds(text: string, start: number): number {
  let value = 0
  for (let at = start; at < start + 3; at += 1) value = value * 10 + Math.max(digits(text, at, 1), 0)
  return value
}

function daysIn(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return (DAYS_IN_MONTH[month - 1] ?? 0) + (leap ? 1 : 0)
}

function utcDay(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day)
  // Date.UTC takes 0 to 99 for years of the twentieth century.
  return new Date(0).setUTCFullYear(year, month - 1, day)
}

function inZone(wallMs: number, zone: string | undefined): number {
  return zone === undefined ? wallMs : fromWallTime(zone, wallMs)
}
