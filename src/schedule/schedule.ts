/**
 * SEAM Schedule: at which instants something is due. A schedule knows no clock and keeps no state: it is asked for the
 * instant after a given one. From that follow whether something is due, what was missed, and a name for each firing that
 * every beat computes alike.
 */

/** A timetable. Users may write their own; anything with these two will do. */
export interface Schedule {
  /**
   * The first instant later than this one, Unix milliseconds; undefined where there is none any more. The same argument
   * must have the same answer always and everywhere.
   */
  next(afterMs: number): number | undefined
  /** What it is, for lists and logs: `0 9 * * 1-5 (Europe/Berlin)`, `every 30 s`. */
  toString(): string
}

/** Is it due, and how long until it should be asked again: Celery's `is_due`. */
export interface Dueness {
  readonly due: boolean
  /** Milliseconds from now to the next instant that is still to come; undefined where there is none. */
  readonly nextMs: number | undefined
}

/** Where a schedule stands at `nowMs` when it was last due at `lastMs`. */
export function isDue(schedule: Schedule, lastMs: number, nowMs: number): Dueness {
  const first = schedule.next(lastMs)
  const due = first !== undefined && first <= nowMs
  const next = due ? schedule.next(nowMs) : first
  return { due, nextMs: next === undefined ? undefined : next - nowMs }
}

/** Every instant after `lastMs` up to `nowMs`, the latest `limit` of them, in order. */
export function missed(schedule: Schedule, lastMs: number, nowMs: number, limit: number): number[] {
  const instants: number[] = []
  for (let at = schedule.next(lastMs); at !== undefined && at <= nowMs; at = schedule.next(at)) {
    instants.push(at)
    if (instants.length > limit) instants.shift()
  }
  return instants
}
