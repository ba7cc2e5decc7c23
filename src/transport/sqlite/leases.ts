/** Messages that an owner holds: acknowledging them, giving them back, and taking them from an owner that is dead. */
import type { SqlStatements } from '../../driver/sqlite.ts'
import { putOff } from './messages.ts'
import { countMessages, insertRun, lengthOf, spansOf } from './runs.ts'
import type { Place, Span } from './runs.ts'

const DELETE_MESSAGES = 'DELETE FROM celeriac_message WHERE id BETWEEN ? AND ?'
const FIND_HELD = `SELECT first, last FROM celeriac_held
  WHERE owner = ? AND lease = ? AND first <= ? ORDER BY first DESC LIMIT 1`
const INSERT_HELD = 'INSERT INTO celeriac_held (owner, lease, first, last, queue, rank) VALUES (?, ?, ?, ?, ?, ?)'
const DELETE_HELD = 'DELETE FROM celeriac_held WHERE owner = ? AND lease = ? AND first = ?'
/** Of what is held only that counts which still is there: the rest was acknowledged. */
const END_LEASE = `DELETE FROM celeriac_held WHERE owner = ? AND lease = ?
  AND NOT EXISTS (SELECT 1 FROM celeriac_message WHERE id BETWEEN celeriac_held.first AND celeriac_held.last)`
const LIST_HELD = `SELECT held.queue, held.rank, message.id
  FROM celeriac_held AS held JOIN celeriac_message AS message ON message.id BETWEEN held.first AND held.last
  WHERE held.owner = ? ORDER BY held.queue, held.rank, message.id`
const END_LEASES = 'DELETE FROM celeriac_held WHERE owner = ?'
const FIND_QUEUE = 'SELECT 1 AS found FROM celeriac_queue WHERE id = ?'

/** A message in somebody's hands. */
export interface HeldMessage extends Place {
  readonly id: number
  readonly lease: number
  /** Was it given out before it came here? */
  readonly redelivered: boolean
}

/** How messages go back: marked or not, and when they come again, in Unix milliseconds; undefined is at once. */
export interface WayBack {
  readonly redelivered: boolean
  readonly dueMs: number | undefined
}

/** Delete messages, by their numbers in ascending order. `leases` are those that may hold nothing more. */
export function ackMessages(
  statements: SqlStatements,
  owner: number,
  ids: readonly number[],
  leases: Iterable<number>,
): void {
  for (const { first, last } of spansOf(ids)) statements.run(DELETE_MESSAGES, first, last)
  for (const lease of leases) statements.run(END_LEASE, owner, lease)
}

/**
 * Give messages back into their old places, or put them off; those of queues that are gone go too. `leases` are those that may hold
 * nothing more.
 */
export function releaseMessages(
  statements: SqlStatements,
  owner: number,
  messages: readonly HeldMessage[],
  { redelivered, dueMs }: WayBack,
  leases: Iterable<number>,
): void {
  for (const { head, ids } of groupAlike(messages)) {
    for (const span of spansOf(ids)) {
      for (const part of letGo(statements, owner, head, span)) {
        giveBack(statements, head, part, { redelivered: redelivered || head.redelivered, dueMs })
      }
    }
  }
  for (const lease of leases) statements.run(END_LEASE, owner, lease)
}

/** Give back all that a dead owner held. Answers how many messages can be taken again. */
export function reclaimMessages(statements: SqlStatements, owner: number): number {
  const held = statements.all(LIST_HELD, owner).map((row) => ({
    queue: Number(row['queue']),
    rank: Number(row['rank']),
    id: Number(row['id']),
    lease: 0,
    redelivered: true,
  }))
  let count = 0
  for (const { head, ids } of groupAlike(held)) {
    for (const span of spansOf(ids)) count += giveBack(statements, head, span, { redelivered: true, dueMs: undefined })
  }
  statements.run(END_LEASES, owner)
  return count
}

/** Messages with everything but their number in common; their numbers in ascending order. */
interface Group {
  readonly head: HeldMessage
  readonly ids: number[]
}

function groupAlike(messages: readonly HeldMessage[]): Iterable<Group> {
  const groups = new Map<string, Group>()
  for (const message of [...messages].sort((a, b) => a.id - b.id)) {
    const key = `${String(message.lease)} ${String(message.queue)} ${String(message.rank)} ${String(message.redelivered)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { head: message, ids: [message.id] })
    else group.ids.push(message.id)
  }
  return groups.values()
}

/** Take a span out of what a lease holds. Answers the parts of it that were held. */
function letGo(statements: SqlStatements, owner: number, message: HeldMessage, span: Span): Span[] {
  const { lease, queue, rank } = message
  const parts: Span[] = []
  for (let last = span.last; last >= span.first;) {
    const row = statements.get(FIND_HELD, owner, lease, last)
    const held = { first: Number(row?.['first'] ?? 0), last: Number(row?.['last'] ?? 0) }
    if (held.last < last) break
    const part = { first: Math.max(held.first, span.first), last }
    statements.run(DELETE_HELD, owner, lease, held.first)
    const keep = (first: number, end: number): void => {
      if (first <= end) statements.run(INSERT_HELD, owner, lease, first, end, queue, rank)
    }
    keep(held.first, part.first - 1)
    keep(part.last + 1, held.last)
    parts.push(part)
    last = part.first - 1
  }
  return parts
}

/** Answers how many messages: none where their queue is gone, and then they go too. */
function giveBack(statements: SqlStatements, place: Place, span: Span, way: WayBack): number {
  if (statements.get(FIND_QUEUE, place.queue) === undefined) {
    statements.run(DELETE_MESSAGES, span.first, span.last)
    return 0
  }
  if (way.dueMs === undefined) insertRun(statements, place, span, way.redelivered)
  else putOff(statements, place, span, way.dueMs)
  countMessages(statements, place.queue, lengthOf(span))
  return lengthOf(span)
}
