/** Schedules as users write them, in settings, in programs and on the command line: one reading for all of them. */
import { ImproperlyConfigured } from '../errors.ts'
import { parseIso8601 } from '../util/iso8601.ts'
import { didYouMean } from '../util/suggest.ts'
import { clocked } from './clocked.ts'
import { Crontab, crontab } from './crontab.ts'
import { interval } from './interval.ts'
import type { Schedule } from './schedule.ts'
import { solar, SOLAR_EVENTS } from './solar.ts'
import type { SolarEvent } from './solar.ts'

/**
 * A schedule, or what stands for one: a number of seconds, or a text. Texts are a number of seconds (`30`), a cron string
 * (`0 9 * * mon-fri`, `@hourly`), an instant (`2026-12-24T18:00`) or an event of the sun and a place
 * (`sunset 52.52 13.41`).
 */
export type ScheduleInput = number | string | Schedule

/** What a schedule depends on that does not say so itself. */
export interface ScheduleReading {
  /** The zone of crontabs, and of instants without an offset, that name none; an IANA name. Default UTC. */
  readonly timezone?: string
  /** A number of seconds counts on round times, see `IntervalOptions`. Default false. */
  readonly relative?: boolean
}

/** The schedule that is meant. Throws `ImproperlyConfigured` for what means none. */
export function readSchedule(input: ScheduleInput, { timezone, relative = false }: ScheduleReading = {}): Schedule {
  if (typeof input === 'number') return interval(input, { relative })
  const schedule = typeof input === 'string' ? readText(input.trim(), timezone, relative) : input
  if (!isSchedule(schedule)) throw unreadable(input)
  return schedule instanceof Crontab && timezone !== undefined ? schedule.inZone(timezone) : schedule
}

/** Is this a schedule, also one of the user's own? */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function'
}

function readText(text: string, timezone: string | undefined, relative: boolean): Schedule {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text)) return interval(Number(text), { relative })
  if (/^\d{4}-\d\d-\d\d/.test(text)) return readInstant(text, timezone)
  const words = text.split(/\s+/)
  if (text.startsWith('@') || words.length === 5) return crontab(text)
  const [event = '', latitude, longitude] = words
  if (words.length === 3 && /^[a-z_]+$/.test(event)) {
    return solar(event as SolarEvent, Number(latitude), Number(longitude))
  }
  throw unreadable(text)
}

function readInstant(text: string, timezone: string | undefined): Schedule {
  const atMs = parseIso8601(text, timezone)
  if (atMs === undefined) throw unreadable(text)
  return clocked(new Date(atMs))
}

const FORMS =
  'write seconds (30), a cron string ("0 9 * * 1-5", "@hourly"), an instant ("2026-12-24T18:00"), ' +
  'an event of the sun with latitude and longitude ("sunset 52.52 13.41"), or a schedule such as crontab(...)'

function unreadable(input: unknown): ImproperlyConfigured {
  const [word = ''] = typeof input === 'string' ? input.split(/\s+/) : []
  const hint = /^[a-z_]{4,}$/i.test(word) ? didYouMean(word, SOLAR_EVENTS) : ''
  const shown = typeof input === 'object' ? 'An object without next()' : JSON.stringify(input)
  return new ImproperlyConfigured(`${shown} is no schedule${hint || `; ${FORMS}`}`)
}
