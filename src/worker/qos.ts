/**
 * The prefetch count: how many messages the worker has in hand. Celery's rule is a number (multiplier times concurrency);
 * for tasks that last microseconds that number is so small that the way to the broker and back is all the work. So the
 * count follows the pace: as many as the worker ends in 10 ms, and those whose results are on their way to the store, at
 * least Celery's number. When the pace drops, the count drops within a tenth of a second, and what has not started goes
 * back for others to take. What is held until its time (`eta.ts`) comes on top, as in Celery: it must not keep the worker
 * from work. After a lost connection the count is smaller for a while, as in Celery: the tasks that still run from before
 * are in hand, though the new connection knows nothing of them.
 */
import type { Clock, Timer } from '../util/clock.ts'

/** What the prefetch count depends on. */
export interface PrefetchParts {
  /** Celery's number, and the smallest count at first; 0 is no limit, and stays so. */
  readonly smallest: number
  /** What is held lets the count grow no further than this (`workerEtaTaskLimit`). Default: no limit. */
  readonly largestWithHeld?: number
  /** Messages in hand for each task at a time: so many fewer for each that runs since before the connection was lost. */
  readonly multiplier: number
  readonly clock: Clock
  /** How many have run and are not acknowledged yet. */
  readonly settling: () => number
  /** Have at most so many in hand from now on; with `keep`, give back what has not started beyond this number. */
  readonly apply: (count: number, keep: number | undefined) => void
}

/**
 * So much work may lie in hand, in milliseconds: nobody minds waiting so long for another worker. More makes nothing
 * faster: what is in hand is what each garbage collection copies.
 */
const IN_HAND_MS = 10
const LARGEST = 2000
/** No end of a task for so long, or fewer ends, means that the pace has dropped; less may be a breath of the machine. */
const STALL_MS = 100

/** What the pace of a moment asked for. */
interface Moment {
  readonly wanted: number
  /** When it is over and forgotten, on the monotonic clock. */
  readonly untilMs: number
}

/** How many messages one worker has in hand. */
export class PrefetchCount {
  readonly #parts: PrefetchParts
  #smallest: number
  /** What the pace allows. */
  #pace: number
  /** Messages that are held until their time. */
  #held = 0
  /** Tasks that run since before the connection was lost, as far as they count. */
  #left = 0
  /** Tasks that ended, and how many of them before `#sinceMs`. */
  #ended = 0
  #before = 0
  #sinceMs: number
  /** The most that were settling since then. */
  #settling = 0
  /** The last tenth of a second. */
  #moments: Moment[] = []
  #watch: Timer | undefined

  constructor(parts: PrefetchParts) {
    this.#parts = parts
    this.#smallest = parts.smallest
    this.#pace = parts.smallest
    this.#sinceMs = parts.clock.monotonic()
  }

  /** The count of now; 0 is no limit. */
  get count(): number {
    const { largestWithHeld = Infinity, multiplier } = this.#parts
    if (this.#smallest === 0) return 0
    const whole = Math.max(this.#pace, Math.min(this.#pace + this.#held, largestWithHeld))
    return this.#left === 0 ? whole : Math.max(whole - this.#left * multiplier, multiplier)
  }

  /** The pool has another size: at least so many from now on. No limit stays none. */
  resize(smallest: number): void {
    if (this.#smallest === 0 || smallest === this.#smallest) return
    const follows = this.#pace > this.#smallest
    this.#smallest = smallest
    this.#change(follows ? Math.max(this.#pace, smallest) : smallest)
  }

  /** So many messages are held until their time. */
  hold(held: number): void {
    if (held === this.#held) return
    const before = this.count
    this.#held = held
    if (this.count !== before) this.#parts.apply(this.count, undefined)
  }

  /** The connection is lost, and so many tasks run: until they have ended the next one gives us fewer messages. */
  lost(running: number): void {
    this.#setLeft(running)
  }

  /** A task has ended. */
  ended(): void {
    if (this.#smallest === 0) return
    if (this.#left > 0) this.#setLeft(this.#left - 1)
    this.#ended += 1
    this.#settling = Math.max(this.#settling, this.#parts.settling())
    const elapsedMs = this.#parts.clock.monotonic() - this.#sinceMs
    if (elapsedMs >= IN_HAND_MS) this.#follow(elapsedMs)
  }

  /** Watch the pace no more. */
  stop(): void {
    this.#watch?.cancel()
    this.#watch = undefined
  }

  #setLeft(left: number): void {
    const before = this.count
    this.#left = left
    if (this.count !== before) this.#parts.apply(this.count, undefined)
  }

  #follow(elapsedMs: number): void {
    const wanted = Math.ceil(((this.#ended - this.#before) / elapsedMs) * IN_HAND_MS) + this.#settling
    this.#before = this.#ended
    this.#settling = 0
    this.#sinceMs += elapsedMs
    this.#moments = this.#moments.filter(({ untilMs }) => untilMs > this.#sinceMs)
    this.#moments.push({ wanted, untilMs: this.#sinceMs + STALL_MS })
    const most = Math.max(...this.#moments.map((moment) => moment.wanted))
    const count = Math.min(Math.max(most, this.#smallest), LARGEST)
    // Not with every breath: each change is a message to some brokers.
    if (count > this.#pace * 1.25 || count < this.#pace / 2) this.#change(count)
  }

  #change(pace: number): void {
    this.#pace = pace
    this.stop()
    if (pace > this.#smallest) this.#watchForStall()
    this.#parts.apply(this.count, pace)
  }

  #watchForStall(): void {
    const ended = this.#ended
    this.#watch = this.#parts.clock.after(
      STALL_MS,
      () => {
        if (this.#ended > ended) this.#watchForStall()
        else this.#change(this.#smallest)
      },
      { unref: true },
    )
  }
}
