/**
 * Whose turn it is to write. SQLite's lock goes to whoever asks at the right moment: a process that writes without a
 * pause would hardly ever let another one in. So a process that waits leaves a note, and one that has been
 * writing for a while makes a short pause where it finds such a note. Notes are hints: the lock itself is SQLite's.
 */
import { randomBytes } from 'node:crypto'
import { SIDE_FILE_BYTES, SLOT_BYTES, SLOTS } from './side-file.ts'
import type { SideFile } from './side-file.ts'

/** How long a process may write without looking for notes: the longer, the less is lost by changing over. */
const STINT_MS = 8
/** A pause that is surely longer than the time between two attempts of the one who waits. */
const PAUSE_MS = 4
/** Without a write for so long, somebody else had a chance anyway. */
const GAP_MS = 1
/** Attempts come as often as timers allow. Who holds a lock for seconds is none of us: ask less often, to save power. */
const ATTEMPT_MS = 2
const SLOW_ATTEMPT_MS = 16
const SLOW_AFTER_MS = 5_000
const NOTE_AT: number = SLOTS.turns * SLOT_BYTES
const NO_NOTE: Buffer = Buffer.alloc(SLOT_BYTES)

export class Turns {
  readonly #file: SideFile
  readonly #notes: Buffer = Buffer.alloc(SIDE_FILE_BYTES)
  readonly #note: Buffer = randomBytes(SLOT_BYTES)
  #stintMs = 0
  #lastMs = 0
  #waitingMs: number | undefined

  constructor(file: SideFile) {
    this.#file = file
  }

  /** Before a write: how many milliseconds to let others go first, mostly 0. */
  pauseMs(): number {
    const nowMs = performance.now()
    if (nowMs - this.#lastMs > GAP_MS) this.#stintMs = nowMs
    if (nowMs - this.#stintMs < STINT_MS) return 0
    this.#stintMs = nowMs
    if (!this.#someoneWaits()) return 0
    // Who still waits afterwards leaves the note again; who has died does not.
    this.#clear()
    return PAUSE_MS
  }

  /** The lock is taken: leave a note. Answers how many milliseconds later to ask again. */
  collided(): number {
    const nowMs = performance.now()
    this.#waitingMs ??= nowMs
    this.#file.write(SLOTS.turns, this.#note)
    // Random, so that processes that wait do not meet again.
    return Math.ceil(Math.random() * (nowMs - this.#waitingMs < SLOW_AFTER_MS ? ATTEMPT_MS : SLOW_ATTEMPT_MS))
  }

  /** The lock is ours. */
  entered(): void {
    if (this.#waitingMs === undefined) return
    this.#waitingMs = undefined
    this.#stintMs = performance.now()
    if (!this.#someoneWaits()) this.#clear()
  }

  /** The lock is free again. */
  left(): void {
    this.#lastMs = performance.now()
  }

  #someoneWaits(): boolean {
    if (!this.#file.read(this.#notes)) return false
    const note = this.#notes.subarray(NOTE_AT, NOTE_AT + SLOT_BYTES)
    return !note.equals(NO_NOTE) && !note.equals(this.#note)
  }

  #clear(): void {
    this.#file.write(SLOTS.turns, NO_NOTE)
  }
}
