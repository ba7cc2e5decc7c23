/**
 * Crontab schedules with Celery's meaning: all five fields must match, also day of the week and day of the month together.
 *
 * Times are those of the wall clock in the schedule's zone. On the day on which clocks are put forward, a time that they
 * skip comes as much later as they skip. On the day on which they are put back, a time that they show twice is the first
 * one; but what is due every hour goes on through both, for it would pause for an hour otherwise.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import { fromWallTime, toWallTime, zoneOffset } from '../util/zone.ts'
import { fieldText, FIELDS, parseField } from './crontab-field.ts'
import type { FieldInput, FieldName } from './crontab-field.ts'
import { missedFromEnd } from './schedule.ts'
import type { Schedule } from './schedule.ts'

export type { FieldInput }

/** The fields of a crontab; one that is left out is `*`. */
export interface CrontabFields {
  /** 0 to 59. */
  readonly minute?: FieldInput
  /** 0 to 23. */
  readonly hour?: FieldInput
  /** 0 (Sunday) to 6, or `sun`, `mon` ... */
  readonly dayOfWeek?: FieldInput
  /** 1 to 31. */
  readonly dayOfMonth?: FieldInput
  /** 1 to 12, or `jan`, `feb` ... */
  readonly monthOfYear?: FieldInput
}

/** How a crontab is read. */
export interface CrontabOptions {
  /** An IANA zone such as `Europe/Berlin`. Default: the app's `timezone`, and `UTC` for a schedule outside of an app. */
  readonly timezone?: string
}

/** What the names of cron mean. */
const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** After so many years every combination of day, month and weekday that there is has come (a leap day in 2100 does not). */
const MAX_YEARS = 41
const LEAP_YEAR = 2000

/** A crontab. Read the five fields as they were written from `fields`. */
export class Crontab implements Schedule {
  readonly fields: Readonly<Record<FieldName, string>>
  readonly timezone: string | undefined
  readonly #zone: string
  readonly #minutes: readonly number[]
  readonly #hours: readonly number[]
  readonly #days: ReadonlySet<number>
  readonly #months: ReadonlySet<number>
  readonly #weekdays: ReadonlySet<number>

  constructor(fields: CrontabFields, { timezone }: CrontabOptions = {}) {
    const { minute = '*', hour = '*', dayOfWeek = '*', dayOfMonth = '*', monthOfYear = '*' } = fields
    this.fields = {
      minute: fieldText(minute),
      hour: fieldText(hour),
      dayOfMonth: fieldText(dayOfMonth),
      monthOfYear: fieldText(monthOfYear),
      dayOfWeek: fieldText(dayOfWeek),
    }
    this.timezone = timezone
    this.#zone = timezone ?? 'UTC'
    // Tells of a zone that does not exist here, and not in the middle of the night.
    zoneOffset(this.#zone, 0)
    this.#minutes = parseField(minute, FIELDS.minute)
    this.#hours = parseField(hour, FIELDS.hour)
    this.#days = new Set(parseField(dayOfMonth, FIELDS.dayOfMonth))
    this.#months = new Set(parseField(monthOfYear, FIELDS.monthOfYear))
    this.#weekdays = new Set(parseField(dayOfWeek, FIELDS.dayOfWeek))
    this.#refuseNever()
  }

  /** The same in another zone, where this one names none: an app gives its own to the schedules in its settings. */
  inZone(timezone: string): Crontab {
    return this.timezone === undefined ? new Crontab(this.fields, { timezone }) : this
  }

  next(afterMs: number): number | undefined {
    if (this.#hours.length === 24) return this.#nextHourly(afterMs)
    let wallMs = this.#nextWall(toWallTime(this.#zone, afterMs))
    // Where clocks were put back meanwhile, what comes next on the wall has been already.
    while (wallMs !== undefined && fromWallTime(this.#zone, wallMs) <= afterMs) wallMs = this.#nextWall(wallMs)
    return wallMs === undefined ? undefined : fromWallTime(this.#zone, wallMs)
  }

  missed(afterMs: number, untilMs: number, limit: number): readonly number[] {
    return missedFromEnd(this, afterMs, untilMs, limit)
  }

  toString(): string {
    const { minute, hour, dayOfMonth, monthOfYear, dayOfWeek } = this.fields
    const text = [minute, hour, dayOfMonth, monthOfYear, dayOfWeek].join(' ')
    return this.timezone === undefined ? text : `${text} (${this.timezone})`
  }

  /** The first wall time after this one that matches. */
  #nextWall(afterMs: number): number | undefined {
    const fromMs = Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS
    const firstDayMs = Math.floor(fromMs / DAY_MS) * DAY_MS
    const last = new Date(firstDayMs).getUTCFullYear() + MAX_YEARS
    let date = new Date(firstDayMs)
    while (date.getUTCFullYear() < last) {
      if (!this.#months.has(date.getUTCMonth() + 1)) {
        date = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1))
        continue
      }
      if (this.#days.has(date.getUTCDate()) && this.#weekdays.has(date.getUTCDay())) {
        const dayMs = date.getTime()
        const timeMs = this.#timeOfDay(dayMs === firstDayMs ? fromMs - dayMs : 0)
        if (timeMs !== undefined) return dayMs + timeMs
      }
      date = new Date(date.getTime() + DAY_MS)
    }
    return undefined
  }

  /** The first time of a day that matches and is not before this one, both in milliseconds since midnight. */
  #timeOfDay(fromMs: number): number | undefined {
    const fromHour = Math.floor(fromMs / HOUR_MS)
    const fromMinute = Math.floor((fromMs % HOUR_MS) / MINUTE_MS)
    for (const hour of this.#hours) {
      if (hour < fromHour) continue
      const minute = hour === fromHour ? this.#minutes.find((one) => one >= fromMinute) : this.#minutes[0]
      if (minute !== undefined) return hour * HOUR_MS + minute * MINUTE_MS
    }
    return undefined
  }

  /** What is due every hour is due in both hours that the clocks show when they are put back. */
  #nextHourly(afterMs: number): number | undefined {
    const zone = this.#zone
    const offsetMs = zoneOffset(zone, afterMs)
    const wallMs = this.#nextWall(afterMs + offsetMs)
    if (wallMs === undefined) return undefined
    const atMs = wallMs - offsetMs
    const thenMs = zoneOffset(zone, atMs)
    if (thenMs === offsetMs) return atMs
    if (thenMs > offsetMs) return fromWallTime(zone, wallMs)
    const changeMs = findChange(zone, afterMs, atMs)
    const backMs = zoneOffset(zone, changeMs)
    const again = this.#nextWall(changeMs + backMs - 1)
    return again === undefined ? undefined : again - backMs
  }

  /** A date that never comes, such as 30 February, would be looked for in vain whenever somebody asks. */
  #refuseNever(): void {
    for (const month of this.#months) {
      const days = new Date(Date.UTC(LEAP_YEAR, month, 0)).getUTCDate()
      for (const day of this.#days) if (day <= days) return
    }
    throw new ImproperlyConfigured(`The crontab "${this.toString()}" never comes: no such month has such a day`)
  }
}

/** When the zone's clocks changed between two times with different offsets. */
function findChange(zone: string, beforeMs: number, afterMs: number): number {
  const offsetMs = zoneOffset(zone, beforeMs)
  let low = beforeMs
  let high = afterMs
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (zoneOffset(zone, middle) === offsetMs) low = middle
    else high = middle
  }
  return high
}

/**
 * A schedule of five fields with Celery's meaning, or of a cron string: five fields in cron's order (minute, hour, day of
 * the month, month, day of the week) or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Throws
 * `ImproperlyConfigured` that says which field is wrong.
 *
 *     crontab({ minute: 30, hour: 7, dayOfWeek: 'mon-fri' })
 *     crontab('30 7 * * mon-fri', { timezone: 'Europe/Berlin' })
 */
export function crontab(fields: CrontabFields | string = {}, options: CrontabOptions = {}): Crontab {
  return new Crontab(typeof fields === 'string' ? readCronString(fields) : fields, options)
}

function readCronString(text: string): CrontabFields {
  const trimmed = text.trim()
  const meant = NICKNAMES[trimmed.toLowerCase()]
  if (meant === undefined && trimmed.startsWith('@')) {
    throw new ImproperlyConfigured(`There is no schedule "${text}"${didYouMean(trimmed, Object.keys(NICKNAMES))}`)
  }
  const parts = (meant ?? trimmed).split(/\s+/)
  const [minute, hour, dayOfMonth, monthOfYear, dayOfWeek] = parts
  if (parts.length === 5 && minute !== undefined && hour !== undefined && dayOfMonth !== undefined) {
    return { minute, hour, dayOfMonth, monthOfYear: monthOfYear ?? '*', dayOfWeek: dayOfWeek ?? '*' }
  }
  throw new ImproperlyConfigured(
    `A cron string has five fields (minute, hour, day of the month, month, day of the week); "${text}" has ${String(parts.length)}`,
  )
}
