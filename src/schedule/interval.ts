/** Every so many seconds. */
import { ImproperlyConfigured } from '../errors.ts'
import type { Schedule } from './schedule.ts'

/** How an interval counts. */
export interface IntervalOptions {
  /**
   * On round times instead of from the last run: at midnight for a day and more, at full hours for an hour and more, at
   * full minutes for a minute and more, at full seconds below (UTC). Celery's `relative`. Default false.
   */
  readonly relative?: boolean
}

const SECOND_MS = 1000
/** What a relative interval is rounded down to: the largest of these that fits into it. */
const ROUND_MS: readonly number[] = [86_400_000, 3_600_000, 60_000, SECOND_MS]

/** Due `every` seconds after it was last due: it never drifts, however late a beat is. */
export class Interval implements Schedule {
  readonly everyMs: number
  readonly relative: boolean

  constructor(every: number, { relative = false }: IntervalOptions = {}) {
    if (!(every > 0) || !Number.isFinite(every)) {
      throw new ImproperlyConfigured(`An interval must be more than 0 seconds, not ${String(every)}`)
    }
    this.everyMs = Math.max(Math.round(every * 1000), 1)
    this.relative = relative
  }

  next(afterMs: number): number {
    const endMs = afterMs + this.everyMs
    if (!this.relative) return endMs
    const stepMs = ROUND_MS.find((roundMs) => this.everyMs >= roundMs) ?? SECOND_MS
    const roundedMs = Math.floor(endMs / stepMs) * stepMs
    return roundedMs > afterMs ? roundedMs : roundedMs + stepMs
  }

  missed(afterMs: number, untilMs: number, limit: number): readonly number[] {
    const firstMs = this.next(afterMs)
    if (firstMs > untilMs) return []
    // From the first on they are as far apart as the first two: round times follow on round times.
    const stepMs = this.next(firstMs) - firstMs
    const last = Math.floor((untilMs - firstMs) / stepMs)
    const count = Math.min(limit, last + 1)
    return Array.from({ length: count }, (_, index) => firstMs + (last - count + 1 + index) * stepMs)
  }

  toString(): string {
    return `every ${String(this.everyMs / 1000)} s${this.relative ? ', on round times' : ''}`
  }
}

/**
 * A schedule of every so many seconds; fractions are allowed. Throws `ImproperlyConfigured` where it is not above 0.
 *
 *     app.addPeriodicTask(interval(30), ping.s())
 */
export function interval(every: number, options: IntervalOptions = {}): Interval {
  return new Interval(every, options)
}
