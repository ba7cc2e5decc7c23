/** Wall clocks of time zones (IANA names). A wall time is the Unix milliseconds at which a clock in UTC shows the same. */
import { ImproperlyConfigured } from '../errors.ts'

const DAY_MS = 86_400_000

/** Making one costs far more than using it. Holds one entry for each zone that was ever named. */
const wallClocks = new Map<string, Intl.DateTimeFormat>()

/** How far the zone's clocks are ahead of UTC at this time, in milliseconds. Throws `ImproperlyConfigured` for no zone. */
export function zoneOffset(zone: string, timeMs: number): number {
  if (zone === 'UTC') return 0
  const secondMs = Math.floor(timeMs / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const { type, value } of wallClock(zone).formatToParts(secondMs)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  // Not Date.UTC, which takes 0 to 99 for years of the twentieth century.
  const dayMs = new Date(0).setUTCFullYear(year, month - 1, day)
  return dayMs + ((hour * 60 + minute) * 60 + second) * 1000 - secondMs
}

/** What the zone's clocks show at this time. */
export function toWallTime(zone: string, timeMs: number): number {
  return timeMs + zoneOffset(zone, timeMs)
}

/**
 * When the zone's clocks show this. Where they show it twice the first is meant, and where they skip it the time before
 * the change goes on: Python's `fold=0`.
 */
export function fromWallTime(zone: string, wallMs: number): number {
  const before = zoneOffset(zone, wallMs - DAY_MS)
  if (zoneOffset(zone, wallMs - before) === before) return wallMs - before
  const after = zoneOffset(zone, wallMs + DAY_MS)
  return zoneOffset(zone, wallMs - after) === after ? wallMs - after : wallMs - before
}

function wallClock(zone: string): Intl.DateTimeFormat {
  let clock = wallClocks.get(zone)
  if (clock === undefined) {
    const numeric = 'numeric' as const
    const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric }
    try {
      clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...fields })
    } catch (cause) {
      throw new ImproperlyConfigured(`"${zone}" is not a time zone; use a name such as "Europe/Berlin"`, { cause })
    }
    wallClocks.set(zone, clock)
  }
  return clock
}
