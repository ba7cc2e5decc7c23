/**
 * QueueStore over an SQLite file. This is when things are done: in which transaction, for which owner, who is woken.
 * What moves in the tables is `messages.ts`, `lanes.ts` and `leases.ts`; what is done now and then is `upkeep.ts`.
 */
import { ConnectionError } from '../../errors.ts'
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'
import { TransactionBatch } from '../../driver/sqlite/batch.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Binding, ExchangeDeclaration, QueueDeclaration, TransportFeatures } from '../transport.ts'
import { StoreLife } from '../virtual/store-life.ts'
import type { QueueEntry, QueueStore, ReleaseOptions, StoredMessage } from '../virtual/store.ts'
import { encodeMessage } from './codec.ts'
import { endedLeases, heldHandles, markHeld, messageNumbers, storedMessage } from './handles.ts'
import type { Handle } from './handles.ts'
import { takeMessages } from './lanes.ts'
import { ackMessages, releaseMessages } from './leases.ts'
import { isReady, promoteEarly, putMessages } from './messages.ts'
import type { NewMessage } from './messages.ts'
import { Owners } from './owners.ts'
import { Ownership } from './ownership.ts'
import type { ProcessTable } from './process.ts'
import { newestMessage, purgeSome } from './purge.ts'
import { rankOf, waitingMessages } from './runs.ts'
import { ensureSchema } from './schema.ts'
import * as topology from './topology.ts'
import { dropQueue, tidy } from './upkeep.ts'
import { Waiters } from './waiters.ts'

const FEATURES: TransportFeatures = {
  delayed: true,
  fanout: true,
  priority: 'highest-first',
  shared: true,
  events: 'topic',
  transient: false,
  fetches: true,
  once: true,
}
/** How often to look after the file, at most: so long messages of a killed process lie idle. */
const UPKEEP_INTERVAL_MS = 3_000
/** ... and how often in the course of a lease, at least. */
const LOOKS_A_LEASE = 4
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

export class SqliteStore implements QueueStore {
  readonly features: TransportFeatures = FEATURES
  readonly closed: Promise<Error | undefined>
  readonly #database: SqliteDatabase
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #intervalMs: number
  readonly #owners: Owners
  readonly #ownership: Ownership
  readonly #waiters: Waiters
  readonly #routes: topology.RoutingTable
  readonly #puts: TransactionBatch<NewMessage>
  readonly #life: StoreLife
  /** The queues that are consumed here. */
  readonly #consumed = new Set<string>()
  /** Others that messages were taken from, and when that was noted. */
  readonly #touched = new Map<string, number>()
  #rounds = 0
  #timer: Timer | undefined

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
    const { clock, logger, processes, leaseMs } = options
    this.#database = database
    this.#clock = clock
    this.#logger = logger
    this.#intervalMs = Math.min(UPKEEP_INTERVAL_MS, leaseMs / LOOKS_A_LEASE)
    this.#owners = new Owners(processes, () => clock.now(), leaseMs)
    this.#ownership = new Ownership({
      database,
      clock,
      owners: this.#owners,
      leaseMs,
      onLost: (reason) => {
        this.#life.lose(reason)
      },
    })
    this.#waiters = new Waiters(database, clock)
    this.#routes = new topology.RoutingTable(database)
    this.#puts = new TransactionBatch(database, (statements, messages) => {
      putMessages(statements, messages, this.#clock.now())
      database.notify('messages')
    })
    this.#life = new StoreLife({
      place: `"${database.file}"`,
      logger,
      stop: () => {
        this.#timer?.cancel()
        this.#waiters.wakeAll()
      },
      giveBack: () => this.#ownership.end(),
      release: () => database.release(),
    })
    this.closed = this.#life.closed
    void database.lost.then((reason) => {
      this.#life.lose(new ConnectionError(reason.message, { cause: reason }))
    })
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    this.#life.check()
    const known = this.#routes.exchange(exchange.name)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(exchange)) return
    await this.#database.write((statements) => {
      topology.declareExchange(statements, exchange)
    })
  }

  async deleteExchange(name: string): Promise<void> {
    this.#life.check()
    await this.#database.write((statements) => {
      topology.deleteExchange(statements, name)
    })
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    this.#life.check()
    return this.#routes.exchange(name)
  }

  async declareQueue(queue: QueueDeclaration): Promise<void> {
    this.#life.check()
    const known = this.#database.read((statements) => topology.findQueue(statements, queue.name))
    const same = known?.declaration === JSON.stringify(queue)
    // Declaring counts as using, which matters where the queue expires; an exclusive one gets an owner.
    if (same && !queue.exclusive && known.expiresMs === undefined) return
    const declare = (statements: SqlStatements): number => topology.declareQueue(statements, queue, this.#clock.now())
    if (!queue.exclusive) {
      await this.#database.write(declare)
    } else {
      await this.#ownership.write((statements, owner) => {
        topology.addExclusive(statements, declare(statements), owner)
      })
    }
  }

  async deleteQueue(name: string): Promise<number> {
    this.#life.check()
    this.#touched.delete(name)
    const purged = await this.purge(name)
    const left = await this.#database.write((statements) => {
      const queue = topology.findQueue(statements, name)
      return queue === undefined ? 0 : dropQueue(statements, queue.id)
    })
    return purged + left
  }

  async bind(binding: Binding): Promise<void> {
    this.#life.check()
    await this.#database.write((statements) => {
      topology.bind(statements, binding, this.#clock.now())
    })
  }

  async unbind(binding: Binding): Promise<void> {
    this.#life.check()
    await this.#database.write((statements) => {
      topology.unbind(statements, binding)
    })
  }

  async bindings(exchange?: string): Promise<readonly Binding[]> {
    this.#life.check()
    return this.#routes.bindings(exchange)
  }

  async putMany(entries: readonly QueueEntry[]): Promise<void> {
    this.#life.check()
    if (entries.length > 0) await this.#puts.add(entries.map(newMessage))
  }

  async getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<readonly StoredMessage[]> {
    this.#life.check()
    for (const queue of queues) if (!this.#consumed.has(queue)) void this.#touch(queue)
    if (max <= 0 || !this.#hasSomething(queues)) return []
    const order = this.#rotated(queues)
    return options.noAck ? this.#takeAway(order, max) : this.#lend(order, max)
  }

  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#life.isOver) return Promise.resolve()
    return this.#waiters.wait(queues, signal)
  }

  async startConsuming(name: string): Promise<void> {
    this.#life.check()
    this.#consumed.add(name)
    await this.#ownership.write((statements, owner) => {
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
    if (this.#life.isOver) return
    await this.#ownership.write((statements, owner) => {
      const queue = topology.findQueue(statements, name)?.id
      if (queue === undefined) return
      if (topology.removeConsumer(statements, queue, owner, this.#clock.now())) dropQueue(statements, queue)
    })
  }

  async ackMany(messages: readonly StoredMessage[]): Promise<void> {
    await this.#settle(messages, (statements, owner, handles) => {
      ackMessages(statements, owner, messageNumbers(handles), endedLeases(handles))
    })
  }

  async releaseMany(messages: readonly StoredMessage[], { redelivered, dueMs }: ReleaseOptions): Promise<void> {
    const later = dueMs !== undefined && dueMs > this.#clock.now() ? dueMs : undefined
    await this.#settle(messages, (statements, owner, handles) => {
      releaseMessages(statements, owner, handles, { redelivered, dueMs: later }, endedLeases(handles))
      this.#database.notify('messages')
    })
  }

  async size(queue: string): Promise<number> {
    this.#life.check()
    return this.#database.read((statements) => {
      const row = topology.findQueue(statements, queue)
      return row === undefined ? 0 : waitingMessages(statements, row.id)
    })
  }

  /** In portions, so that nobody waits long. */
  async ripen(name: string): Promise<void> {
    this.#life.check()
    const queue = this.#database.read((statements) => topology.findQueue(statements, name))
    if (queue === undefined) return
    while ((await this.#database.write((statements) => promoteEarly(statements, queue.id))) > 0) this.#waiters.wakeAll()
  }

  async purge(name: string): Promise<number> {
    this.#life.check()
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
    return this.#life.close()
  }

  /** Take messages that need no acknowledgement. */
  async #takeAway(queues: readonly string[], max: number): Promise<StoredMessage[]> {
    const taken = await this.#database.write((statements) => {
      return takeMessages(statements, queues, max, undefined, this.#clock.now())
    })
    return taken.map((message) => storedMessage(message, undefined))
  }

  /** Take messages that are held until they are acknowledged or given back. */
  async #lend(queues: readonly string[], max: number): Promise<StoredMessage[]> {
    const number = this.#ownership.nextLease()
    const taken = await this.#ownership.write((statements, owner) => {
      return takeMessages(statements, queues, max, { owner, lease: number }, this.#clock.now())
    })
    const lease = { number, left: taken.length }
    return taken.map((message) => storedMessage(message, lease))
  }

  /** Let go of messages; those that are not held are left out. When that fails they are held as before. */
  async #settle(
    messages: readonly StoredMessage[],
    verb: (statements: SqlStatements, owner: number, handles: readonly Handle[]) => void,
  ): Promise<void> {
    this.#life.check()
    const handles = heldHandles(messages)
    if (handles.length === 0) return
    markHeld(handles, false)
    try {
      await this.#ownership.write((statements, owner) => {
        verb(statements, owner, handles)
      })
    } catch (error) {
      markHeld(handles, true)
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

  /** Taking from a queue without consuming it keeps it from expiring. */
  async #touch(name: string): Promise<void> {
    const nowMs = this.#clock.now()
    if (Math.abs(nowMs - (this.#touched.get(name) ?? 0)) < TOUCH_INTERVAL_MS) return
    this.#touched.set(name, nowMs)
    try {
      const queue = this.#database.read((statements) => topology.findQueue(statements, name))
      if (queue?.expiresMs === undefined) return
      await this.#database.write((statements) => {
        topology.touchQueue(statements, queue.id, nowMs)
      })
    } catch {
      // A file that does not work is reported to whoever takes messages.
    }
  }

  /** The upkeep of the file and of our own lease, now and from now on. */
  async #lookAfter(): Promise<void> {
    try {
      await this.#ownership.renew()
      const { dead, reclaimed } = await tidy(this.#database, this.#owners, this.#ownership.id, this.#clock.now())
      if (dead > 0)
        this.#logger.info(`Took ${String(reclaimed)} messages back from ${String(dead)} processes that are gone`)
      // A clock that was set may have made something due.
      this.#waiters.check()
    } catch (error) {
      if (!this.#life.isOver) this.#logger.warning(`The upkeep of "${this.#database.file}" failed`, { error })
    }
    if (this.#life.isOver) return
    this.#timer = this.#clock.after(
      this.#intervalMs,
      () => {
        void this.#lookAfter()
      },
      { unref: true },
    )
  }
}

function newMessage(entry: QueueEntry): NewMessage {
  const { queue, exchange, routingKey, message, dueMs, once } = entry
  const { meta, body } = encodeMessage(message, exchange, routingKey)
  return { queue, exchange, rank: rankOf(message.properties.priority), dueMs, once, meta, body }
}
