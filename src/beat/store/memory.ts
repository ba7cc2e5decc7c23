/** `memory://`: a timetable in this process. All beats that share the factory share it. */
import type { EntryDefinition } from '../../app/entry.ts'
import type { Clock } from '../../util/clock.ts'
import type { EntryState } from '../entry.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory, Leadership, StoredTimetable } from '../store.ts'
import { StoredEntries } from '../stored-entries.ts'

/** What is shared. */
interface Shared {
  readonly entries: StoredEntries<EntryDefinition>
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
      shared = { entries: new StoredEntries(), token: 0, ledUntilMs: -Infinity }
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
    const { version, records } = this.#shared.entries
    return { version, entries: records }
  }

  async saveStates(leadership: Leadership, states: readonly EntryState[]): Promise<boolean> {
    if (!this.#leads(leadership)) return false
    this.#shared.entries.save(states)
    return true
  }

  async putEntry(definition: EntryDefinition): Promise<void> {
    this.#shared.entries.put(definition.name, definition)
  }

  async removeEntries(names: readonly string[]): Promise<void> {
    this.#shared.entries.remove(names)
  }

  async pause(name: string): Promise<void> {
    this.#shared.entries.pause(name)
  }

  async resume(name: string, nowMs: number): Promise<void> {
    this.#shared.entries.resume(name, nowMs)
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
    return this.#shared.entries.version
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
}
