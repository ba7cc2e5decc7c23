/**
 * Many deadlines, one timer. Setting and clearing cost a map entry, for nearly all deadlines are cleared long before
 * they come; what happens at one is the caller's matter.
 */
import type { Clock, Timer } from '../../util/clock.ts'

export class Deadlines<T> {
  readonly #clock: Clock
  readonly #onDue: (item: T) => void
  readonly #dueMs = new Map<T, number>()
  #timer: Timer | undefined
  #timerMs = Infinity

  /** `onDue` is called once for each item whose time is over. The timer does not keep the process alive. */
  constructor(clock: Clock, onDue: (item: T) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Call `onDue(item)` in `delayMs` milliseconds, in the place of what was set for this item before. */
  set(item: T, delayMs: number): void {
    const dueMs = this.#clock.monotonic() + delayMs
    this.#dueMs.set(item, dueMs)
    if (dueMs < this.#timerMs) this.#arm(dueMs)
  }

  /** Harmless for an item that is not set. The timer stays: it finds nothing due and looks for the next. */
  clear(item: T): void {
    this.#dueMs.delete(item)
  }

  /** Forget everything. */
  close(): void {
    this.#dueMs.clear()
    this.#timer?.cancel()
    this.#timerMs = Infinity
  }

  #arm(dueMs: number): void {
    this.#timer?.cancel()
    this.#timerMs = dueMs
    const delayMs = Math.max(dueMs - this.#clock.monotonic(), 0)
    this.#timer = this.#clock.after(delayMs, () => this.#fire(), { unref: true })
  }

  /** A walk over all of them: there are at most as many as jobs that run, and the timer seldom fires. */
  #fire(): void {
    this.#timerMs = Infinity
    const now = this.#clock.monotonic()
    const due: T[] = []
    let nextMs = Infinity
    for (const [item, dueMs] of this.#dueMs) {
      if (dueMs <= now) due.push(item)
      else if (dueMs < nextMs) nextMs = dueMs
    }
    if (nextMs !== Infinity) this.#arm(nextMs)
    for (const item of due) if (this.#dueMs.delete(item)) this.#onDue(item)
  }
}
