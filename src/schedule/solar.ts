/**
 * By the sun: sunrise, sunset, noon and the twilights at a place. The sun's position is computed by the package `suncalc`,
 * which is optional; here is what Celery's events are called there, and which of them comes next.
 */
import { requirePeer } from '../driver/load.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import type { Schedule } from './schedule.ts'

/** What is used of `suncalc`. An event that does not happen on a day is null. */
interface SunCalc {
  getTimes(date: Date, latitude: number, longitude: number): Readonly<Record<string, Date | null | undefined>>
}

/** Celery's events, and what they are called in `suncalc`. */
const EVENTS = {
  dawn_astronomical: 'nightEnd',
  dawn_nautical: 'nauticalDawn',
  dawn_civil: 'dawn',
  sunrise: 'sunrise',
  solar_noon: 'solarNoon',
  sunset: 'sunset',
  dusk_civil: 'dusk',
  dusk_nautical: 'nauticalDusk',
  dusk_astronomical: 'night',
} as const

/**
 * What the sun can do. At sunrise and sunset its upper edge is at the horizon; at the civil, nautical and astronomical
 * twilights its centre is 6, 12 and 18 degrees below.
 */
export type SolarEvent = keyof typeof EVENTS

/** The nine events, in the order of a day. */
export const SOLAR_EVENTS: readonly SolarEvent[] = Object.keys(EVENTS) as SolarEvent[]

const DAY_MS = 86_400_000
/** A place that sees no sunrise for so long never does: it is a pole. */
const MAX_DAYS = 400

/** Due at an event of the sun. On days without it, in polar summer and winter, it is not due. */
export class Solar implements Schedule {
  readonly event: SolarEvent
  readonly latitude: number
  readonly longitude: number
  readonly #sun: SunCalc

  constructor(event: SolarEvent, latitude: number, longitude: number) {
    if (!Object.hasOwn(EVENTS, event)) {
      const known = didYouMean(event, SOLAR_EVENTS) || `; there are ${SOLAR_EVENTS.join(', ')}`
      throw new ImproperlyConfigured(`There is no event "${event}" of the sun${known}`)
    }
    checkDegrees('latitude', latitude, 90)
    checkDegrees('longitude', longitude, 180)
    this.event = event
    this.latitude = latitude
    this.longitude = longitude
    this.#sun = requirePeer('suncalc', 'A solar schedule') as SunCalc
  }

  next(afterMs: number): number | undefined {
    // West of Greenwich an evening is on the next day of UTC: begin early enough for all.
    for (let day = -2; day <= MAX_DAYS; day += 1) {
      const atMs = this.#onDay(afterMs + day * DAY_MS)
      if (atMs !== undefined && atMs > afterMs) return atMs
    }
    return undefined
  }

  toString(): string {
    return `${this.event} ${String(this.latitude)} ${String(this.longitude)}`
  }

  /**
   * The event on the solar day of this instant, whatever time of the day it is. Full seconds: computers that disagree in
   * the last digit of a sine still name the same instant.
   */
  #onDay(timeMs: number): number | undefined {
    const at = this.#sun.getTimes(new Date(timeMs), this.latitude, this.longitude)[EVENTS[this.event]]
    return at === null || at === undefined ? undefined : Math.round(at.getTime() / 1000) * 1000
  }
}

function checkDegrees(name: string, value: number, max: number): void {
  if (value >= -max && value <= max) return
  throw new ImproperlyConfigured(`A ${name} is from -${String(max)} to ${String(max)} degrees, not ${String(value)}`)
}

/**
 * A schedule by the sun at a place, in degrees: north and east are positive. Needs the package `suncalc`. Throws
 * `ImproperlyConfigured` for an event or a place that there is not, `MissingDriver` without the package.
 *
 *     solar('sunset', -37.81753, 144.96715)
 */
export function solar(event: SolarEvent, latitude: number, longitude: number): Solar {
  return new Solar(event, latitude, longitude)
}
