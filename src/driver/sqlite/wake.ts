/**
 * Wakes other processes that have the same SQLite file open. Whoever has committed something writes a fresh token into
 * the slot of its topic; whoever waits watches the file and compares tokens, so that a process is not woken by itself.
 * What there is to see is in the database; a lost wake-up costs time, not data.
 */
import { randomBytes } from 'node:crypto'
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { SIDE_FILE_BYTES, SLOT_BYTES, SLOTS } from './side-file.ts'
import type { SideFile } from './side-file.ts'

/** What there is news of. */
export const SQLITE_TOPICS = ['messages', 'results'] as const
export type SqliteTopic = (typeof SQLITE_TOPICS)[number]

export class WakeUps {
  readonly #file: SideFile
  readonly #onWake: (topics: readonly SqliteTopic[]) => void
  /** The slots as they were last written or read here. */
  readonly #seen: Buffer = Buffer.alloc(SIDE_FILE_BYTES)
  readonly #read: Buffer = Buffer.alloc(SIDE_FILE_BYTES)
  /** Four bytes that are this object's own, four that count. */
  readonly #token: Buffer = Buffer.concat([randomBytes(4), Buffer.alloc(4)])
  #count = 0
  #watcher: FSWatcher | undefined

  /** `onWake` is told of the topics that others have news of, while the file is watched. Must not throw. */
  constructor(file: SideFile, onWake: (topics: readonly SqliteTopic[]) => void) {
    this.#file = file
    this.#onWake = onWake
  }

  /** Is somebody told when another process writes? */
  get watching(): boolean {
    return this.#watcher !== undefined
  }

  /** Wake the others. */
  poke(topic: SqliteTopic): void {
    const slot = SLOTS[topic]
    this.#count = (this.#count + 1) >>> 0
    this.#token.writeUInt32LE(this.#count, SLOT_BYTES / 2)
    this.#token.copy(this.#seen, slot * SLOT_BYTES)
    this.#file.write(slot, this.#token)
  }

  /** Watch from now on; keeps the process alive. What was written before is not reported: look once afterwards. */
  watch(): void {
    if (this.#watcher !== undefined) {
      this.#watcher.ref()
      return
    }
    if (!this.#file.open()) return
    try {
      this.#watcher = watch(this.#file.path, (event) => {
        // Deleted or replaced: a watch on it would never tell of anything again.
        if (event === 'rename') this.stop()
        else this.#look()
      })
    } catch {
      // No more watches are to be had, or this file system has none.
      return
    }
    this.#watcher.on('error', () => {
      this.stop()
    })
    this.#changedTopics()
  }

  /** Let the process end; a watch that is wanted again soon costs nothing then. */
  unref(): void {
    this.#watcher?.unref()
  }

  stop(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #look(): void {
    const changed = this.#changedTopics()
    if (changed.length > 0) this.#onWake(changed)
  }

  /** The topics whose tokens are neither ours nor known. */
  #changedTopics(): readonly SqliteTopic[] {
    if (!this.#file.read(this.#read)) return SQLITE_TOPICS
    const changed = SQLITE_TOPICS.filter((topic) => {
      const at = SLOTS[topic] * SLOT_BYTES
      return this.#read.compare(this.#seen, at, at + SLOT_BYTES, at, at + SLOT_BYTES) !== 0
    })
    this.#read.copy(this.#seen)
    return changed
  }
}
