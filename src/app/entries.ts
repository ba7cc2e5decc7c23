/** Entries: what an app's own code puts on beat's timetable. What is added at run time lies in the beat's store. */
import type { EntryDefinition } from './entry.ts'

export class Entries {
  readonly #entries = new Map<string, EntryDefinition>()

  /** Add an entry; one of the same name goes. */
  add(entry: EntryDefinition): void {
    this.#entries.set(entry.name, entry)
  }

  /** All of them, in the order in which they came. */
  all(): readonly EntryDefinition[] {
    return [...this.#entries.values()]
  }
}
