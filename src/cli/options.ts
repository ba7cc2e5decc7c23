/**
 * How the texts of a command line become values: lists, JSON, times, numbers, log levels, settings. Each function is
 * given to `commander` as a parser; what it throws names the option and says what to write.
 */
import { InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS, parseLogLevel, type LogLevel } from '../util/logger.ts'
import { didYouMean } from '../util/suggest.ts'
import { zoneOffset } from '../util/zone.ts'

/** `a, b,c` as three texts. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** `redis://localhost/0` */
export function storeUrl(text: string): string {
  if (!text.includes('://')) throw new InvalidArgumentError('Write a URL, such as redis://localhost/0.')
  return text
}

/** `[2, 2]` */
export function jsonArray(text: string): unknown[] {
  const value = json(text)
  if (!Array.isArray(value)) throw new InvalidArgumentError(`Write a JSON array, such as '[2, 2]'.`)
  return value as unknown[]
}

/** `{"x": 1}` */
export function jsonObject(text: string): Record<string, unknown> {
  const value = json(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(`Write a JSON object, such as '{"x": 1}'.`)
  }
  return value as Record<string, unknown>
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvalidArgumentError(`That is not JSON (${reason}). Mind the quotes of your shell: '["a", 1]'.`)
  }
}

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i

/** `2026-11-21T10:00:00Z`. A time without an offset is UTC, as in Celery. */
export function isoTime(text: string): Date {
  const hasOffset = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text.slice('0000-00-00'.length))
  const normal = text.replace(' ', 'T').replace(',', '.')
  const time = new Date(hasOffset || normal.length === '0000-00-00'.length ? normal : `${normal}Z`)
  if (!ISO_8601.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('Write a time as ISO 8601 has it, such as 2026-11-21T10:00:00Z.')
  }
  return time
}

/** A number of seconds, or a time as ISO 8601 has it. */
export function secondsOrTime(text: string): number | Date {
  return isNumber(text) ? Number(text) : isoTime(text)
}

/** A number of seconds, not below zero; `0.5` is half a second. */
export function seconds(text: string): number {
  if (!isNumber(text) || Number(text) < 0)
    throw new InvalidArgumentError('Write a number of seconds, such as 10 or 0.5.')
  return Number(text)
}

/** A whole number, not below zero. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text.trim())) throw new InvalidArgumentError('Write a whole number, such as 4.')
  return Number(text)
}

/** A whole number, not below one. */
export function positiveNumber(text: string): number {
  const value = wholeNumber(text)
  if (value === 0) throw new InvalidArgumentError('Write a whole number above zero, such as 4.')
  return value
}

/** `10,3`, in any order; `10` is from 0 to 10, as in Celery. */
export function autoscaleRange(text: string): { max: number; min: number } {
  const [first = 0, second = 0, ...more] = commaList(text).map(wholeNumber)
  const [min = 0, max = 0] = [first, second].toSorted((a, b) => a - b)
  if (more.length > 0 || max === 0) {
    throw new InvalidArgumentError('Write the largest and the smallest number of tasks at a time, such as 10,3.')
  }
  return { max, min }
}

/** A time zone by its IANA name. */
export function timezone(text: string): string {
  try {
    zoneOffset(text, 0)
    return text
  } catch {
    throw new InvalidArgumentError('Write the IANA name of a time zone, such as Europe/Berlin.')
  }
}

/** A umask as the shell writes it: `022`. */
export function umask(text: string): number {
  if (!/^(0o)?[0-7]{1,4}$/.test(text)) throw new InvalidArgumentError('Write a umask in octal, such as 022.')
  return parseInt(text.replace('0o', ''), 8)
}

/** A user or group: a number, or else a name. */
export function account(text: string): string | number {
  if (text === '') throw new InvalidArgumentError('Write a name or a number.')
  return /^\d+$/.test(text) ? Number(text) : text
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text))
}

/** A level by its name, in any case, or by Python's number (10 is DEBUG, 50 CRITICAL). */
export function logLevel(text: string): LogLevel {
  const level = parseLogLevel(text)
  if (level !== undefined) return level
  throw new InvalidArgumentError(`The levels are ${LOG_LEVELS.join(', ')}${didYouMean(text, LOG_LEVELS) || '.'}`)
}

/** `-j, --json`: every command that prints something for programs too has it. */
export function jsonOption(): Option {
  return new Option('-j, --json', 'print JSON, for programs')
}
