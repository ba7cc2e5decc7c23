/**
 * Schedules as plain data and back, for stores and for JSON. Each kind is a record with a `__type__`; intervals and
 * crontabs have the fields that RedBeat writes, and a crontab its zone besides.
 */
import { DecodeError, EncodeError } from '../errors.ts'
import { isRecord } from '../util/record.ts'
import { Clocked } from './clocked.ts'
import { Crontab } from './crontab.ts'
import { Interval } from './interval.ts'
import type { Schedule } from './schedule.ts'
import { Solar } from './solar.ts'
import type { SolarEvent } from './solar.ts'

/** A schedule as plain data. */
export type ScheduleDocument = IntervalDocument | CrontabDocument | ClockedDocument | SolarDocument

interface IntervalDocument {
  readonly __type__: 'interval'
  /** Seconds. */
  readonly every: number
  readonly relative: boolean
}

interface CrontabDocument {
  readonly __type__: 'crontab'
  readonly minute: string
  readonly hour: string
  readonly day_of_week: string
  readonly day_of_month: string
  readonly month_of_year: string
  readonly timezone?: string
}

interface ClockedDocument {
  readonly __type__: 'clocked'
  /** ISO 8601. */
  readonly at: string
}

interface SolarDocument {
  readonly __type__: 'solar'
  readonly event: SolarEvent
  readonly lat: number
  readonly lon: number
}

/** A schedule as plain data. Throws `EncodeError` for one of a class of the user's own, which nobody else could read. */
export function encodeSchedule(schedule: Schedule): ScheduleDocument {
  if (schedule instanceof Interval) {
    return { __type__: 'interval', every: schedule.everyMs / 1000, relative: schedule.relative }
  }
  if (schedule instanceof Crontab) return encodeCrontab(schedule)
  if (schedule instanceof Clocked) return { __type__: 'clocked', at: new Date(schedule.atMs).toISOString() }
  if (schedule instanceof Solar) {
    return { __type__: 'solar', event: schedule.event, lat: schedule.latitude, lon: schedule.longitude }
  }
  throw new EncodeError(
    `The schedule "${String(schedule)}" is of a class of your own, which cannot be stored: give it to the app, ` +
      'in beatSchedule or with addPeriodicTask, instead of adding it at run time',
  )
}

/** The schedule again. Throws `DecodeError` for data that means none. */
export function decodeSchedule(document: unknown): Schedule {
  const kind = isRecord(document) ? String(document['__type__']) : ''
  const decode = Object.hasOwn(DECODERS, kind) ? DECODERS[kind] : undefined
  if (decode === undefined) throw new DecodeError(`There is no kind of schedule in ${JSON.stringify(document)}`)
  try {
    return decode(document as never)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DecodeError(`A stored schedule cannot be read: ${reason}`, { cause })
  }
}

/** The classes check what they are given, so that what was stored by somebody else may be anything. */
const DECODERS: Readonly<Record<string, (document: never) => Schedule>> = {
  interval: ({ every, relative }: IntervalDocument) => new Interval(every, { relative }),
  crontab: ({ timezone, ...document }: CrontabDocument) =>
    new Crontab(
      {
        minute: document.minute,
        hour: document.hour,
        dayOfWeek: document.day_of_week,
        dayOfMonth: document.day_of_month,
        monthOfYear: document.month_of_year,
      },
      timezone === undefined ? {} : { timezone },
    ),
  clocked: ({ at }: ClockedDocument) => new Clocked(new Date(at)),
  solar: ({ event, lat, lon }: SolarDocument) => new Solar(event, lat, lon),
}

function encodeCrontab({ fields, timezone }: Crontab): CrontabDocument {
  return {
    __type__: 'crontab',
    minute: fields.minute,
    hour: fields.hour,
    day_of_week: fields.dayOfWeek,
    day_of_month: fields.dayOfMonth,
    month_of_year: fields.monthOfYear,
    ...(timezone === undefined ? {} : { timezone }),
  }
}
