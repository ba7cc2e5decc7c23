/** Messages on their way into the file: those that can be taken at once, and those that are due later. */
import type { Body } from '../../protocol/message.ts'
import type { SqlRow, SqlStatements, SqlValue } from '../../driver/sqlite.ts'
import type { Once } from '../transport.ts'
import { chooseNew } from '../virtual/marks.ts'
import { appendRun, countMessages, insertRun, spansOf } from './runs.ts'
import type { Place, Span } from './runs.ts'
import { COUNTER } from './schema.ts'
import { declareQueue, findQueue, plainQueue } from './topology.ts'
import type { QueueRow } from './topology.ts'

const NEXT_NUMBERS = `UPDATE celeriac_counter SET value = value + ? WHERE id = ${String(COUNTER.message)} RETURNING value`
const INSERT_MESSAGE = 'INSERT INTO celeriac_message (id, expires_ms, meta, body) VALUES (?, ?, ?, ?)'
/** Many rows in one call are cheaper than as many calls. */
const ROWS_AT_ONCE = 32
const ROW = '(?, ?, ?)'
const INSERT_ROWS = `INSERT INTO celeriac_message (id, meta, body) VALUES ${Array(ROWS_AT_ONCE).fill(ROW).join(', ')}`
const FIND_RUN =
  'SELECT 1 AS found FROM celeriac_run WHERE queue = (SELECT id FROM celeriac_queue WHERE name = ?) LIMIT 1'
const INSERT_DUE = 'INSERT INTO celeriac_due (due_ms, id, queue, rank) VALUES (?, ?, ?, ?)'
const LIST_DUE = 'SELECT due_ms, id, queue, rank FROM celeriac_due WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?'
const LIST_DUE_OF_QUEUE = 'SELECT due_ms, id, queue, rank FROM celeriac_due WHERE queue = ? LIMIT ?'
const DELETE_DUE = 'DELETE FROM celeriac_due WHERE due_ms = ? AND id = ?'
const NEXT_DUE = 'SELECT due_ms FROM celeriac_due ORDER BY due_ms LIMIT 1'
const READ_MARK = 'SELECT number FROM celeriac_mark WHERE key = ?'
const WRITE_MARK = 'INSERT OR REPLACE INTO celeriac_mark (key, number) VALUES (?, ?)'
/** Due messages that become ready in one transaction. */
const DUE_AT_ONCE = 1000

/** A message on its way into the file. */
export interface NewMessage {
  readonly queue: string
  /** The empty text where it was sent to the queue itself. */
  readonly exchange: string
  readonly rank: number
  /** Unix time in milliseconds before which it is not given out. */
  readonly dueMs: number | undefined
  readonly once?: Once | undefined
  readonly meta: string
  readonly body: Body
}

/**
 * Store messages. Queues that were never declared are made; but messages that an exchange routed to a queue that has
 * ended meanwhile end with it.
 */
export function putMessages(statements: SqlStatements, given: readonly NewMessage[], nowMs: number): void {
  const messages = chooseNewMessages(statements, given)
  if (messages.length === 0) return
  const newest = Number(statements.get(NEXT_NUMBERS, messages.length)?.['value'])
  let first = newest - messages.length + 1
  for (const group of groupByPlace(messages, nowMs)) {
    putGroup(statements, group, first, nowMs)
    first += group.length
  }
}

/** Without those that were published before (`once`). What others of this transaction have marked counts as well. */
function chooseNewMessages(statements: SqlStatements, given: readonly NewMessage[]): readonly NewMessage[] {
  const { chosen, marks } = chooseNew(given, (key) => {
    const mark = statements.get(READ_MARK, key)
    return mark === undefined ? undefined : Number(mark['number'])
  })
  for (const [key, number] of marks) statements.run(WRITE_MARK, key, number)
  return chosen
}

/** Messages of one place get numbers that follow one another, so that they make one run. */
function groupByPlace(messages: readonly NewMessage[], nowMs: number): readonly (readonly NewMessage[])[] {
  const [head] = messages
  if (head === undefined) return []
  const later = isLater(head, nowMs)
  const isAlike = (message: NewMessage): boolean =>
    message.queue === head.queue && message.rank === head.rank && isLater(message, nowMs) === later
  if (messages.every(isAlike)) return [messages]
  const groups = new Map<string, NewMessage[]>()
  for (const message of messages) {
    const key = `${isLater(message, nowMs) ? 'later' : 'now'} ${String(message.rank)} ${message.queue}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [message])
    else group.push(message)
  }
  return [...groups.values()]
}

function putGroup(statements: SqlStatements, group: readonly NewMessage[], first: number, nowMs: number): void {
  const [head] = group as readonly [NewMessage]
  const queue = queueFor(statements, group, nowMs)
  if (queue === undefined) return
  const place = { queue: queue.id, rank: head.rank }
  insertMessages(statements, group, first, queue.ttlMs === undefined ? undefined : nowMs + queue.ttlMs)
  if (isLater(head, nowMs)) insertDue(statements, group, first, place)
  else appendRun(statements, place, { first, last: first + group.length - 1 })
  countMessages(statements, queue.id, group.length)
}

function isLater(message: NewMessage, nowMs: number): boolean {
  return message.dueMs !== undefined && message.dueMs > nowMs
}

function queueFor(
  statements: SqlStatements,
  group: readonly NewMessage[],
  nowMs: number,
): Pick<QueueRow, 'id' | 'ttlMs'> | undefined {
  const name = group[0]?.queue ?? ''
  const known = findQueue(statements, name)
  if (known !== undefined || group.every(({ exchange }) => exchange !== '')) return known
  return { id: declareQueue(statements, plainQueue(name), nowMs), ttlMs: undefined }
}

function insertMessages(
  statements: SqlStatements,
  messages: readonly NewMessage[],
  first: number,
  expiresMs: number | undefined,
): void {
  let index = 0
  if (expiresMs === undefined) {
    for (; index + ROWS_AT_ONCE <= messages.length; index += ROWS_AT_ONCE) {
      statements.run(INSERT_ROWS, ...rowValues(messages, index, first))
    }
  }
  for (; index < messages.length; index += 1) {
    const { meta, body } = messages[index] as NewMessage
    statements.run(INSERT_MESSAGE, first + index, expiresMs ?? null, meta, body)
  }
}

function rowValues(messages: readonly NewMessage[], from: number, first: number): SqlValue[] {
  const values: SqlValue[] = []
  for (let index = from; index < from + ROWS_AT_ONCE; index += 1) {
    const { meta, body } = messages[index] as NewMessage
    values.push(first + index, meta, body)
  }
  return values
}

function insertDue(statements: SqlStatements, messages: readonly NewMessage[], first: number, place: Place): void {
  messages.forEach((message, index) => {
    statements.run(INSERT_DUE, Math.ceil(message.dueMs ?? 0), first + index, place.queue, place.rank)
  })
}

/** Put off messages that were given out: they become ready at this Unix time in milliseconds. */
export function putOff(statements: SqlStatements, place: Place, span: Span, dueMs: number): void {
  for (let id = span.first; id <= span.last; id += 1) {
    statements.run(INSERT_DUE, Math.ceil(dueMs), id, place.queue, place.rank)
  }
}

/** Make ready what is due, in all queues, in the place that it has had since it was sent. */
export function promoteDue(statements: SqlStatements, nowMs: number): void {
  makeReady(statements, statements.all(LIST_DUE, nowMs, DUE_AT_ONCE))
}

/** Make ready some of what waits for its time in one queue. Answers how many; 0 is that nothing is left. */
export function promoteEarly(statements: SqlStatements, queue: number): number {
  return makeReady(statements, statements.all(LIST_DUE_OF_QUEUE, queue, DUE_AT_ONCE))
}

function makeReady(statements: SqlStatements, rows: readonly SqlRow[]): number {
  const byPlace = new Map<string, { readonly place: Place; readonly ids: number[] }>()
  for (const row of rows) {
    const [id, queue, rank] = [Number(row['id']), Number(row['queue']), Number(row['rank'])]
    statements.run(DELETE_DUE, Number(row['due_ms']), id)
    const key = `${String(queue)} ${String(rank)}`
    const known = byPlace.get(key)
    if (known === undefined) byPlace.set(key, { place: { queue, rank }, ids: [id] })
    else known.ids.push(id)
  }
  for (const { place, ids } of byPlace.values()) {
    for (const span of spansOf(ids.sort((a, b) => a - b))) insertRun(statements, place, span, false)
  }
  return rows.length
}

/** When the next message is due, in Unix milliseconds; undefined when none is put off. */
export function nextDueMs(statements: SqlStatements): number | undefined {
  const row = statements.get(NEXT_DUE)
  return row === undefined ? undefined : Number(row['due_ms'])
}

/** Is there something to take from one of these queues, or something due that may be for one of them? */
export function isReady(statements: SqlStatements, queues: readonly string[], nowMs: number): boolean {
  if (queues.some((queue) => statements.get(FIND_RUN, queue) !== undefined)) return true
  const dueMs = nextDueMs(statements)
  return dueMs !== undefined && dueMs <= nowMs
}
