/** `sqlite:///celeriac.db`: the timetable in the broker's file, so that all beats of this machine share it. */
import type { EntryDefinition } from '../../app/entry.ts'
import type { SqliteDatabase, SqlRow, SqlStatements } from '../../driver/sqlite.ts'
import { readSqliteOptions } from '../../transport/sqlite/options.ts'
import { readProcessTable } from '../../transport/sqlite/process.ts'
import type { ProcessTable } from '../../transport/sqlite/process.ts'
import { ensureSchema } from '../../transport/sqlite/schema.ts'
import { maskPassword } from '../../util/url.ts'
import { decodeStored, encodeEntry } from '../document.ts'
import type { EntryState, StoredEntry } from '../entry.ts'
import { markOf } from '../firing.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory, Leadership, StoredTimetable } from '../store.ts'

const INSERT_BEAT =
  "INSERT OR IGNORE INTO celeriac_beat (scope, version, token, boot, until_ms) VALUES (?, 0, 0, '', 0)"
const READ_BEAT = 'SELECT version, token, boot, until_ms FROM celeriac_beat WHERE scope = ?'
const WRITE_LEAD = 'UPDATE celeriac_beat SET token = ?, boot = ?, until_ms = ? WHERE scope = ?'
const CHANGED = 'UPDATE celeriac_beat SET version = version + 1 WHERE scope = ?'
const LIST = 'SELECT name, definition, last_due_ms, runs, paused FROM celeriac_entry WHERE scope = ? ORDER BY name'
const PUT = `INSERT INTO celeriac_entry (scope, name, definition, runs, paused) VALUES (?, ?, ?, 0, 0)
  ON CONFLICT DO UPDATE SET definition = excluded.definition`
const SAVE = `INSERT INTO celeriac_entry (scope, name, last_due_ms, runs, paused) VALUES (?, ?, ?, ?, 0)
  ON CONFLICT DO UPDATE SET last_due_ms = excluded.last_due_ms, runs = excluded.runs
  WHERE last_due_ms IS NULL OR excluded.last_due_ms > last_due_ms`
const PAUSE = `INSERT INTO celeriac_entry (scope, name, runs, paused) VALUES (?, ?, 0, 1)
  ON CONFLICT DO UPDATE SET paused = 1`
const RESUME = `INSERT INTO celeriac_entry (scope, name, last_due_ms, runs, paused) VALUES (?, ?, ?, 0, 0)
  ON CONFLICT DO UPDATE SET last_due_ms = excluded.last_due_ms, paused = 0`
const REMOVE = 'DELETE FROM celeriac_entry WHERE scope = ? AND name = ?'
const REMOVE_MARK = 'DELETE FROM celeriac_mark WHERE key = ?'
const SET_MARK = 'UPDATE celeriac_mark SET number = ? WHERE key = ?'

/** Nobody leads for so long without a word: a time that is further off was written before the machine was started. */
const LONGEST_LEAD_MS = 600_000

export const sqliteBeatStore: BeatStoreFactory = {
  name: 'sqlite',
  async open(url: string, { scope, broker }: BeatStoreContext): Promise<BeatStore> {
    const { context, transportOptions = {} } = broker
    const { file, busyTimeoutMs, synchronous } = readSqliteOptions(url, transportOptions)
    const database = context.sqlite.open(file, {
      ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
      ...(synchronous === undefined ? {} : { synchronous }),
    })
    try {
      await ensureSchema(database)
      await database.write((statements) => statements.run(INSERT_BEAT, scope))
    } catch (error) {
      await database.release()
      throw error
    }
    return new SqliteBeatStore(database, scope, maskPassword(url), readProcessTable())
  },
}

/** The row of an app. */
interface BeatRow {
  readonly version: number
  readonly token: number
  readonly isLed: boolean
}

class SqliteBeatStore implements BeatStore {
  readonly displayUrl: string
  readonly #database: SqliteDatabase
  readonly #scope: string
  readonly #processes: ProcessTable
  #closing: Promise<void> | undefined

  constructor(database: SqliteDatabase, scope: string, displayUrl: string, processes: ProcessTable) {
    this.#database = database
    this.#scope = scope
    this.displayUrl = displayUrl
    this.#processes = processes
  }

  async load(): Promise<StoredTimetable> {
    return this.#database.read((statements) => ({
      version: this.#beat(statements).version,
      entries: statements.all(LIST, this.#scope).map(storedEntry),
    }))
  }

  saveStates(leadership: Leadership, states: readonly EntryState[]): Promise<boolean> {
    return this.#database.write((statements) => {
      if (!this.#leads(statements, leadership)) return false
      for (const { name, lastDueMs, totalRunCount } of states) {
        statements.run(SAVE, this.#scope, name, lastDueMs, totalRunCount)
      }
      return true
    })
  }

  async putEntry(definition: EntryDefinition): Promise<void> {
    const text = encodeEntry(definition)
    await this.#change((statements) => {
      statements.run(PUT, this.#scope, definition.name, text)
    })
  }

  async removeEntries(names: readonly string[]): Promise<void> {
    await this.#change((statements) => {
      for (const name of names) {
        statements.run(REMOVE, this.#scope, name)
        statements.run(REMOVE_MARK, markOf(this.#scope, name))
      }
    })
  }

  async pause(name: string): Promise<void> {
    await this.#change((statements) => {
      statements.run(PAUSE, this.#scope, name)
    })
  }

  async resume(name: string, nowMs: number): Promise<void> {
    await this.#change((statements) => {
      statements.run(RESUME, this.#scope, name, nowMs)
      // Also back, where the clock was wrong before.
      statements.run(SET_MARK, nowMs, markOf(this.#scope, name))
    })
  }

  async acquire(ttlMs: number): Promise<Leadership | undefined> {
    // Who waits looks every second, and writes nothing.
    if (this.#database.read((statements) => this.#beat(statements).isLed)) return undefined
    return this.#database.write((statements) => {
      const { isLed, token } = this.#beat(statements)
      if (isLed) return undefined
      this.#lead(statements, token + 1, ttlMs)
      return { token: token + 1 }
    })
  }

  renew(leadership: Leadership, ttlMs: number): Promise<number | undefined> {
    return this.#database.write((statements) => {
      if (!this.#leads(statements, leadership)) return undefined
      this.#lead(statements, leadership.token, ttlMs)
      return this.#beat(statements).version
    })
  }

  async release(leadership: Leadership): Promise<void> {
    await this.#database.write((statements) => {
      if (this.#leads(statements, leadership)) this.#lead(statements, leadership.token, 0)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#database.release()
    return this.#closing
  }

  async #change(work: (statements: SqlStatements) => void): Promise<void> {
    await this.#database.write((statements) => {
      work(statements)
      statements.run(CHANGED, this.#scope)
    })
  }

  /** By the clock that nobody sets, and that begins anew with the machine. */
  #beat(statements: SqlStatements): BeatRow {
    const row = statements.get(READ_BEAT, this.#scope)
    const leftMs = Number(row?.['until_ms']) - this.#processes.monotonicMs()
    const isSameBoot = row?.['boot'] === this.#processes.self.boot
    return {
      version: Number(row?.['version']),
      token: Number(row?.['token']),
      isLed: isSameBoot && leftMs > 0 && leftMs <= LONGEST_LEAD_MS,
    }
  }

  #leads(statements: SqlStatements, leadership: Leadership): boolean {
    const { isLed, token } = this.#beat(statements)
    return isLed && token === leadership.token
  }

  #lead(statements: SqlStatements, token: number, ttlMs: number): void {
    const untilMs = Math.ceil(this.#processes.monotonicMs() + ttlMs)
    statements.run(WRITE_LEAD, token, this.#processes.self.boot, untilMs, this.#scope)
  }
}

function storedEntry(row: SqlRow): StoredEntry {
  const [name, lastDueMs, definition] = [String(row['name']), row['last_due_ms'], row['definition']]
  return {
    name,
    ...decodeStored(typeof definition === 'string' ? definition : undefined),
    state: typeof lastDueMs === 'number' ? { name, lastDueMs, totalRunCount: Number(row['runs']) } : undefined,
    paused: row['paused'] === 1,
  }
}
