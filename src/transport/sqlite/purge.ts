/** Messages that go without having been taken: purged, grown too old, or with their queue. In portions, so that nobody waits long. */
import type { SqlStatements } from '../../driver/sqlite.ts'
import { countMessages, cutRun, lengthOf, listOldRuns, listRuns, waitingMessages } from './runs.ts'
import { COUNTER } from './schema.ts'

const NEWEST = `SELECT value FROM celeriac_counter WHERE id = ${String(COUNTER.message)}`
const DELETE_MESSAGES = 'DELETE FROM celeriac_message WHERE id BETWEEN ? AND ?'
const LIST_DUE = 'SELECT due_ms, id FROM celeriac_due WHERE queue = ? AND id <= ? LIMIT ?'
const DELETE_DUE = 'DELETE FROM celeriac_due WHERE due_ms = ? AND id = ?'
const FIRST_FRESH = `SELECT id FROM celeriac_message
  WHERE id BETWEEN ? AND ? AND (expires_ms IS NULL OR expires_ms > ?) ORDER BY id LIMIT 1`
const LIST_TTL_QUEUES = 'SELECT id FROM celeriac_queue WHERE ttl_ms IS NOT NULL'
const IS_EXPIRED = 'SELECT 1 AS found FROM celeriac_message WHERE id = ? AND expires_ms <= ?'
/** Messages between two looks at the time. */
const AT_ONCE = 500
const RUNS_AT_ONCE = 100

/** A portion of a purge. */
export interface Portion {
  readonly removed: number
  /** Nothing is left to remove. */
  readonly done: boolean
}

/** The number of the newest message of all queues: a purge takes what was there when it began. */
export function newestMessage(statements: SqlStatements): number {
  return Number(statements.get(NEWEST)?.['value'])
}

/** Remove what waits in a queue up to number `upTo`, until `isEnough` says so. */
export function purgeSome(statements: SqlStatements, queue: number, upTo: number, isEnough: () => boolean): Portion {
  let removed = 0
  let done = false
  while (!done && !isEnough()) {
    const count = purgeRun(statements, queue, upTo) || purgeDue(statements, queue, upTo)
    removed += count
    done = count === 0
  }
  return { removed, done }
}

/** Remove from the first run. Answers how many. */
function purgeRun(statements: SqlStatements, queue: number, upTo: number): number {
  const [run] = listOldRuns(statements, queue, upTo, 1)
  if (run === undefined) return 0
  const span = { first: run.first, last: Math.min(run.last, upTo, run.first + AT_ONCE - 1) }
  statements.run(DELETE_MESSAGES, span.first, span.last)
  cutRun(statements, run, span.last)
  countMessages(statements, queue, -lengthOf(span))
  return lengthOf(span)
}

/** Remove from what is due later, which costs a search through that of all queues. */
function purgeDue(statements: SqlStatements, queue: number, upTo: number): number {
  if (waitingMessages(statements, queue) === 0) return 0
  const rows = statements.all(LIST_DUE, queue, upTo, AT_ONCE)
  for (const row of rows) {
    const id = Number(row['id'])
    statements.run(DELETE_DUE, Number(row['due_ms']), id)
    statements.run(DELETE_MESSAGES, id, id)
  }
  countMessages(statements, queue, -rows.length)
  return rows.length
}

/** Queues in which a message has waited too long. */
export function listAging(statements: SqlStatements, nowMs: number): number[] {
  const isAging = (queue: number): boolean =>
    listRuns(statements, queue, RUNS_AT_ONCE).some((run) => statements.get(IS_EXPIRED, run.first, nowMs) !== undefined)
  return statements
    .all(LIST_TTL_QUEUES)
    .map((row) => Number(row['id']))
    .filter(isAging)
}

/** Remove from the front of a queue's runs what has waited too long. Answers how many. */
export function removeExpired(statements: SqlStatements, queue: number, nowMs: number): number {
  let removed = 0
  for (const run of listRuns(statements, queue, RUNS_AT_ONCE)) {
    const limit = Math.min(run.last, run.first + AT_ONCE - 1)
    const fresh = statements.get(FIRST_FRESH, run.first, limit, nowMs)
    const last = fresh === undefined ? limit : Number(fresh['id']) - 1
    if (last < run.first) continue
    statements.run(DELETE_MESSAGES, run.first, last)
    cutRun(statements, run, last)
    countMessages(statements, queue, -lengthOf({ first: run.first, last }))
    removed += lengthOf({ first: run.first, last })
  }
  return removed
}
