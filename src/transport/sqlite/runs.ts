/** Runs: messages that follow one another in one place and can be taken. Also how many wait in a queue. */
import type { SqlRow, SqlStatements } from '../../driver/sqlite.ts'

const ADD_TO_COUNTER = 'UPDATE celeriac_counter SET value = value + ? WHERE id = ?'
const READ_COUNTER = 'SELECT value FROM celeriac_counter WHERE id = ?'
const LAST_RUN =
  'SELECT first, last, redelivered FROM celeriac_run WHERE queue = ? AND rank = ? ORDER BY first DESC LIMIT 1'
const EXTEND_RUN = 'UPDATE celeriac_run SET last = ? WHERE queue = ? AND rank = ? AND first = ?'
const INSERT_RUN = 'INSERT INTO celeriac_run (queue, rank, first, last, redelivered) VALUES (?, ?, ?, ?, ?)'
const LIST_RUNS = 'SELECT rank, first, last, redelivered FROM celeriac_run WHERE queue = ? ORDER BY rank, first LIMIT ?'
const LIST_OLD_RUNS = `SELECT rank, first, last, redelivered FROM celeriac_run
  WHERE queue = ? AND first <= ? ORDER BY rank, first LIMIT ?`
const DELETE_RUNS = 'DELETE FROM celeriac_run WHERE queue = ? AND rank = ? AND first BETWEEN ? AND ?'
const SHORTEN_RUN = 'UPDATE celeriac_run SET first = ? WHERE queue = ? AND rank = ? AND first = ?'

/** The highest priority; messages without one have 0. */
const MAX_PRIORITY = 9

/** Messages that follow one another, by their numbers. */
export interface Span {
  readonly first: number
  readonly last: number
}

/** Where messages lie. */
export interface Place {
  /** The queue's id. */
  readonly queue: number
  /** 0 is taken first. */
  readonly rank: number
}

export interface Run extends Span, Place {
  readonly redelivered: boolean
}

/** A priority of AMQP (0 to 9, highest first) to where it stands in the order. */
export function rankOf(priority: unknown): number {
  if (typeof priority !== 'number' || Number.isNaN(priority)) return MAX_PRIORITY
  return MAX_PRIORITY - Math.min(Math.max(Math.trunc(priority), 0), MAX_PRIORITY)
}

/** Numbers in ascending order to spans. */
export function spansOf(ids: readonly number[]): Span[] {
  const spans: Span[] = []
  let first: number | undefined
  let last = 0
  for (const id of ids) {
    if (first !== undefined && id !== last + 1) {
      spans.push({ first, last })
      first = undefined
    }
    first ??= id
    last = id
  }
  if (first !== undefined) spans.push({ first, last })
  return spans
}

export function lengthOf(span: Span): number {
  return span.last - span.first + 1
}

/** New messages come to the end of the queue: they lengthen the last run where they follow it. */
export function appendRun(statements: SqlStatements, place: Place, span: Span): void {
  const last = statements.get(LAST_RUN, place.queue, place.rank)
  if (last?.['last'] === span.first - 1 && last['redelivered'] === 0) {
    statements.run(EXTEND_RUN, span.last, place.queue, place.rank, Number(last['first']))
  } else {
    insertRun(statements, place, span, false)
  }
}

export function insertRun(statements: SqlStatements, place: Place, span: Span, redelivered: boolean): void {
  statements.run(INSERT_RUN, place.queue, place.rank, span.first, span.last, redelivered ? 1 : 0)
}

/** The first runs of a queue, in the order in which they are to be taken. */
export function listRuns(statements: SqlStatements, queue: number, max: number): Run[] {
  return statements.all(LIST_RUNS, queue, max).map((row) => runOf(row, queue))
}

/** Likewise those that begin with number `upTo` or an earlier one. */
export function listOldRuns(statements: SqlStatements, queue: number, upTo: number, max: number): Run[] {
  return statements.all(LIST_OLD_RUNS, queue, upTo, max).map((row) => runOf(row, queue))
}

/** Remove the runs of one place that begin within `firsts`. */
export function removeRuns(statements: SqlStatements, place: Place, firsts: Span): void {
  statements.run(DELETE_RUNS, place.queue, place.rank, firsts.first, firsts.last)
}

/** Remove the messages up to `last` from the front of a run. */
export function cutRun(statements: SqlStatements, run: Run, last: number): void {
  if (last >= run.last) removeRuns(statements, run, { first: run.first, last: run.first })
  else statements.run(SHORTEN_RUN, last + 1, run.queue, run.rank, run.first)
}

/** So many more, or with a negative number fewer, wait in a queue. */
export function countMessages(statements: SqlStatements, queue: number, change: number): void {
  statements.run(ADD_TO_COUNTER, change, queue)
}

/** How many wait in a queue, due or not. */
export function waitingMessages(statements: SqlStatements, queue: number): number {
  return Number(statements.get(READ_COUNTER, queue)?.['value'] ?? 0)
}

function runOf(row: SqlRow, queue: number): Run {
  return {
    queue,
    rank: Number(row['rank']),
    first: Number(row['first']),
    last: Number(row['last']),
    redelivered: row['redelivered'] === 1,
  }
}
