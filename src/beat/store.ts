/**
 * SEAM BeatStore: what beats share. Which entries were added at run time, where each entry stands, and which one of many
 * beats leads. Every implementation passes `test/suites/beat-store.test.ts`.
 *
 * A store belongs to one app by its name (`scope`): apps on one broker have timetables of their own.
 */
import type { EntryDefinition } from '../app/entry.ts'
import type { BrokerConnectionOptions } from '../messaging/connection.ts'
import type { EntryState, StoredEntry } from './entry.ts'

/** What every store may be given besides its URL. */
export interface BeatStoreContext {
  /** The app's name. */
  readonly scope: string
  /** How the broker is found. */
  readonly broker: BrokerConnectionOptions
  /** The file for states where the broker cannot keep them (`beatScheduleFilename`). */
  readonly filename: string
}

/** Makes stores of one kind. Entry of `registry.ts`. */
export interface BeatStoreFactory {
  /** The store's name in banners and reports, such as `sqlite`. */
  readonly name: string
  /**
   * Open the store that goes with a broker's URL. Rejects with `ConnectionError` where it cannot be reached,
   * `ImproperlyConfigured` for a wrong URL or option, `MissingDriver` where a package is not installed.
   */
  open(url: string, context: BeatStoreContext): Promise<BeatStore>
}

/** All that a store knows. */
export interface StoredTimetable {
  /** Changes whenever entries are added, changed, removed, paused or resumed; not with what `saveStates` writes. */
  readonly version: number
  readonly entries: readonly StoredEntry[]
}

/** The right to lead, for as long as it is renewed. */
export interface Leadership {
  /** The fencing token: greater than that of everybody who has led before. */
  readonly token: number
}

/** All verbs reject with `OperationalError` where the store cannot be reached; they may then be called again. */
export interface BeatStore {
  /** For banners and reports; passwords masked. */
  readonly displayUrl: string
  load(): Promise<StoredTimetable>
  /**
   * Write where entries stand, all or none. Of an entry that stands further already nothing is written. Answers false,
   * and writes nothing, where another one leads by now. Unknown entries are made.
   */
  saveStates(leadership: Leadership, states: readonly EntryState[]): Promise<boolean>
  /** Add an entry of run time, or put it in the place of an older one: then its state stays. */
  putEntry(definition: EntryDefinition): Promise<void>
  /** Forget entries, with their states. Names that are not known are ignored. */
  removeEntries(names: readonly string[]): Promise<void>
  /** Let an entry rest. Unknown entries are made. */
  pause(name: string): Promise<void>
  /** Let it go on from `nowMs`, Unix milliseconds: its last instant counts as this. */
  resume(name: string, nowMs: number): Promise<void>
  /** Become the one who leads, unless another one does. `ttlMs`: so long that lasts without `renew`. Does not wait. */
  acquire(ttlMs: number): Promise<Leadership | undefined>
  /** Go on leading. Answers the timetable's version; undefined where another one leads, or may, by now. */
  renew(leadership: Leadership, ttlMs: number): Promise<number | undefined>
  /** Lead no more, so that the next one can at once. Harmless where another one leads. */
  release(leadership: Leadership): Promise<void>
  /** May be called twice. */
  close(): Promise<void>
}
