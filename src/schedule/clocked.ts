/** Once, at one instant. */
import { ImproperlyConfigured } from '../errors.ts'
import type { Schedule } from './schedule.ts'

/** Due once. */
export class Clocked implements Schedule {
  readonly atMs: number

  constructor(at: Date) {
    this.atMs = at.getTime()
    if (Number.isNaN(this.atMs)) throw new ImproperlyConfigured('A clocked schedule needs a valid date')
  }

  next(afterMs: number): number | undefined {
    return afterMs < this.atMs ? this.atMs : undefined
  }

  toString(): string {
    return `once, at ${new Date(this.atMs).toISOString()}`
  }
}

/** A schedule that is due once. Throws `ImproperlyConfigured` for an invalid date. */
export function clocked(at: Date): Clocked {
  return new Clocked(at)
}
