/** Stored entries in memory, and the changes that a store makes to them: for stores that hold all of them at a time. */
import type { EntryDefinition } from '../app/entry.ts'
import type { EntryState, StoredEntry } from './entry.ts'
import type { StoredTimetable } from './store.ts'

export class StoredEntries implements StoredTimetable {
  readonly #entries: Map<string, StoredEntry>
  #version: number

  constructor({ version, entries }: StoredTimetable = { version: 0, entries: [] }) {
    this.#version = version
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]))
  }

  get version(): number {
    return this.#version
  }

  get entries(): readonly StoredEntry[] {
    return [...this.#entries.values()]
  }

  /** See `BeatStore.putEntry`; likewise the others. */
  put(definition: EntryDefinition): void {
    const { state, paused } = this.#entry(definition.name)
    this.#change({ name: definition.name, definition, state, paused })
  }

  remove(names: readonly string[]): void {
    for (const name of names) this.#entries.delete(name)
    this.#version += 1
  }

  pause(name: string): void {
    this.#change({ ...this.#entry(name), paused: true })
  }

  resume(name: string, nowMs: number): void {
    const entry = this.#entry(name)
    const state = { name, lastDueMs: nowMs, totalRunCount: entry.state?.totalRunCount ?? 0 }
    this.#change({ ...entry, state, paused: false })
  }

  save(states: readonly EntryState[]): void {
    for (const state of states) {
      const entry = this.#entry(state.name)
      if (entry.state !== undefined && state.lastDueMs <= entry.state.lastDueMs) continue
      this.#entries.set(state.name, { ...entry, state })
    }
  }

  #entry(name: string): StoredEntry {
    return this.#entries.get(name) ?? { name, definition: undefined, state: undefined, paused: false }
  }

  #change(entry: StoredEntry): void {
    this.#entries.set(entry.name, entry)
    this.#version += 1
  }
}
