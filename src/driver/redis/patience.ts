/**
 * How long a link waits for replies. They come in the order of the commands, so one timer does for all of them: a link is
 * given up when none has come for too long although some are waited for.
 */
import type { Clock, Timer } from '../../util/clock.ts'

/** The patience of one link. */
export class Patience {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onEnd: () => void
  /** Sendings whose replies are waited for, without those of commands that block. */
  #pending = 0
  #blocked = 0
  /** The longest that one of those that block may do so. */
  #blockMs = 0
  /** When a reply came last, or was first waited for. */
  #heardMs: number
  #timer: Timer | undefined
  #onIdle: (() => void)[] = []

  /** `onEnd` is called once, when no reply has come for `timeoutMs`. */
  constructor(clock: Clock, timeoutMs: number, onEnd: () => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onEnd = onEnd
    this.#heardMs = clock.monotonic()
  }

  /** For how long nothing was said at all; 0 while a reply is waited for. */
  get idleMs(): number {
    return this.#isWaiting ? 0 : this.#clock.monotonic() - this.#heardMs
  }

  /** Commands leave. One of them may wait at the server for `blockMs`; 0 where none does. */
  begin(blockMs: number): void {
    if (!this.#isWaiting) this.#heardMs = this.#clock.monotonic()
    if (blockMs > 0) {
      this.#blocked += 1
      this.#blockMs = Math.max(this.#blockMs, blockMs)
    } else {
      this.#pending += 1
    }
    // It outlives what it was set for: most replies come long before, and the next ones need it again.
    this.#timer ??= this.#setTimer(this.#timeoutMs + this.#blockMs)
  }

  /** Their replies have come, or never will. */
  end(blockMs: number): void {
    this.#heardMs = this.#clock.monotonic()
    if (blockMs > 0) this.#blocked -= 1
    else this.#pending -= 1
    if (this.#blocked === 0) this.#blockMs = 0
    if (this.#pending === 0) this.#tellIdle()
  }

  /** Resolves when no reply is waited for but those of commands that block. */
  async untilIdle(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** The link is over. */
  stop(): void {
    this.#timer?.cancel()
    this.#tellIdle()
  }

  get #isWaiting(): boolean {
    return this.#pending + this.#blocked > 0
  }

  #tellIdle(): void {
    const told = this.#onIdle
    this.#onIdle = []
    for (const tell of told) tell()
  }

  #setTimer(delayMs: number): Timer {
    return this.#clock.after(
      delayMs,
      () => {
        this.#timer = undefined
        if (!this.#isWaiting) return
        const leftMs = this.#heardMs + this.#timeoutMs + this.#blockMs - this.#clock.monotonic()
        if (leftMs <= 0) this.#onEnd()
        else this.#timer = this.#setTimer(leftMs)
      },
      { unref: true },
    )
  }
}
