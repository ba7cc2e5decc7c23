/** SQLite files for tests: opened as the product does, looked into and disturbed from outside, and checked. */
import { join } from 'node:path'
import type { SqliteDatabase, SqliteOptions, SqlRow } from '../../src/driver/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { loadSqlite } from '../../src/driver/sqlite/library.ts'
import type { RawConnection } from '../../src/driver/sqlite/library.ts'
import type { Message } from '../../src/protocol/message.ts'
import { ensureSchema } from '../../src/transport/sqlite/schema.ts'
import { readProcessTable } from '../../src/transport/sqlite/process.ts'
import type { ProcessIdentity, ProcessTable, Verdict } from '../../src/transport/sqlite/process.ts'
import { SqliteStore } from '../../src/transport/sqlite/store.ts'
import type { StoreOptions } from '../../src/transport/sqlite/store.ts'
import type { QueueEntry, StoredMessage } from '../../src/transport/virtual/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A path in a folder of its own, where no file is yet. */
export function temporaryFile(): string {
  return join(temporaryDirectory(), 'test.db')
}

/** A database with a registry of its own: nothing but the file is shared with others, as among processes. */
export function openDatabase(file: string = temporaryFile(), options: SqliteOptions = {}): SqliteDatabase {
  return new SqliteFiles().open(file, options)
}

/** Likewise, with the tables in it. */
export async function openWithTables(file?: string): Promise<SqliteDatabase> {
  const database = openDatabase(file)
  await ensureSchema(database)
  return database
}

/** A connection past our driver: a shell, a backup, a browser. It never waits for locks. */
export function openRaw(file: string): RawConnection {
  return loadSqlite().open(file)
}

/** The rows that a query answers. */
export function query(file: string, sql: string): SqlRow[] {
  const connection = openRaw(file)
  try {
    return connection.prepare(sql).all()
  } finally {
    connection.close()
  }
}

/** A store with a database of its own. */
export async function openStore(file: string, changes: Partial<StoreOptions> = {}): Promise<SqliteStore> {
  const options = { clock: systemClock, logger: silentLogger(), processes: readProcessTable(), leaseMs: 30_000 }
  return SqliteStore.open(openDatabase(file), { ...options, ...changes })
}

/** Processes whose life is in the test's hands. Each `self()` is another one, alive until it is said otherwise. */
export class FakeProcesses {
  readonly verdicts: Map<string, Verdict> = new Map()
  monotonicMs: number = 1_000_000
  #last = 0

  /** The table as a new process sees it. */
  table(changes: Partial<ProcessIdentity> = {}): ProcessTable {
    this.#last += 1
    const self = { boot: 'boot', space: 'space', thread: String(this.#last), started: '1', ...changes }
    return {
      self,
      monotonicMs: () => this.monotonicMs,
      verdict: (identity) => this.verdicts.get(identity.thread) ?? 'alive',
    }
  }
}

/** A message with a body to know it by. */
export function message(body: string | Uint8Array, changes: Partial<Message> = {}): Message {
  return { body, contentType: 'text/plain', contentEncoding: 'utf-8', headers: {}, properties: {}, ...changes }
}

/** An entry for a queue. */
export function entry(
  queue: string,
  body: string,
  changes: Partial<QueueEntry> & { priority?: number } = {},
): QueueEntry {
  const { priority, ...rest } = changes
  const properties = priority === undefined ? {} : { priority }
  return { queue, exchange: '', routingKey: queue, message: message(body, { properties }), ...rest }
}

/** What messages are known by. */
export function bodies(messages: readonly StoredMessage[]): unknown[] {
  return messages.map(({ message: { body } }) => body)
}

/** What must hold at any time, whoever died when: what is wrong in the file, as text; empty when all is well. */
export function findFaults(file: string): string[] {
  const rows = (sql: string): SqlRow[] => query(file, sql)
  const faults = rows('PRAGMA integrity_check').flatMap((row) =>
    row['integrity_check'] === 'ok' ? [] : [`integrity: ${String(row['integrity_check'])}`],
  )
  const places = `
    SELECT message.id, (SELECT count(*) FROM celeriac_run WHERE message.id BETWEEN first AND last)
      + (SELECT count(*) FROM celeriac_held WHERE message.id BETWEEN first AND last)
      + (SELECT count(*) FROM celeriac_due WHERE celeriac_due.id = message.id) AS places
    FROM celeriac_message AS message`
  for (const row of rows(`SELECT * FROM (${places}) WHERE places <> 1`)) {
    faults.push(`message ${String(row['id'])} is in ${String(row['places'])} places`)
  }
  const counts = `
    SELECT id, value,
      (SELECT coalesce(sum(last - first + 1), 0) FROM celeriac_run WHERE queue = counter.id)
        + (SELECT count(*) FROM celeriac_due WHERE queue = counter.id) AS waiting,
      (SELECT count(*) FROM celeriac_message AS message
        WHERE EXISTS (SELECT 1 FROM celeriac_run WHERE queue = counter.id AND message.id BETWEEN first AND last)
          OR EXISTS (SELECT 1 FROM celeriac_due AS due WHERE queue = counter.id AND due.id = message.id)) AS present
    FROM celeriac_counter AS counter WHERE id > 0`
  for (const row of rows(`SELECT * FROM (${counts}) WHERE value <> waiting OR value <> present`)) {
    faults.push(
      `queue ${String(row['id'])} counts ${String(row['value'])}, has ${String(row['waiting'])}, of which there are ${String(row['present'])}`,
    )
  }
  const lost =
    'SELECT queue FROM celeriac_run UNION SELECT queue FROM celeriac_due EXCEPT SELECT id FROM celeriac_queue'
  for (const row of rows(lost)) faults.push(`messages of queue ${String(row['queue'])}, which is gone`)
  return faults
}
