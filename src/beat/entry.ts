/** What beat remembers of an entry, and the names of its firings. What an entry is stands in `app/entry.ts`. */
import type { EntryDefinition } from '../app/entry.ts'

/** What is remembered of an entry from one beat to the next. */
export interface EntryState {
  readonly name: string
  /**
   * The last instant that was dealt with, in Unix milliseconds: when it was due, not when it was sent. The next one
   * follows from it and the schedule alone, so that all beats compute the same. Of a new entry: when it was first seen.
   */
  readonly lastDueMs: number
  /** How often it was sent. */
  readonly totalRunCount: number
}

/** An entry in a store: only those of run time have a definition there, for the others' are in the code. */
export interface StoredEntry {
  readonly name: string
  readonly definition: EntryDefinition | undefined
  /** There is a definition, and this is why it cannot be read: a newer celeriac has written it, or somebody else. */
  readonly unreadable?: Error
  /** Undefined where no beat has seen it yet. */
  readonly state: EntryState | undefined
  /** It rests until somebody resumes it. What is due meanwhile is not made up for. */
  readonly paused: boolean
}
