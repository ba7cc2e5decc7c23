/**
 * The prefetch count: how many messages the worker has in hand. Celery's rule is a number (multiplier times concurrency);
 * for tasks that last microseconds that number is so small that the way to the broker and back is all the work. So the
 * count follows the pace: as many as the worker ends in 20 ms, at least Celery's number. When the pace drops, the count
 * drops at once, and what has not started goes back for others to take.
 */
import type { Clock, Timer } from '../util/clock.ts'

/** What the prefetch count depends on. */
export interface PrefetchParts {
  /** Celery's number, and the smallest count; 0 is no limit, and stays so. */
  readonly smallest: number
  readonly clock: Clock
  /** Have at most so many in hand from now on. */
  readonly apply: (count: number) => void
}

/** So much work may lie in hand, in milliseconds: nobody minds waiting so long for another worker. */
const IN_HAND_MS = 20
const LARGEST = 2000
/** No end of a task for so long means that the pace has dropped. */
const STALL_MS = 100

/** How many messages one worker has in hand. */
export class PrefetchCount {
  readonly #parts: PrefetchParts
  #count: number
  /** Tasks that ended, and how many of them before `#sinceMs`. */
  #ended = 0
  #before = 0
  #sinceMs: number
  #watch: Timer | undefined

  constructor(parts: PrefetchParts) {
    this.#parts = parts
    this.#count = parts.smallest
    this.#sinceMs = parts.clock.monotonic()
  }

  /** The count of now; 0 is no limit. */
  get count(): number {
    return this.#count
  }

  /** A task has ended. */
  ended(): void {
    if (this.#parts.smallest === 0) return
    this.#ended += 1
    const elapsedMs = this.#parts.clock.monotonic() - this.#sinceMs
    if (elapsedMs >= IN_HAND_MS) this.#follow(elapsedMs)
  }

  /** Watch the pace no more. */
  stop(): void {
    this.#watch?.cancel()
    this.#watch = undefined
  }

  #follow(elapsedMs: number): void {
    const wanted = Math.ceil(((this.#ended - this.#before) / elapsedMs) * IN_HAND_MS)
    this.#before = this.#ended
    this.#sinceMs += elapsedMs
    // Not with every breath: each change is a message to some brokers.
    const count = Math.min(Math.max(wanted, this.#parts.smallest), LARGEST)
    if (count > this.#count * 1.25 || count < this.#count / 2) this.#change(count)
  }

  #change(count: number): void {
    this.#count = count
    this.stop()
    if (count > this.#parts.smallest) this.#watchForStall()
    this.#parts.apply(count)
  }

  #watchForStall(): void {
    const { clock, smallest } = this.#parts
    const ended = this.#ended
    this.#watch = clock.after(
      STALL_MS,
      () => {
        if (this.#ended > ended) this.#watchForStall()
        else this.#change(smallest)
      },
      { unref: true },
    )
  }
}
