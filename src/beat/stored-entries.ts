/**
 * Stored entries in memory, and the changes that a store makes to them: for stores that hold all of them at a time. What
 * stands for a definition is the store's matter.
 */
import type { EntryState, StoredEntry } from './entry.ts'

/** An entry whose definition is a `D`. */
export interface StoredRecord<D> extends Pick<StoredEntry, 'name' | 'state' | 'paused'> {
  readonly definition: D | undefined
}

export class StoredEntries<D> {
  readonly #records: Map<string, StoredRecord<D>>
  #version: number

  constructor(version: number = 0, records: readonly StoredRecord<D>[] = []) {
    this.#version = version
    this.#records = new Map(records.map((record) => [record.name, record]))
  }

  get version(): number {
    return this.#version
  }

  get records(): readonly StoredRecord<D>[] {
    return [...this.#records.values()]
  }

  /** See `BeatStore.putEntry`; likewise the others. */
  put(name: string, definition: D): void {
    this.#change({ ...this.#record(name), definition })
  }

  remove(names: readonly string[]): void {
    for (const name of names) this.#records.delete(name)
    this.#version += 1
  }

  pause(name: string): void {
    this.#change({ ...this.#record(name), paused: true })
  }

  resume(name: string, nowMs: number): void {
    const record = this.#record(name)
    const state = { name, lastDueMs: nowMs, totalRunCount: record.state?.totalRunCount ?? 0 }
    this.#change({ ...record, state, paused: false })
  }

  save(states: readonly EntryState[]): void {
    for (const state of states) {
      const record = this.#record(state.name)
      if (record.state !== undefined && state.lastDueMs <= record.state.lastDueMs) continue
      this.#records.set(state.name, { ...record, state })
    }
  }

  #record(name: string): StoredRecord<D> {
    return this.#records.get(name) ?? { name, definition: undefined, state: undefined, paused: false }
  }

  #change(record: StoredRecord<D>): void {
    this.#records.set(record.name, record)
    this.#version += 1
  }
}
