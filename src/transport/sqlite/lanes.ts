/** Taking messages: which of several queues' messages come first, and what moves in the tables when they are taken. */
import type { SqlRow, SqlStatements, SqlValue } from '../../driver/sqlite.ts'
import { promoteDue } from './messages.ts'
import { countMessages, cutRun, lengthOf, listRuns, removeRuns } from './runs.ts'
import type { Run } from './runs.ts'
import { findQueue } from './topology.ts'

const INSERT_HELD = 'INSERT INTO celeriac_held (owner, lease, first, last, queue, rank) VALUES (?, ?, ?, ?, ?, ?)'
const READ_MESSAGES = 'SELECT id, expires_ms, meta, body FROM celeriac_message WHERE id BETWEEN ? AND ?'
const DELETE_MESSAGES = 'DELETE FROM celeriac_message WHERE id BETWEEN ? AND ?'
const DELETE_EXPIRED = 'DELETE FROM celeriac_message WHERE id BETWEEN ? AND ? AND expires_ms <= ?'

/** A message that was taken out of its queue. */
export interface TakenMessage {
  readonly id: number
  readonly queue: string
  readonly run: Run
  readonly meta: string
  readonly body: SqlValue
}

/** Who takes messages: an owner under one of its leases; undefined is nobody, and then they are gone at once. */
export type Holder = { readonly owner: number; readonly lease: number } | undefined

/** The head of one queue while messages are chosen. */
interface Lane {
  readonly name: string
  readonly runs: readonly Run[]
  /** The run that is next, and its first message that is not taken. */
  at: number
  next: number
}

/** A part of a run that was chosen. */
interface Choice {
  readonly lane: Lane
  readonly run: Run
  readonly first: number
  last: number
}

/**
 * Take up to `max` messages: the highest priority first, within it the oldest of each queue, in equal shares. Queues that
 * come first in the list come first where there is not enough room for all.
 */
export function takeMessages(
  statements: SqlStatements,
  queues: readonly string[],
  max: number,
  holder: Holder,
  nowMs: number,
): TakenMessage[] {
  promoteDue(statements, nowMs)
  const lanes = queues.flatMap((name) => openLane(statements, name, max) ?? [])
  const choices = chooseFairly(lanes, max)
  for (const lane of lanes) removeTaken(statements, lane)
  for (const [queue, count] of countByQueue(choices)) countMessages(statements, queue, -count)
  return choices.flatMap((choice) => takeChoice(statements, choice, holder, nowMs))
}

function openLane(statements: SqlStatements, name: string, max: number): Lane | undefined {
  const queue = findQueue(statements, name)
  if (queue === undefined) return undefined
  const runs = listRuns(statements, queue.id, max)
  const [head] = runs
  return head === undefined ? undefined : { name, runs, at: 0, next: head.first }
}

function chooseFairly(lanes: readonly Lane[], max: number): Choice[] {
  const choices: Choice[] = []
  let left = max
  while (left > 0) {
    const rank = Math.min(...lanes.map(rankAt))
    const level = lanes.filter((lane) => rankAt(lane) === rank)
    if (rank === Infinity) break
    const share = Math.max(1, Math.floor(left / level.length))
    for (const lane of level) left -= choose(lane, rank, Math.min(share, left), choices)
  }
  return choices
}

/** The rank of the lane's next message; infinite where there is none. */
function rankAt(lane: Lane): number {
  return lane.runs[lane.at]?.rank ?? Infinity
}

/** Choose up to `max` messages of one rank. Answers how many. */
function choose(lane: Lane, rank: number, max: number, choices: Choice[]): number {
  let left = max
  for (let run = lane.runs[lane.at]; run?.rank === rank && left > 0; run = lane.runs[lane.at]) {
    const last = Math.min(run.last, lane.next + left - 1)
    left -= last - lane.next + 1
    choices.push({ lane, run, first: lane.next, last })
    lane.next = last + 1
    if (last === run.last) {
      lane.at += 1
      lane.next = lane.runs[lane.at]?.first ?? 0
    }
  }
  return max - left
}

/** Runs are used up from the front: those of one rank go in one statement, the last one is cut. */
function removeTaken(statements: SqlStatements, lane: Lane): void {
  let [head] = lane.runs
  for (let index = 0; index < lane.at; index += 1) {
    const run = lane.runs[index] as Run
    if (head?.rank !== run.rank) head = run
    const isLast = index + 1 === lane.at || lane.runs[index + 1]?.rank !== run.rank
    if (isLast) removeRuns(statements, run, { first: head.first, last: run.first })
  }
  const partly = lane.runs[lane.at]
  if (partly !== undefined && lane.next > partly.first) cutRun(statements, partly, lane.next - 1)
}

function countByQueue(choices: readonly Choice[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const choice of choices) {
    const { queue } = choice.run
    counts.set(queue, (counts.get(queue) ?? 0) + lengthOf(choice))
  }
  return counts
}

function takeChoice(statements: SqlStatements, choice: Choice, holder: Holder, nowMs: number): TakenMessage[] {
  const { lane, run, first, last } = choice
  const messages: TakenMessage[] = []
  let expired = false
  for (const row of statements.all(READ_MESSAGES, first, last)) {
    if (isExpired(row, nowMs)) expired = true
    else messages.push(takenMessage(row, lane.name, run))
  }
  if (holder === undefined) {
    statements.run(DELETE_MESSAGES, first, last)
  } else {
    if (expired) statements.run(DELETE_EXPIRED, first, last, nowMs)
    statements.run(INSERT_HELD, holder.owner, holder.lease, first, last, run.queue, run.rank)
  }
  return messages
}

function isExpired(row: SqlRow, nowMs: number): boolean {
  const expiresMs = row['expires_ms']
  return typeof expiresMs === 'number' && expiresMs <= nowMs
}

function takenMessage(row: SqlRow, queue: string, run: Run): TakenMessage {
  return { id: row['id'] as number, queue, run, meta: row['meta'] as string, body: row['body'] as SqlValue }
}
