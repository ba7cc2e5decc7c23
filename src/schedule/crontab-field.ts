/**
 * One field of a crontab: its text to the numbers that it means. The grammar is that of Celery's `crontab_parser`: parts
 * with commas between them, each `*`, `*`/step, number, from-to or from-to/step. A range whose end is before its start goes
 * over the end of the field (`22-4`, `fri-mon`), and a step takes every n-th of the numbers of its range.
 */
import { ImproperlyConfigured } from '../errors.ts'

/** A field, or the numbers themselves. */
export type FieldInput = string | number | readonly (string | number)[]

/** What a field is called and what it may hold. */
export interface FieldBounds {
  readonly label: string
  readonly min: number
  readonly max: number
}

/** What the five fields are called. */
export type FieldName = 'minute' | 'hour' | 'dayOfMonth' | 'monthOfYear' | 'dayOfWeek'

/** The five fields, in the order of a cron string. */
export const FIELDS: Readonly<Record<FieldName, FieldBounds>> = {
  minute: { label: 'minute', min: 0, max: 59 },
  hour: { label: 'hour', min: 0, max: 23 },
  dayOfMonth: { label: 'day of the month', min: 1, max: 31 },
  monthOfYear: { label: 'month', min: 1, max: 12 },
  dayOfWeek: { label: 'day of the week', min: 0, max: 6 },
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** The numbers that a field means, ascending. Throws `ImproperlyConfigured` that says what is wrong. */
export function parseField(input: FieldInput, bounds: FieldBounds): readonly number[] {
  const parts = typeof input === 'object' ? input : String(input).split(',')
  const numbers = new Set<number>()
  for (const part of parts) {
    for (const text of String(part).split(',')) for (const number of parsePart(text.trim(), bounds)) numbers.add(number)
  }
  if (numbers.size === 0) throw wrong('nothing', bounds)
  return [...numbers].sort((a, b) => a - b)
}

/** The text of a field, as it was written: for cron strings and for Python. */
export function fieldText(input: FieldInput): string {
  return typeof input === 'object' ? input.join(',') : String(input)
}

function parsePart(text: string, bounds: FieldBounds): readonly number[] {
  const match = /^(?:\*|(?<from>\w+)(?:-(?<to>\w+))?)(?:\/(?<step>\d+))?$/.exec(text)
  if (match?.groups === undefined) throw wrong(text, bounds)
  const { from, to, step } = match.groups
  if (from !== undefined && to === undefined && step !== undefined) {
    throw wrong(text, bounds, `; write "${from}-${String(bounds.max)}/${step}"`)
  }
  const all = from === undefined ? range(bounds.min, bounds.max, bounds) : span(from, to, bounds)
  if (step === undefined) return all
  if (Number(step) === 0) throw wrong(text, bounds, '; a step is at least 1')
  return all.filter((_, index) => index % Number(step) === 0)
}

function span(from: string, to: string | undefined, bounds: FieldBounds): number[] {
  const start = parseNumber(from, bounds)
  return range(start, to === undefined ? start : parseNumber(to, bounds), bounds)
}

/** From one number to another, over the end of the field where it must. */
function range(from: number, to: number, { min, max }: FieldBounds): number[] {
  const length = to >= from ? to - from + 1 : max - from + 1 + (to - min + 1)
  return Array.from({ length }, (_, index) => (from + index > max ? from + index - max - 1 + min : from + index))
}

function parseNumber(text: string, bounds: FieldBounds): number {
  const number = /^\d+$/.test(text) ? Number(text) : named(text, bounds)
  if (number >= bounds.min && number <= bounds.max) return number
  const hint = bounds === FIELDS.dayOfWeek && number === 7 ? '; Sunday is 0' : ''
  throw wrong(text, bounds, hint)
}

/** As in Celery only the first three letters count, and a name is understood in every field. */
function named(text: string, bounds: FieldBounds): number {
  const name = text.slice(0, 3).toLowerCase()
  const month = MONTHS.indexOf(name)
  if (month >= 0) return month + 1
  const day = DAYS.indexOf(name)
  if (day >= 0) return day
  throw wrong(text, bounds)
}

function wrong(text: string, { label, min, max }: FieldBounds, hint = ''): ImproperlyConfigured {
  const what = text === '' ? 'an empty part' : `"${text}"`
  return new ImproperlyConfigured(
    `A crontab's ${label} cannot be ${what}; it holds *, numbers from ${String(min)} to ${String(max)}, ranges and steps${hint}`,
  )
}
