/**
 * SQLite behind our own small interface: `node:sqlite` where Node has it, else `@photostructure/sqlite`, whose binaries
 * ship inside the npm package. This is the door, and the register of files that an app has open; what a file can do is
 * `sqlite/database.ts`.
 *
 * Of the same file a process must use this one library only: another copy of SQLite in the process (a different
 * package on the same file) would break the locks of both. Other processes may use what they like.
 */
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { SqliteOptions } from './sqlite/connection.ts'
import { SharedDatabase } from './sqlite/database.ts'
import type { SqliteDatabase } from './sqlite/database.ts'
import { loadSqlite } from './sqlite/library.ts'
import type { SqliteLibrary } from './sqlite/library.ts'

export type { SqliteOptions } from './sqlite/connection.ts'
export type { SqliteDatabase } from './sqlite/database.ts'
export type { SqlRow, SqlValue } from './sqlite/library.ts'
export type { SqlStatements } from './sqlite/statements.ts'
export type { SqliteTopic } from './sqlite/wake.ts'

/** The open files of one app. */
export interface SqliteRegistry {
  /**
   * The database of this file, shared by all who ask; connects when it is first used, closes with the last `release()`.
   * Throws `MissingDriver` where there is no SQLite.
   */
  open(file: string, options: SqliteOptions): SqliteDatabase
}

interface Entry {
  readonly database: SharedDatabase
  users: number
}

/** The registry. Each app has its own. */
export class SqliteFiles implements SqliteRegistry {
  readonly #entries = new Map<string, Entry>()
  readonly #load: () => SqliteLibrary
  #library: SqliteLibrary | undefined

  /** `load` gives the library of this process; it is called when the first file is opened. */
  constructor(load: () => SqliteLibrary = loadSqlite) {
    this.#load = load
  }

  open(file: string, options: SqliteOptions): SqliteDatabase {
    const path = realPath(file)
    const known = this.#entries.get(path)
    if (known !== undefined && !known.database.isOver) {
      known.users += 1
      known.database.widen(options)
      return known.database
    }
    this.#library ??= this.#load()
    const entry: Entry = {
      users: 1,
      database: new SharedDatabase(this.#library, path, options, () => this.#released(path, entry)),
    }
    this.#entries.set(path, entry)
    return entry.database
  }

  /** Answers whether that was the last user. */
  #released(path: string, entry: Entry): boolean {
    entry.users -= 1
    if (entry.users > 0) return false
    // Another one may stand there already: this file was replaced.
    if (this.#entries.get(path) === entry) this.#entries.delete(path)
    return true
  }
}

/** One file has one entry, whatever it is called. The file need not be there yet. */
function realPath(file: string): string {
  const path = resolve(file)
  try {
    return realpathSync(path)
  } catch {
    return fromRealFolder(path)
  }
}

function fromRealFolder(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    // The folder is missing: connecting will say so.
    return path
  }
}
