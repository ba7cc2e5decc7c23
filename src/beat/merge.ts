/** One timetable of two: what the app's code says, and what the store knows. */
import type { EntryDefinition } from '../app/entry.ts'
import type { EntryState, StoredEntry } from './entry.ts'

/** A line of the timetable. */
export interface TimetableRow {
  readonly definition: EntryDefinition
  /** Undefined where no beat has seen it yet. */
  readonly state: EntryState | undefined
  readonly paused: boolean
}

/** The whole of it. */
export interface Timetable {
  readonly rows: readonly TimetableRow[]
  /** The names of what the store knows and nobody defines any more. */
  readonly orphans: readonly string[]
  /** Why entries are left out that the store has. */
  readonly unreadable: readonly Error[]
}

/** Put both together. Of entries with the same name the code's counts. */
export function mergeTimetable(code: readonly EntryDefinition[], stored: readonly StoredEntry[]): Timetable {
  const known = new Map(stored.map((entry) => [entry.name, entry]))
  const definitions = new Map<string, EntryDefinition>()
  for (const definition of code) definitions.set(definition.name, definition)
  for (const { name, definition } of stored) {
    if (definition !== undefined && !definitions.has(name)) definitions.set(name, definition)
  }
  const rows = [...definitions.values()].map((definition) => {
    const { state, paused = false } = known.get(definition.name) ?? {}
    return { definition, state, paused }
  })
  const unknown = stored.filter(({ name }) => !definitions.has(name))
  return {
    rows,
    orphans: unknown.filter(({ unreadable }) => unreadable === undefined).map(({ name }) => name),
    unreadable: unknown.flatMap(({ unreadable }) => unreadable ?? []),
  }
}
