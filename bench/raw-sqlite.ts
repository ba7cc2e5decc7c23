/**
 * The limit: the least that any queue in a SQLite file must do for a task, in a bare loop on the connection that the
 * product's own driver opens. A message is inserted, claimed, and deleted when its result is inserted. No protocol, no
 * processes, no promises.
 */
import { join } from 'node:path'
import { openConnection } from '../src/driver/sqlite/connection.ts'
import { loadSqlite } from '../src/driver/sqlite/library.ts'
import type { RawConnection } from '../src/driver/sqlite/library.ts'
import { timed } from './support/statistics.ts'
import type { RawRates } from './support/statistics.ts'

/** As many as the load generator sends in one call. */
const INSERT_BATCH = 1_000
/** Many rows in one statement are cheaper than as many statements. */
const ROWS_AT_ONCE = 25
/** As many as a worker with `-c 100` takes at a time. */
const CLAIM_BATCH = 400
/** About the size of a task message's headers, its body, and a result document. */
const META = 'm'.repeat(620)
const BODY = 'b'.repeat(60)
const RESULT = 'r'.repeat(200)

export async function measureRawSqlite(folder: string, tasks: number): Promise<RawRates> {
  const connection = openConnection(loadSqlite(), join(folder, 'raw.db'), {})
  connection.exec(`
    CREATE TABLE message (id INTEGER PRIMARY KEY, meta TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE held (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    CREATE TABLE result (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
  `)
  const each = Math.ceil(tasks / 10)
  const rates = {
    eachPerSecond: each / (await timed(() => insertEach(connection, each))),
    bulkPerSecond: tasks / (await timed(() => insertBulk(connection, tasks))),
    drainPerSecond: (each + tasks) / (await timed(() => drain(connection, each + tasks))),
  }
  connection.close()
  return rates
}

function insertEach(connection: RawConnection, count: number): void {
  const insert = connection.prepare('INSERT INTO message (meta, body) VALUES (?, ?)')
  for (let done = 0; done < count; done += 1) transaction(connection, () => insert.run(META, BODY))
}

function insertBulk(connection: RawConnection, count: number): void {
  const rows = Array(ROWS_AT_ONCE).fill('(?, ?)').join(', ')
  const insert = connection.prepare(`INSERT INTO message (meta, body) VALUES ${rows}`)
  const values = Array.from({ length: ROWS_AT_ONCE }, () => [META, BODY]).flat()
  for (let done = 0; done < count; done += INSERT_BATCH) {
    transaction(connection, () => {
      for (let row = 0; row < INSERT_BATCH; row += ROWS_AT_ONCE) insert.run(...values)
    })
  }
}

function drain(connection: RawConnection, count: number): void {
  const hold = connection.prepare('INSERT INTO held (first, last) VALUES (?, ?)')
  const read = connection.prepare('SELECT id, meta, body FROM message WHERE id BETWEEN ? AND ?')
  const store = connection.prepare('INSERT INTO result (id, body) VALUES (?, ?)')
  const remove = connection.prepare('DELETE FROM message WHERE id BETWEEN ? AND ?')
  const release = connection.prepare('DELETE FROM held WHERE first = ?')
  for (let first = 1; first <= count; first += CLAIM_BATCH) {
    const last = first + CLAIM_BATCH - 1
    const claimed = transaction(connection, () => {
      hold.run(first, last)
      return read.all(first, last)
    })
    transaction(connection, () => {
      // Ordered by time, as the ids of tasks are.
      for (const { id } of claimed) store.run(`0199f1c2-7a3e-7b1c-9d55-${String(id).padStart(12, '0')}`, RESULT)
      remove.run(first, last)
      release.run(first)
    })
  }
}

function transaction<T>(connection: RawConnection, work: () => T): T {
  connection.exec('BEGIN IMMEDIATE')
  const answer = work()
  connection.exec('COMMIT')
  return answer
}
