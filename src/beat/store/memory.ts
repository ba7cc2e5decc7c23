/** `memory://`: a timetable in this process. All beats that share the factory share it. */
import type { EntryDefinition } from '../../app/entry.ts'
import type { Clock } from '../../util/clock.ts'
import type { EntryState, StoredEntry } from '../entry.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory, Leadership, StoredTimetable } from '../store.ts'

/** What is shared. */
interface Shared {
  readonly entries: Map<string, StoredEntry>
  version: number
  /** The token of the last one who led. */
  token: number
  /** By the clock that nobody sets. */
  ledUntilMs: number
}

export class MemoryBeatStoreFactory implements BeatStoreFactory {
  readonly name = 'memory'
  readonly #shared = new Map<string, Shared>()

  async open(_url: string, { scope, broker }: BeatStoreContext): Promise<BeatStore> {
    let shared = this.#shared.get(scope)
    if (shared === undefined) {
      shared = { entries: new Map(), version: 0, token: 0, ledUntilMs: -Infinity }
      this.#shared.set(scope, shared)
    }
    return new MemoryBeatStore(shared, broker.context.clock)
  }
}

class MemoryBeatStore implements BeatStore {
  readonly displayUrl = 'memory://'
  readonly #shared: Shared
  readonly #clock: Clock

  constructor(shared: Shared, clock: Clock) {
    this.#shared = shared
    this.#clock = clock
  }

  async load(): Promise<StoredTimetable> {
    const { version, entries } = this.#shared
    return { version, entries: [...entries.values()] }
  }

  async saveStates(leadership: Leadership, states: readonly EntryState[]): Promise<boolean> {
    if (!this.#leads(leadership)) return false
    for (const state of states) {
      const entry = this.#entry(state.name)
      if (entry.state === undefined || state.lastDueMs > entry.state.lastDueMs) this.#set({ ...entry, state })
    }
    return true
  }

  async putEntry(definition: EntryDefinition): Promise<void> {
    this.#change({ ...this.#entry(definition.name), definition })
  }

  async removeEntries(names: readonly string[]): Promise<void> {
    for (const name of names) this.#shared.entries.delete(name)
    this.#shared.version += 1
  }

  async pause(name: string): Promise<void> {
    this.#change({ ...this.#entry(name), paused: true })
  }

  async resume(name: string, nowMs: number): Promise<void> {
    const entry = this.#entry(name)
    const state = { name, lastDueMs: nowMs, totalRunCount: entry.state?.totalRunCount ?? 0 }
    this.#change({ ...entry, state, paused: false })
  }

  async acquire(ttlMs: number): Promise<Leadership | undefined> {
    if (this.#clock.monotonic() < this.#shared.ledUntilMs) return undefined
    this.#shared.token += 1
    this.#shared.ledUntilMs = this.#clock.monotonic() + ttlMs
    return { token: this.#shared.token }
  }

  async renew(leadership: Leadership, ttlMs: number): Promise<number | undefined> {
    if (!this.#leads(leadership)) return undefined
    this.#shared.ledUntilMs = this.#clock.monotonic() + ttlMs
    return this.#shared.version
  }

  async release(leadership: Leadership): Promise<void> {
    if (this.#leads(leadership)) this.#shared.ledUntilMs = -Infinity
  }

  async close(): Promise<void> {
    // There is nothing to close: what is stored goes with the factory.
  }

  #leads({ token }: Leadership): boolean {
    return token === this.#shared.token && this.#clock.monotonic() < this.#shared.ledUntilMs
  }

  #entry(name: string): StoredEntry {
    return this.#shared.entries.get(name) ?? { name, definition: undefined, state: undefined, paused: false }
  }

  #set(entry: StoredEntry): void {
    this.#shared.entries.set(entry.name, entry)
  }

  #change(entry: StoredEntry): void {
    this.#set(entry)
    this.#shared.version += 1
  }
}
