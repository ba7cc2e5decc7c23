/**
 * SEAM Schedule: at which instants something is due. A schedule knows no clock and keeps no state: it is asked for the
 * instant after a given one. From that follow whether something is due, what was missed, and a name for each firing that
 * every beat computes alike.
 */

/** A timetable. Users may write their own; anything with the first two will do. */
export interface Schedule {
  /**
   * The first instant later than this one, Unix milliseconds; undefined where there is none any more. The same argument
   * must have the same answer always and everywhere.
   */
  next(afterMs: number): number | undefined
  /** What it is, for lists and logs: `0 9 * * 1-5 (Europe/Berlin)`, `every 30 s`. */
  toString(): string
  /**
   * The latest `limit` of the instants that asking `next` again and again gives, after the first and up to the second, in
   * order. For schedules that can tell without going through all of them.
   */
  missed?(afterMs: number, untilMs: number, limit: number): readonly number[]
}

/** Every instant after `lastMs` up to `nowMs`, the latest `limit` of them, in order. */
export function missed(schedule: Schedule, lastMs: number, nowMs: number, limit: number): readonly number[] {
  if (schedule.missed !== undefined) return schedule.missed(lastMs, nowMs, limit)
  return instantsBetween(schedule, lastMs, nowMs).slice(-limit)
}

/** The span in which those of a crontab are looked for first, and by how much it grows. */
const FIRST_SPAN_MS = 3_600_000
const SPAN_GROWTH = 8

/**
 * `missed` of a schedule whose instants do not depend on where one begins to ask: looked for from the end, for months may
 * have gone by.
 */
export function missedFromEnd(
  schedule: Pick<Schedule, 'next'>,
  lastMs: number,
  nowMs: number,
  limit: number,
): readonly number[] {
  for (let spanMs = FIRST_SPAN_MS; ; spanMs *= SPAN_GROWTH) {
    const fromMs = Math.max(lastMs, nowMs - spanMs)
    const instants = instantsBetween(schedule, fromMs, nowMs)
    if (instants.length >= limit || fromMs === lastMs) return instants.slice(-limit)
  }
}

function instantsBetween(schedule: Pick<Schedule, 'next'>, fromMs: number, untilMs: number): number[] {
  const instants: number[] = []
  for (let at = schedule.next(fromMs); at !== undefined && at <= untilMs; at = schedule.next(at)) instants.push(at)
  return instants
}
