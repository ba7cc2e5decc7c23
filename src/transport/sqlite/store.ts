/**
 * QueueStore over an SQLite file. This is when things are done: in which transaction, for which owner, who is woken.
 * What moves in the tables is `messages.ts`, `lanes.ts` and `leases.ts`; what is done now and then is `upkeep.ts`.
 */
import { ConnectionError } from '../../errors.ts'
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'
import { TransactionBatch } from '../../driver/sqlite/batch.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import type { Logger } from '../../util/logger.ts'
import type { Binding, ExchangeDeclaration, QueueDeclaration, TransportFeatures } from '../transport.ts'
import type { QueueEntry, QueueStore, StoredMessage } from '../virtual/store.ts'
import { decodeMessage, encodeMessage } from './codec.ts'
import { takeMessages } from './lanes.ts'
import type { Holder, TakenMessage } from './lanes.ts'
import { ackMessages, releaseMessages } from './leases.ts'
import type { HeldMessage } from './leases.ts'
import { isReady, putMessages } from './messages.ts'
import type { NewMessage } from './messages.ts'
import { Owners } from './owners.ts'
import type { ProcessTable } from './process.ts'
import { newestMessage, purgeSome } from './purge.ts'
import { rankOf, waitingMessages } from './runs.ts'
import { ensureSchema } from './schema.ts'
import * as topology from './topology.ts'
import { buryOwner, dropQueue, tidy } from './upkeep.ts'
import { Waiters } from './waiters.ts'

const FEATURES: TransportFeatures = { delayed: true, fanout: true, priority: 'highest-first', shared: true }
/** How often to look after the file, at most: so long messages of a killed process lie idle. */
const UPKEEP_INTERVAL_MS = 3_000
/** Renew a lease when so much of it is left, at the latest: one failure must not cost it. */
const LEASE_PARTS = 3
/** How exactly it is known when a queue was used last. */
const TOUCH_INTERVAL_MS = 250
/** Removing many messages gives way to others after so long. */
const PORTION_MS = 8

export interface StoreOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly processes: ProcessTable
  /** How long a process that cannot be asked keeps what it holds, in milliseconds. */
  readonly leaseMs: number
}

/** What was taken in one go. */
interface Lease {
  readonly number: number
  /** How many of its messages are still held. */
  left: number
}

/** The handle of a message that was given out. */
interface Handle extends HeldMessage {
  readonly taken: Lease
  held: boolean
}

export class SqliteStore implements QueueStore {
  readonly features: TransportFeatures = FEATURES
  readonly closed: Promise<Error | undefined>
  readonly #database: SqliteDatabase
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #leaseMs: number
  readonly #owners: Owners
  readonly #waiters: Waiters
  readonly #routes: topology.RoutingTable
  readonly #puts: TransactionBatch<NewMessage>
  readonly #ended = deferred<Error | undefined>()
  /** The queues that are consumed here. */
  readonly #consumed = new Set<string>()
  /** Others that messages were taken from, and when that was noted. */
  readonly #touched = new Map<string, number>()
  #owner: number | undefined
  #becoming: Promise<number> | undefined
  #renewedMs = 0
  #lastLease = 0
  #rounds = 0
  #timer: Timer | undefined
  /** Why verbs are refused. */
  #refusal: ConnectionError | undefined
  #closing: Promise<void> | undefined

  /**
   * A store over an open file, which is released when the store is closed. Rejects with `ImproperlyConfigured` for a file
   * that cannot be used, `OperationalError` for one that cannot be used now.
   */
  static async open(database: SqliteDatabase, options: StoreOptions): Promise<SqliteStore> {
    await ensureSchema(database)
    const store = new SqliteStore(database, options)
    await store.#lookAfter()
    return store
  }

  private constructor(database: SqliteDatabase, options: StoreOptions) {
    this.#database = database
    this.#clock = options.clock
    this.#logger = options.logger
    this.#leaseMs = options.leaseMs
    this.#owners = new Owners(options.processes, () => options.clock.now(), options.leaseMs)
    this.#waiters = new Waiters(database, options.clock)
    this.#routes = new topology.RoutingTable(database)
    this.#puts = new TransactionBatch(database, (statements, messages) => {
      putMessages(statements, messages, this.#clock.now())
      database.notify('messages')
    })
    this.closed = this.#ended.promise
    void database.lost.then((reason) => {
      this.#lose(new ConnectionError(reason.message, { cause: reason }))
    })
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    this.#checkOpen()
    const known = this.#routes.exchange(exchange.name)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(exchange)) return
    await this.#database.write((statements) => {
      topology.declareExchange(statements, exchange)
    })
  }

  async deleteExchange(name: string): Promise<void> {
    this.#checkOpen()
    await this.#database.write((statements) => {
      topology.deleteExchange(statements, name)
    })
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    this.#checkOpen()
    return this.#routes.exchange(name)
  }

  async declareQueue(queue: QueueDeclaration): Promise<void> {
    this.#checkOpen()
    const known = this.#database.read((statements) => topology.findQueue(statements, queue.name))
    const same = known?.declaration === JSON.stringify(queue)
    // Declaring counts as using, which matters where the queue expires; an exclusive one gets an owner.
    if (same && !queue.exclusive && known?.expiresMs === undefined) return
    const owner = queue.exclusive ? await this.#becomeOwner() : undefined
    await this.#write((statements) => {
      const id = topology.declareQueue(statements, queue, this.#clock.now())
      if (owner !== undefined) topology.addExclusive(statements, id, owner)
    })
  }

  async deleteQueue(name: string): Promise<number> {
    this.#checkOpen()
    const purged = await this.purge(name)
    const left = await this.#database.write((statements) => {
      const queue = topology.findQueue(statements, name)
      return queue === undefined ? 0 : dropQueue(statements, queue.id)
    })
    return purged + left
  }

  async bind(binding: Binding): Promise<void> {
    this.#checkOpen()
    await this.#database.write((statements) => {
      topology.bind(statements, binding)
    })
  }

  async unbind(binding: Binding): Promise<void> {
    this.#checkOpen()
    await this.#database.write((statements) => {
      topology.unbind(statements, binding)
    })
  }

  async bindings(exchange?: string): Promise<readonly Binding[]> {
    this.#checkOpen()
    return this.#routes.bindings(exchange)
  }

  async putMany(entries: readonly QueueEntry[]): Promise<void> {
    this.#checkOpen()
    if (entries.length > 0) await this.#puts.add(entries.map(newMessage))
  }

  async getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<readonly StoredMessage[]> {
    this.#checkOpen()
    for (const queue of queues) if (!this.#consumed.has(queue)) void this.#touch(queue)
    if (max <= 0 || !this.#hasSomething(queues)) return []
    const owner = options.noAck ? undefined : await this.#becomeOwner()
    this.#lastLease += 1
    const holder: Holder = owner === undefined ? undefined : { owner, lease: this.#lastLease }
    const order = this.#rotated(queues)
    const taken = await this.#write((statements) => {
      return takeMessages(statements, order, max, holder, this.#clock.now())
    })
    const lease = { number: holder?.lease ?? 0, left: taken.length }
    return taken.map((message) => storedMessage(message, holder === undefined ? undefined : lease))
  }

  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#refusal !== undefined) return Promise.resolve()
    return this.#waiters.wait(queues, signal)
  }

  async startConsuming(name: string): Promise<void> {
    this.#checkOpen()
    const owner = await this.#becomeOwner()
    this.#consumed.add(name)
    await this.#write((statements) => {
      const nowMs = this.#clock.now()
      const queue = topology.findQueue(statements, name)?.id
      topology.addConsumer(
        statements,
        queue ?? topology.declareQueue(statements, topology.plainQueue(name), nowMs),
        owner,
      )
    })
  }

  async stopConsuming(name: string): Promise<void> {
    this.#consumed.delete(name)
    const owner = this.#owner
    if (owner === undefined || this.#refusal !== undefined) return
    await this.#write((statements) => {
      const queue = topology.findQueue(statements, name)?.id
      if (queue === undefined) return
      if (topology.removeConsumer(statements, queue, owner, this.#clock.now())) dropQueue(statements, queue)
    })
  }

  async ackMany(messages: readonly StoredMessage[]): Promise<void> {
    await this.#settle(messages, (statements, owner, handles) => {
      const ended = new Set(handles.filter(({ taken }) => taken.left === 0).map(({ lease }) => lease))
      ackMessages(statements, owner, ascendingIds(handles), ended)
    })
  }

  async releaseMany(messages: readonly StoredMessage[], options: { readonly redelivered: boolean }): Promise<void> {
    await this.#settle(messages, (statements, owner, handles) => {
      releaseMessages(statements, owner, handles, options.redelivered)
      this.#database.notify('messages')
    })
  }

  async size(queue: string): Promise<number> {
    this.#checkOpen()
    return this.#database.read((statements) => {
      const row = topology.findQueue(statements, queue)
      return row === undefined ? 0 : waitingMessages(statements, row.id)
    })
  }

  async purge(name: string): Promise<number> {
    this.#checkOpen()
    const queue = this.#database.read((statements) => topology.findQueue(statements, name))
    if (queue === undefined) return 0
    const upTo = this.#database.read(newestMessage)
    let removed = 0
    for (let done = false; !done;) {
      const portion = await this.#database.write((statements) => {
        const untilMs = performance.now() + PORTION_MS
        return purgeSome(statements, queue.id, upTo, () => performance.now() > untilMs)
      })
      removed += portion.removed
      done = portion.done
    }
    return removed
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const isLost = this.#refusal !== undefined
    this.#end(new ConnectionError(`The connection to "${this.#database.file}" is closed`))
    try {
      const owner = this.#owner ?? (await this.#becoming)
      if (!isLost && owner !== undefined) await this.#database.write((statements) => this.#bury(statements, owner))
    } catch (error) {
      // What is held comes back all the same: when this process has ended, or when the lease has run out.
      this.#logger.warning(`Messages from "${this.#database.file}" could not be given back yet`, { error })
    }
    await this.#database.release()
    this.#ended.resolve(undefined)
  }

  #bury(statements: SqlStatements, owner: number): void {
    if (!this.#owners.exists(statements, owner)) return
    if (buryOwner(statements, this.#owners, owner, this.#clock.now()) > 0) this.#database.notify('messages')
  }

  /** Nothing works any more, and whoever uses the store is told so. */
  #lose(reason: ConnectionError): void {
    if (this.#refusal !== undefined) return
    this.#end(reason)
    this.#ended.resolve(reason)
  }

  #end(refusal: ConnectionError): void {
    this.#refusal ??= refusal
    this.#timer?.cancel()
    this.#waiters.wakeAll()
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** Write as the owner that this store is: an owner that was taken for dead holds nothing any more. */
  async #write<T>(work: (statements: SqlStatements) => T): Promise<T> {
    const owner = this.#owner
    if (owner === undefined) return this.#database.write(work)
    const answer = await this.#database.write((statements) =>
      this.#owners.exists(statements, owner) ? { value: work(statements) } : undefined,
    )
    if (answer !== undefined) return answer.value
    const reason = new ConnectionError(
      `This process was not heard of for too long, so what it had taken from "${this.#database.file}" was given to others ` +
        `(lease: ${String(this.#leaseMs / 1000)} seconds)`,
    )
    this.#lose(reason)
    throw reason
  }

  /** Let go of messages; those that are not held are left out. When that fails they are held as before. */
  async #settle(
    messages: readonly StoredMessage[],
    verb: (statements: SqlStatements, owner: number, handles: readonly Handle[]) => void,
  ): Promise<void> {
    this.#checkOpen()
    const owner = this.#owner
    const handles = messages.map(({ handle }) => handle as Handle | undefined).filter((handle) => handle?.held === true)
    if (owner === undefined || handles.length === 0) return
    const settled = handles as readonly Handle[]
    mark(settled, false)
    try {
      await this.#write((statements) => {
        verb(statements, owner, settled)
      })
    } catch (error) {
      mark(settled, true)
      throw error
    }
  }

  #hasSomething(queues: readonly string[]): boolean {
    return this.#database.read((statements) => isReady(statements, queues, this.#clock.now()))
  }

  /** Another queue comes first each time, so that a long one does not keep the others waiting. */
  #rotated(queues: readonly string[]): readonly string[] {
    if (queues.length < 2) return queues
    this.#rounds = (this.#rounds + 1) % queues.length
    return [...queues.slice(this.#rounds), ...queues.slice(0, this.#rounds)]
  }

  /** The owner's row, made when something is to be held for the first time. */
  async #becomeOwner(): Promise<number> {
    if (this.#owner !== undefined) return this.#owner
    this.#becoming ??= this.#database.write((statements) => this.#owners.add(statements))
    try {
      this.#owner = await this.#becoming
    } finally {
      this.#becoming = undefined
    }
    this.#renewedMs = this.#clock.monotonic()
    return this.#owner
  }

  /** Taking from a queue without consuming it keeps it from expiring. */
  async #touch(name: string): Promise<void> {
    const nowMs = this.#clock.now()
    if (Math.abs(nowMs - (this.#touched.get(name) ?? 0)) < TOUCH_INTERVAL_MS) return
    this.#touched.set(name, nowMs)
    try {
      const queue = this.#database.read((statements) => topology.findQueue(statements, name))
      if (queue?.expiresMs === undefined) return
      await this.#write((statements) => {
        topology.touchQueue(statements, queue.id, nowMs)
      })
    } catch {
      // A file that does not work is reported to whoever takes messages.
    }
  }

  /** The upkeep of the file and of our own lease, now and from now on. */
  async #lookAfter(): Promise<void> {
    try {
      await this.#keepLease()
      const { dead, reclaimed } = await tidy(this.#database, this.#owners, this.#owner, this.#clock.now())
      if (dead > 0)
        this.#logger.info(`Took ${String(reclaimed)} messages back from ${String(dead)} processes that are gone`)
      // A clock that was set may have made something due.
      this.#waiters.check()
    } catch (error) {
      if (this.#refusal === undefined) this.#logger.warning(`The upkeep of "${this.#database.file}" failed`, { error })
    }
    if (this.#refusal !== undefined) return
    this.#timer = this.#clock.after(
      Math.min(UPKEEP_INTERVAL_MS, this.#leaseMs / LEASE_PARTS),
      () => {
        void this.#lookAfter()
      },
      { unref: true },
    )
  }

  async #keepLease(): Promise<void> {
    const owner = this.#owner
    const nowMs = this.#clock.monotonic()
    if (owner === undefined || nowMs - this.#renewedMs < this.#leaseMs / LEASE_PARTS) return
    await this.#write((statements) => this.#owners.renew(statements, owner))
    this.#renewedMs = nowMs
  }
}

function newMessage(entry: QueueEntry): NewMessage {
  const { queue, exchange, routingKey, message, dueMs } = entry
  const { meta, body } = encodeMessage(message, exchange, routingKey)
  return { queue, rank: rankOf(message.properties.priority), dueMs, meta, body }
}

function storedMessage(taken: TakenMessage, lease: Lease | undefined): StoredMessage {
  const { id, queue, run } = taken
  const { exchange, routingKey, message } = decodeMessage(taken.meta, taken.body)
  const { redelivered } = run
  const handle: Handle | undefined =
    lease === undefined
      ? undefined
      : { id, lease: lease.number, queue: run.queue, rank: run.rank, redelivered, taken: lease, held: true }
  return { handle, queue, exchange, routingKey, redelivered, message }
}

function mark(handles: readonly Handle[], held: boolean): void {
  for (const handle of handles) {
    handle.held = held
    handle.taken.left += held ? 1 : -1
  }
}

function ascendingIds(handles: readonly Handle[]): number[] {
  return handles.map(({ id }) => id).sort((a, b) => a - b)
}
