/** Results and groups as rows (`transport/sqlite/schema.ts`): writing, reading, and removing what has expired. */
import type { SqlRow, SqlStatements, SqlValue } from '../../driver/sqlite.ts'
import type { Body } from '../../protocol/message.ts'
import { SUCCESS } from '../../protocol/states.ts'
import { escapeBody, unescapeBody } from '../../transport/sqlite/codec.ts'
import { COUNTER } from '../../transport/sqlite/schema.ts'
import type { EncodedResult } from '../backend.ts'

const NEXT_NUMBERS = `UPDATE celeriac_counter SET value = value + ? WHERE id = ${String(COUNTER.result)} RETURNING value`
const NEWEST = `SELECT value FROM celeriac_counter WHERE id = ${String(COUNTER.result)}`
const INSERT =
  'INSERT OR IGNORE INTO celeriac_result (seq, expires_ms, id, status, escaped, body) VALUES (?, ?, ?, ?, ?, ?)'
/** Many rows in one call are cheaper than as many calls. */
const ROWS_AT_ONCE = 16
const INSERT_ROWS = `INSERT OR IGNORE INTO celeriac_result (seq, expires_ms, id, status, escaped, body)
  VALUES ${Array(ROWS_AT_ONCE).fill('(?, ?, ?, ?, ?, ?)').join(', ')}`
const REPLACE = `UPDATE celeriac_result SET seq = ?, expires_ms = ?, status = ?, escaped = ?, body = ?
  WHERE id = ? AND (status <> '${SUCCESS}' OR expires_ms <= ?)`
const READ = `SELECT seq, escaped, body FROM celeriac_result WHERE id = ? AND seq > ?
  AND (expires_ms IS NULL OR expires_ms > ?)`
const LIST_NEW = 'SELECT id FROM celeriac_result WHERE seq > ?'
const DELETE = 'DELETE FROM celeriac_result WHERE id = ?'

const WRITE_GROUP = 'INSERT OR REPLACE INTO celeriac_group (id, expires_ms, escaped, body) VALUES (?, ?, ?, ?)'
const READ_GROUP = `SELECT escaped, body FROM celeriac_group WHERE id = ? AND (expires_ms IS NULL OR expires_ms > ?)`
const DELETE_GROUP = 'DELETE FROM celeriac_group WHERE id = ?'

const END_OF_PORTION =
  'SELECT max(seq) AS seq FROM (SELECT seq FROM celeriac_result WHERE seq > ? ORDER BY seq LIMIT ?)'
const COUNT_EXPIRED = 'SELECT count(*) AS expired FROM celeriac_result WHERE seq > ? AND seq <= ? AND expires_ms <= ?'
const DELETE_EXPIRED = 'DELETE FROM celeriac_result WHERE seq > ? AND seq <= ? AND expires_ms <= ?'
const COUNT_EXPIRED_GROUPS = 'SELECT count(*) AS expired FROM celeriac_group WHERE expires_ms <= ?'
const DELETE_EXPIRED_GROUPS = 'DELETE FROM celeriac_group WHERE expires_ms <= ?'

/** Write documents in their order. A success stays, unless it has expired. */
export function writeResults(
  statements: SqlStatements,
  results: readonly EncodedResult[],
  expiresMs: number | null,
  nowMs: number,
): void {
  const newest = Number(statements.get(NEXT_NUMBERS, results.length)?.['value'])
  const firstSeq = newest - results.length + 1
  for (let index = 0; index < results.length;) {
    const count = results.length - index < ROWS_AT_ONCE ? 1 : ROWS_AT_ONCE
    writeRows(statements, results.slice(index, index + count), firstSeq + index, expiresMs, nowMs)
    index += count
  }
}

/** Mostly a result is the first of its task. Where one is not, each of these takes its place anew, in their order. */
function writeRows(
  statements: SqlStatements,
  results: readonly EncodedResult[],
  firstSeq: number,
  expiresMs: number | null,
  nowMs: number,
): void {
  const values: SqlValue[] = []
  results.forEach(({ taskId, status, body: given }, index) => {
    const { body, escaped } = escapeBody(given)
    values.push(firstSeq + index, expiresMs, taskId, status, escaped ? 1 : 0, body)
  })
  const insert = results.length === 1 ? INSERT : INSERT_ROWS
  if (statements.run(insert, ...values).changes === results.length) return
  results.forEach(({ taskId, status, body: given }, index) => {
    const { body, escaped } = escapeBody(given)
    statements.run(REPLACE, firstSeq + index, expiresMs, status, escaped ? 1 : 0, body, taskId, nowMs)
  })
}

/** The body of a task's document, if it was written after number `afterSeq`. */
export function readResult(statements: SqlStatements, id: string, afterSeq: number, nowMs: number): Body | undefined {
  return bodyOf(statements.get(READ, id, afterSeq, nowMs))
}

/** The number of the newest document. */
export function newestResult(statements: SqlStatements): number {
  return Number(statements.get(NEWEST)?.['value'])
}

/** The tasks whose documents were written after number `seq`. */
export function listNewResults(statements: SqlStatements, seq: number): string[] {
  return statements.all(LIST_NEW, seq).map((row) => String(row['id']))
}

export function deleteResults(statements: SqlStatements, ids: readonly string[]): void {
  for (const id of ids) statements.run(DELETE, id)
}

export function writeGroup(statements: SqlStatements, id: string, given: Body, expiresMs: number | null): void {
  const { body, escaped } = escapeBody(given)
  statements.run(WRITE_GROUP, id, expiresMs, escaped ? 1 : 0, body)
}

export function readGroup(statements: SqlStatements, id: string, nowMs: number): Body | undefined {
  return bodyOf(statements.get(READ_GROUP, id, nowMs))
}

export function deleteGroup(statements: SqlStatements, id: string): void {
  statements.run(DELETE_GROUP, id)
}

/** Some documents that follow one another, of which some have expired. */
export interface ExpiryPortion {
  readonly afterSeq: number
  /** The last one; undefined where there is none after `afterSeq`. */
  readonly lastSeq: number | undefined
  readonly expired: number
}

/** Look at up to `max` documents after number `afterSeq`. */
export function findExpired(statements: SqlStatements, afterSeq: number, max: number, nowMs: number): ExpiryPortion {
  const lastSeq = statements.get(END_OF_PORTION, afterSeq, max)?.['seq']
  if (typeof lastSeq !== 'number') return { afterSeq, lastSeq: undefined, expired: 0 }
  const expired = Number(statements.get(COUNT_EXPIRED, afterSeq, lastSeq, nowMs)?.['expired'])
  return { afterSeq, lastSeq, expired }
}

/** Answers how many were removed. */
export function deleteExpired(statements: SqlStatements, portion: ExpiryPortion, nowMs: number): number {
  return statements.run(DELETE_EXPIRED, portion.afterSeq, portion.lastSeq ?? 0, nowMs).changes
}

export function hasExpiredGroups(statements: SqlStatements, nowMs: number): boolean {
  return statements.get(COUNT_EXPIRED_GROUPS, nowMs)?.['expired'] !== 0
}

/** Answers how many were removed. */
export function deleteExpiredGroups(statements: SqlStatements, nowMs: number): number {
  return statements.run(DELETE_EXPIRED_GROUPS, nowMs).changes
}

function bodyOf(row: SqlRow | undefined): Body | undefined {
  return row === undefined ? undefined : unescapeBody(row['body'], row['escaped'] === 1)
}
