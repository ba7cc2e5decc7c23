/** Rates as users write them: how often a task may start. */
import { repr } from '../util/repr.ts'
import { ImproperlyConfigured } from '../errors.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }
const RATE = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:\/\s*([smh]))?\s*$/

/**
 * Starts a second: `10/s`, `100/m`, `5/h`, or a number a second. 0 is no limit, and so is nothing. Throws
 * `ImproperlyConfigured` for anything else.
 */
export function startsPerSecond(rate: string | number | null | undefined): number {
  if (rate === null || rate === undefined || rate === '') return 0
  const match = RATE.exec(String(rate))
  if (match === null) {
    throw new ImproperlyConfigured(
      `Invalid rate limit string: ${repr(rate)}; write 10/s, 100/m, 5/h or a number a second`,
    )
  }
  const [, number, unit = 's'] = match
  return Number(number) / (UNITS[unit] ?? 1)
}
