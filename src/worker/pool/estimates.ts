/**
 * How long tasks take, by name, as far as it is known: what decides whether a child may be handed jobs ahead. Careful:
 * one slow run counts at once, and is forgotten slowly.
 */

/** What each faster run takes off the difference. */
const FORGET = 1 / 8

export class Estimates {
  readonly #byName = new Map<string, number>()
  #typicalMs: number | undefined

  /** A job of this task took so long. */
  add(taskName: string, busyMs: number): void {
    this.#byName.set(taskName, decay(this.#byName.get(taskName), busyMs))
    this.#typicalMs = decay(this.#typicalMs, busyMs)
  }

  /** Milliseconds that a job of this task is likely to take at most; undefined for a task that never ran. */
  of(taskName: string): number | undefined {
    return this.#byName.get(taskName)
  }

  /** Likewise for a job of which nothing is known; undefined before the first one ran. */
  get typicalMs(): number | undefined {
    return this.#typicalMs
  }
}

function decay(before: number | undefined, sample: number): number {
  return before === undefined || sample >= before ? sample : before + (sample - before) * FORGET
}
