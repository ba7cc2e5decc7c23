/**
 * Writes where entries stand, together and not too often. A state that is lost costs nothing where the broker refuses what
 * was sent before; elsewhere what was sent in between is sent twice, which is why there is no waiting for the first.
 */
import type { Clock, Timer } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { EntryState } from './entry.ts'

export interface StateWriterParts {
  readonly clock: Clock
  readonly logger: Logger
  /** False: another one leads. */
  readonly write: (states: readonly EntryState[]) => Promise<boolean>
  readonly onRefused: () => void
}

const INTERVAL_MS = 250

export class StateWriter {
  readonly #parts: StateWriterParts
  #states = new Map<string, EntryState>()
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #lastMs = -Infinity

  constructor(parts: StateWriterParts) {
    this.#parts = parts
  }

  /** How many entries are not written yet. */
  get pending(): number {
    return this.#states.size
  }

  /** To be written soon. */
  note(state: EntryState): void {
    this.#states.set(state.name, state)
    if (this.#timer !== undefined) return
    const { clock } = this.#parts
    const delayMs = Math.max(0, this.#lastMs + INTERVAL_MS - clock.monotonic())
    this.#timer = clock.after(delayMs, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  /** Write what is pending. Never rejects: what could not be written stays pending, and the log says so. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** Write nothing any more by itself. */
  stop(): void {
    this.#timer?.cancel()
  }

  async #write(): Promise<void> {
    const states = [...this.#states.values()]
    if (states.length === 0) return
    const { clock, logger, write, onRefused } = this.#parts
    try {
      if (!(await write(states))) onRefused()
      for (const state of states) if (this.#states.get(state.name) === state) this.#states.delete(state.name)
    } catch (error) {
      logger.warning('Where the entries of beat stand could not be written; it is tried again', { error })
    }
    this.#lastMs = clock.monotonic()
  }
}
