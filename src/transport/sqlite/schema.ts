/**
 * The tables in the file, for messages (`messages.ts`, `topology.ts`, `owners.ts`) results (`backend/sqlite.ts`) and
 * beat (`beat/store/sqlite.ts`). All
 * names begin with `celeriac_`, so they get along with the tables of another application.
 *
 * A message is written once and deleted once; in between only its number moves. Numbers of messages that follow one
 * another are kept as one run, so that taking and giving back hundreds costs as much as one:
 *
 *     put      message + run (or, not due yet, due)        take     run -> held
 *     release  held -> run (or, put off, due)                ack      message deleted
 */
import { ImproperlyConfigured } from '../../errors.ts'
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'

/** The form of the tables below: the number of the last step. A file with a higher number was written by a newer celeriac. */
export const SCHEMA_VERSION = 3

/** Rows of `celeriac_counter` besides the queues'. */
export const COUNTER = {
  /** The number of the newest message. */
  message: 0,
  /** Grows with every change of exchanges and bindings. */
  topology: -1,
  /** The number of the newest result. */
  result: -2,
} as const

const FIRST_TABLES: readonly string[] = [
  'CREATE TABLE celeriac_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID',

  // All numbers that change with every transaction, on one page: see COUNTER; with a queue's id, how many wait there.
  'CREATE TABLE celeriac_counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)',

  // "expires_ms" and "ttl_ms" are the arguments; "used_ms" is when somebody declared it or took from it last.
  `CREATE TABLE celeriac_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, declaration TEXT NOT NULL,
    auto_delete INTEGER NOT NULL, expires_ms INTEGER, ttl_ms INTEGER, used_ms INTEGER NOT NULL)`,
  // Who consumes a queue: so long it does not expire, and with the last of them an auto-delete one goes.
  'CREATE TABLE celeriac_consumer (queue INTEGER, owner INTEGER, PRIMARY KEY (queue, owner)) WITHOUT ROWID',
  // Whose exclusive queues go with them.
  'CREATE TABLE celeriac_exclusive (queue INTEGER, owner INTEGER, PRIMARY KEY (queue, owner)) WITHOUT ROWID',
  'CREATE TABLE celeriac_exchange (name TEXT PRIMARY KEY, declaration TEXT NOT NULL) WITHOUT ROWID',
  `CREATE TABLE celeriac_binding (
    exchange TEXT, routing_key TEXT, queue TEXT, PRIMARY KEY (exchange, routing_key, queue)) WITHOUT ROWID`,

  // "meta" is JSON (codec.ts); "body" is text or bytes as it came; "expires_ms" is set in queues with x-message-ttl.
  'CREATE TABLE celeriac_message (id INTEGER PRIMARY KEY, expires_ms INTEGER, meta TEXT NOT NULL, body NOT NULL)',
  // Messages that can be taken, from number "first" to "last"; "rank" 0 is the highest priority.
  `CREATE TABLE celeriac_run (
    queue INTEGER, rank INTEGER, first INTEGER, last INTEGER NOT NULL, redelivered INTEGER NOT NULL,
    PRIMARY KEY (queue, rank, first)) WITHOUT ROWID`,
  // Messages that somebody holds; those that were acknowledged are gone from celeriac_message. A lease is one taking.
  `CREATE TABLE celeriac_held (
    owner INTEGER, lease INTEGER, first INTEGER, last INTEGER NOT NULL, queue INTEGER NOT NULL, rank INTEGER NOT NULL,
    PRIMARY KEY (owner, lease, first)) WITHOUT ROWID`,
  `CREATE TABLE celeriac_due (
    due_ms INTEGER, id INTEGER, queue INTEGER NOT NULL, rank INTEGER NOT NULL, PRIMARY KEY (due_ms, id)) WITHOUT ROWID`,
  // Processes that hold messages: who they are (process.ts), and until when they need not be asked whether they live.
  `CREATE TABLE celeriac_owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, space TEXT NOT NULL, thread TEXT NOT NULL,
    started TEXT NOT NULL, lease_wall_ms INTEGER NOT NULL, lease_mono_ms INTEGER NOT NULL)`,

  // "seq" grows with every write, also of a result that was there before: what is new is at the end.
  `CREATE TABLE celeriac_result (
    seq INTEGER PRIMARY KEY, expires_ms INTEGER, id TEXT NOT NULL, status TEXT NOT NULL, escaped INTEGER NOT NULL,
    body NOT NULL)`,
  'CREATE UNIQUE INDEX celeriac_result_id ON celeriac_result (id)',
  `CREATE TABLE celeriac_group (
    id TEXT PRIMARY KEY, expires_ms INTEGER, escaped INTEGER NOT NULL, body NOT NULL) WITHOUT ROWID`,

  'INSERT INTO celeriac_counter (id, value) VALUES (0, 0), (-1, 0), (-2, 0)',
]

const CHORD_TABLES: readonly string[] = [
  // "parts" is how many came back; "claim" who sends the body, until "claimed_ms". A closed chord has no parts.
  `CREATE TABLE celeriac_chord (
    id TEXT PRIMARY KEY, expires_ms INTEGER, size INTEGER, added INTEGER NOT NULL, parts INTEGER NOT NULL, claim TEXT,
    claimed_ms INTEGER, closed INTEGER NOT NULL) WITHOUT ROWID`,
  // "place" is null where the part has none.
  `CREATE TABLE celeriac_chord_part (
    chord TEXT, task TEXT, place INTEGER, escaped INTEGER NOT NULL, body NOT NULL, PRIMARY KEY (chord, task)
    ) WITHOUT ROWID`,
]

const BEAT_TABLES: readonly string[] = [
  // The number that was published last under each key (`Publication.once`).
  'CREATE TABLE celeriac_mark (key TEXT PRIMARY KEY, number NOT NULL) WITHOUT ROWID',
  // Of each app: the version of its timetable; which beat leads, until when by the clock of the machine since its start.
  `CREATE TABLE celeriac_beat (
    scope TEXT PRIMARY KEY, version INTEGER NOT NULL, token INTEGER NOT NULL, boot TEXT NOT NULL, until_ms INTEGER NOT NULL
    ) WITHOUT ROWID`,
  // "definition" is JSON, and null where it is in the app's code.
  `CREATE TABLE celeriac_entry (
    scope TEXT, name TEXT, definition TEXT, last_due_ms INTEGER, runs INTEGER NOT NULL, paused INTEGER NOT NULL,
    PRIMARY KEY (scope, name)) WITHOUT ROWID`,
]

/** What makes each form of the one before; the first makes it of nothing. */
const STEPS: readonly (readonly string[])[] = [FIRST_TABLES, CHORD_TABLES, BEAT_TABLES]

const FIND_TABLES = `SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = 'celeriac_meta'`
const READ_VERSION = `SELECT value FROM celeriac_meta WHERE key = 'version'`
const WRITE_VERSION = `INSERT OR REPLACE INTO celeriac_meta (key, value) VALUES ('version', ?)`

/**
 * Make the tables where they are missing, in a file of an older celeriac those that it lacks. Rejects with
 * `ImproperlyConfigured` for a file of a newer celeriac, and like `SqliteDatabase.write`.
 */
export async function ensureSchema(database: SqliteDatabase): Promise<void> {
  // Mostly they are there, and then there is no need to wait for anybody's lock.
  if (database.read((statements) => versionOf(statements, database.file)) === SCHEMA_VERSION) return
  await database.write((statements) => {
    const version = versionOf(statements, database.file)
    if (version === SCHEMA_VERSION) return
    for (const table of STEPS.slice(version).flat()) statements.run(table)
    statements.run(WRITE_VERSION, SCHEMA_VERSION)
  })
}

/** The form of the tables; 0 where there are none. */
function versionOf(statements: SqlStatements, file: string): number {
  if (statements.get(FIND_TABLES)?.['tables'] === 0) return 0
  const version = Number(statements.get(READ_VERSION)?.['value'])
  if (version <= SCHEMA_VERSION) return version
  throw new ImproperlyConfigured(
    `"${file}" was made by a newer celeriac (its tables have form ${String(version)}, this one knows ${String(SCHEMA_VERSION)}): ` +
      'update this one, or name another file',
  )
}
