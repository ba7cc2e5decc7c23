/** Exchanges, queues and bindings as rows. What lies in the queues is `messages.ts`. */
import { MESSAGE_TTL_ARGUMENT, QUEUE_EXPIRES_ARGUMENT } from '../../protocol/arguments.ts'
import type { SqliteDatabase, SqlRow, SqlStatements } from '../../driver/sqlite.ts'
import type { Binding, ExchangeDeclaration, QueueDeclaration } from '../transport.ts'
import { COUNTER } from './schema.ts'

const FIND_QUEUE = 'SELECT id, declaration, auto_delete, expires_ms, ttl_ms FROM celeriac_queue WHERE name = ?'
const INSERT_QUEUE = `INSERT INTO celeriac_queue (name, declaration, auto_delete, expires_ms, ttl_ms, used_ms)
  VALUES (?, ?, ?, ?, ?, ?) RETURNING id`
const UPDATE_QUEUE = `UPDATE celeriac_queue SET declaration = ?, auto_delete = ?, expires_ms = ?, ttl_ms = ?, used_ms = ?
  WHERE id = ?`
const TOUCH_QUEUE = 'UPDATE celeriac_queue SET used_ms = ? WHERE id = ?'
const DELETE_QUEUE = 'DELETE FROM celeriac_queue WHERE id = ? RETURNING name'
const INSERT_COUNTER = 'INSERT INTO celeriac_counter (id, value) VALUES (?, 0)'
const DELETE_COUNTER = 'DELETE FROM celeriac_counter WHERE id = ?'
const READ_COUNTER = 'SELECT value FROM celeriac_counter WHERE id = ?'
const TOUCH_TOPOLOGY = `UPDATE celeriac_counter SET value = value + 1 WHERE id = ${String(COUNTER.topology)}`
const LIST_EXPIRED = `SELECT id FROM celeriac_queue WHERE expires_ms IS NOT NULL AND used_ms + expires_ms <= ?
  AND NOT EXISTS (SELECT 1 FROM celeriac_consumer WHERE queue = celeriac_queue.id)`

const ADD_CONSUMER = 'INSERT OR IGNORE INTO celeriac_consumer (queue, owner) VALUES (?, ?)'
const REMOVE_CONSUMER = 'DELETE FROM celeriac_consumer WHERE queue = ? AND owner = ?'
const REMOVE_CONSUMERS = 'DELETE FROM celeriac_consumer WHERE queue = ?'
const LIST_CONSUMED = 'SELECT queue FROM celeriac_consumer WHERE owner = ?'
const IS_ORPHAN = `SELECT auto_delete = 1
  AND NOT EXISTS (SELECT 1 FROM celeriac_consumer WHERE queue = celeriac_queue.id) AS orphan
  FROM celeriac_queue WHERE id = ?`
const ADD_EXCLUSIVE = 'INSERT OR IGNORE INTO celeriac_exclusive (queue, owner) VALUES (?, ?)'
const REMOVE_EXCLUSIVE = 'DELETE FROM celeriac_exclusive WHERE queue = ?'
const RELEASE_EXCLUSIVE = 'DELETE FROM celeriac_exclusive WHERE owner = ? RETURNING queue'
const HAS_EXCLUSIVE = 'SELECT 1 AS found FROM celeriac_exclusive WHERE queue = ? LIMIT 1'

const WRITE_EXCHANGE = 'INSERT OR REPLACE INTO celeriac_exchange (name, declaration) VALUES (?, ?)'
const DELETE_EXCHANGE = 'DELETE FROM celeriac_exchange WHERE name = ?'
const LIST_EXCHANGES = 'SELECT name, declaration FROM celeriac_exchange'
const WRITE_BINDING = 'INSERT OR IGNORE INTO celeriac_binding (exchange, routing_key, queue) VALUES (?, ?, ?)'
const DELETE_BINDING = 'DELETE FROM celeriac_binding WHERE exchange = ? AND routing_key = ? AND queue = ?'
const UNBIND_EXCHANGE = 'DELETE FROM celeriac_binding WHERE exchange = ?'
const UNBIND_QUEUE = 'DELETE FROM celeriac_binding WHERE queue = ?'
const LIST_BINDINGS = 'SELECT exchange, routing_key, queue FROM celeriac_binding'

/** What the verbs need to know of a queue. */
export interface QueueRow {
  readonly id: number
  readonly declaration: string
  readonly autoDelete: boolean
  /** In milliseconds without a user. */
  readonly expiresMs: number | undefined
  /** How long a message may wait, in milliseconds. */
  readonly ttlMs: number | undefined
}

export function findQueue(statements: SqlStatements, name: string): QueueRow | undefined {
  const row = statements.get(FIND_QUEUE, name)
  if (row === undefined) return undefined
  return {
    id: Number(row['id']),
    declaration: String(row['declaration']),
    autoDelete: row['auto_delete'] === 1,
    expiresMs: optionalNumber(row, 'expires_ms'),
    ttlMs: optionalNumber(row, 'ttl_ms'),
  }
}

/** Declare a queue, or declare it anew: the last declaration counts. Answers its id. */
export function declareQueue(statements: SqlStatements, queue: QueueDeclaration, nowMs: number): number {
  const expiresMs = argumentMs(queue, QUEUE_EXPIRES_ARGUMENT)
  const ttlMs = argumentMs(queue, MESSAGE_TTL_ARGUMENT)
  const values = [JSON.stringify(queue), queue.autoDelete ? 1 : 0, expiresMs, ttlMs, nowMs] as const
  const known = findQueue(statements, queue.name)
  if (known !== undefined) {
    statements.run(UPDATE_QUEUE, ...values, known.id)
    return known.id
  }
  const id = Number(statements.get(INSERT_QUEUE, queue.name, ...values)?.['id'])
  statements.run(INSERT_COUNTER, id)
  return id
}

/** The declaration of a queue that a message is sent to and nobody has declared. */
export function plainQueue(name: string): QueueDeclaration {
  return { name, durable: true, exclusive: false, autoDelete: false }
}

/** Somebody took from the queue: its time begins anew. */
export function touchQueue(statements: SqlStatements, queue: number, nowMs: number): void {
  statements.run(TOUCH_QUEUE, nowMs, queue)
}

/** Remove an empty queue, its bindings, and who consumes it. */
export function removeQueue(statements: SqlStatements, id: number): void {
  const name = statements.get(DELETE_QUEUE, id)?.['name']
  statements.run(DELETE_COUNTER, id)
  statements.run(REMOVE_CONSUMERS, id)
  statements.run(REMOVE_EXCLUSIVE, id)
  if (typeof name === 'string' && statements.run(UNBIND_QUEUE, name).changes > 0) statements.run(TOUCH_TOPOLOGY)
}

/** The queue goes with this owner, unless others have declared it exclusive too. */
export function addExclusive(statements: SqlStatements, queue: number, owner: number): void {
  statements.run(ADD_EXCLUSIVE, queue, owner)
}

export function addConsumer(statements: SqlStatements, queue: number, owner: number): void {
  statements.run(ADD_CONSUMER, queue, owner)
}

/** Answers whether the queue is to go now. */
export function removeConsumer(statements: SqlStatements, queue: number, owner: number, nowMs: number): boolean {
  if (statements.run(REMOVE_CONSUMER, queue, owner).changes === 0) return false
  touchQueue(statements, queue, nowMs)
  return statements.get(IS_ORPHAN, queue)?.['orphan'] === 1
}

/** The owner consumes nothing more, and its exclusive queues end. Answers the queues that are to go. */
export function removeOwnerFromQueues(statements: SqlStatements, owner: number, nowMs: number): number[] {
  const exclusive = statements
    .all(RELEASE_EXCLUSIVE, owner)
    .map((row) => Number(row['queue']))
    .filter((queue) => statements.get(HAS_EXCLUSIVE, queue) === undefined)
  const orphans = statements
    .all(LIST_CONSUMED, owner)
    .map((row) => Number(row['queue']))
    .filter((queue) => removeConsumer(statements, queue, owner, nowMs))
  return [...new Set([...exclusive, ...orphans])]
}

/** Queues that nobody has used for too long. */
export function listExpired(statements: SqlStatements, nowMs: number): number[] {
  return statements.all(LIST_EXPIRED, nowMs).map((row) => Number(row['id']))
}

export function declareExchange(statements: SqlStatements, exchange: ExchangeDeclaration): void {
  statements.run(WRITE_EXCHANGE, exchange.name, JSON.stringify(exchange))
  statements.run(TOUCH_TOPOLOGY)
}

export function deleteExchange(statements: SqlStatements, name: string): void {
  statements.run(DELETE_EXCHANGE, name)
  statements.run(UNBIND_EXCHANGE, name)
  statements.run(TOUCH_TOPOLOGY)
}

/** Bind a queue, which is made where it was never declared. */
export function bind(statements: SqlStatements, { exchange, routingKey, queue }: Binding, nowMs: number): void {
  if (findQueue(statements, queue) === undefined) declareQueue(statements, plainQueue(queue), nowMs)
  if (statements.run(WRITE_BINDING, exchange, routingKey, queue).changes > 0) statements.run(TOUCH_TOPOLOGY)
}

export function unbind(statements: SqlStatements, { exchange, routingKey, queue }: Binding): void {
  if (statements.run(DELETE_BINDING, exchange, routingKey, queue).changes > 0) statements.run(TOUCH_TOPOLOGY)
}

/** Exchanges and bindings, read again only when some process has changed them: publishing asks for them each time. */
export class RoutingTable {
  readonly #database: SqliteDatabase
  #version: number | undefined
  #exchanges: ReadonlyMap<string, ExchangeDeclaration> = new Map()
  #bindings: ReadonlyMap<string, readonly Binding[]> = new Map()

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  exchange(name: string): ExchangeDeclaration | undefined {
    this.#refresh()
    return this.#exchanges.get(name)
  }

  bindings(exchange: string | undefined): readonly Binding[] {
    this.#refresh()
    return exchange === undefined ? [...this.#bindings.values()].flat() : (this.#bindings.get(exchange) ?? [])
  }

  #refresh(): void {
    this.#database.read((statements) => {
      const version = Number(statements.get(READ_COUNTER, COUNTER.topology)?.['value'])
      if (version === this.#version) return
      this.#exchanges = readExchanges(statements)
      this.#bindings = readBindings(statements)
      this.#version = version
    })
  }
}

function readExchanges(statements: SqlStatements): Map<string, ExchangeDeclaration> {
  const rows = statements.all(LIST_EXCHANGES)
  return new Map(
    rows.map((row) => [String(row['name']), JSON.parse(String(row['declaration'])) as ExchangeDeclaration]),
  )
}

function readBindings(statements: SqlStatements): Map<string, Binding[]> {
  const byExchange = new Map<string, Binding[]>()
  for (const row of statements.all(LIST_BINDINGS)) {
    const exchange = String(row['exchange'])
    const binding = { exchange, queue: String(row['queue']), routingKey: String(row['routing_key']) }
    const known = byExchange.get(exchange)
    if (known === undefined) byExchange.set(exchange, [binding])
    else known.push(binding)
  }
  return byExchange
}

/** Null where it is missing or makes no sense: then the queue behaves as if it had not been given. */
function argumentMs(queue: QueueDeclaration, name: string): number | null {
  const value = queue.arguments?.[name]
  return typeof value === 'number' && value >= 0 ? Math.trunc(value) : null
}

function optionalNumber(row: SqlRow, name: string): number | undefined {
  const value = row[name]
  return value === null || value === undefined ? undefined : Number(value)
}
