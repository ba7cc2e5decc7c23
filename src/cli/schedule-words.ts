/**
 * Schedules and instants in words, for people: `every weekday at 09:00 Europe/Berlin`, `in 3 h`. A crontab that has no
 * short name is shown as it was written.
 */
import { Clocked } from '../schedule/clocked.ts'
import { FIELDS, parseField } from '../schedule/crontab-field.ts'
import { Crontab } from '../schedule/crontab.ts'
import { Interval } from '../schedule/interval.ts'
import type { Schedule } from '../schedule/schedule.ts'
import { Solar } from '../schedule/solar.ts'

/** What a schedule means, in words. */
export function describeSchedule(schedule: Schedule): string {
  if (schedule instanceof Interval) return describeInterval(schedule)
  if (schedule instanceof Crontab) return describeCrontab(schedule)
  if (schedule instanceof Clocked) return `once, ${instantText(schedule.atMs)}`
  if (schedule instanceof Solar) {
    return `at ${schedule.event.replace('_', ' ')}, ${String(schedule.latitude)} ${String(schedule.longitude)}`
  }
  return String(schedule)
}

/** How far an instant is from now: `in 3 h`, `2 min ago`. */
export function fromNow(atMs: number, nowMs: number): string {
  const distance = shortTime(Math.abs(atMs - nowMs))
  if (distance === '0 s') return 'now'
  return atMs > nowMs ? `in ${distance}` : `${distance} ago`
}

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** Rounded to the largest unit that there are two of, so that one look tells it. */
function shortTime(timeMs: number): string {
  const units = [
    ['d', DAY_MS],
    ['h', HOUR_MS],
    ['min', MINUTE_MS],
  ] as const
  const [unit, lengthMs] = units.find(([, each]) => timeMs >= 2 * each) ?? (['s', SECOND_MS] as const)
  return `${String(Math.round(timeMs / lengthMs))} ${unit}`
}

function instantText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

const UNITS = [
  ['day', DAY_MS],
  ['hour', HOUR_MS],
  ['minute', MINUTE_MS],
  ['second', SECOND_MS],
] as const

function describeInterval({ everyMs, relative }: Interval): string {
  const [unit, lengthMs] = UNITS.find(([, each]) => everyMs % each === 0) ?? (['second', SECOND_MS] as const)
  const text = every(everyMs / lengthMs, unit)
  return relative ? `${text}, on round times` : text
}

function every(number: number, unit: string): string {
  return number === 1 ? `every ${unit}` : `every ${String(number)} ${unit}s`
}

function describeCrontab(crontab: Crontab): string {
  const { fields, timezone } = crontab
  const days = describeDays(crontab)
  const times = describeTimes(parseField(fields.minute, FIELDS.minute), parseField(fields.hour, FIELDS.hour))
  if (days === undefined || times === undefined) return `cron ${String(crontab)}`
  const text = times.startsWith('at ')
    ? `${days === '' ? 'every day' : days} ${times}`
    : `${times}${days === '' ? '' : `, ${days}`}`
  return timezone === undefined ? text : `${text} ${timezone}`
}

/** More times than these are not read at one look. */
const MAX_TIMES = 4

/** `at 09:00 and 17:30`, `every 5 minutes`, `every hour at :30`; undefined where it is none of these. */
function describeTimes(minutes: readonly number[], hours: readonly number[]): string | undefined {
  if (hours.length * minutes.length <= MAX_TIMES) {
    return `at ${list(hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`)))}`
  }
  const minuteStep = stepOf(minutes, 60)
  const hourStep = stepOf(hours, 24)
  if (minutes.length > 1 && minuteStep !== undefined && hourStep === 1) return every(minuteStep, 'minute')
  if (hourStep === undefined || minutes.length > MAX_TIMES) return undefined
  return `${every(hourStep, 'hour')} at ${list(minutes.map((minute) => `:${two(minute)}`))}`
}

/** The distance between the numbers, where they go round evenly from 0. */
function stepOf(numbers: readonly number[], length: number): number | undefined {
  const step = length / numbers.length
  return numbers.every((number, index) => number === index * step) ? step : undefined
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** `every weekday`, `on Monday and Friday`, `on the 1st in March`; nothing for every day. */
function describeDays({ fields }: Crontab): string | undefined {
  const weekdays = parseField(fields.dayOfWeek, FIELDS.dayOfWeek)
  const days = parseField(fields.dayOfMonth, FIELDS.dayOfMonth)
  const months = parseField(fields.monthOfYear, FIELDS.monthOfYear)
  const anyWeekday = weekdays.length === 7
  const anyDay = days.length === 31
  if (!anyDay && (!anyWeekday || days.length > MAX_TIMES)) return undefined
  const day = anyDay ? describeWeekdays(weekdays) : `on the ${list(days.map(ordinal))}`
  if (months.length === 12) return anyDay ? day : `${day} of every month`
  const month = list(months.map((number) => MONTHS[number - 1] ?? ''))
  return anyDay ? `${day === '' ? 'every day' : day} in ${month}` : `${day} of ${month}`
}

function describeWeekdays(weekdays: readonly number[]): string {
  const key = weekdays.join('')
  if (key === '0123456') return ''
  if (key === '12345') return 'every weekday'
  return key === '06' ? 'on weekends' : `on ${list(weekdays.map((number) => WEEKDAYS[number] ?? ''))}`
}

function ordinal(number: number): string {
  const last = Math.floor(number / 10) === 1 ? 0 : number % 10
  return `${String(number)}${['th', 'st', 'nd', 'rd'][last] ?? 'th'}`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}

/** `a`, `a and b`, `a, b and c`. */
function list(items: readonly string[]): string {
  const last = items.at(-1) ?? ''
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`
}
