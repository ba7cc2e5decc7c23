/**
 * This store as an owner: made when it first holds something, renewed in time, given up at the end. Everything that
 * depends on what it holds is written only as long as nobody took it for dead.
 */
import { ConnectionError } from '../../errors.ts'
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'
import type { Clock } from '../../util/clock.ts'
import type { Owners } from './owners.ts'
import { buryOwner } from './upkeep.ts'

/** Renew a lease when a third of it is over: one failure must not cost it. */
const LEASE_PARTS = 3

export interface OwnershipParts {
  readonly database: SqliteDatabase
  readonly clock: Clock
  readonly owners: Owners
  readonly leaseMs: number
  /** Called once, when all that was held has been given to others. */
  readonly onLost: (reason: ConnectionError) => void
}

export class Ownership {
  readonly #parts: OwnershipParts
  #id: number | undefined
  #claiming: Promise<number> | undefined
  #renewedMs = 0
  #lastLease = 0

  constructor(parts: OwnershipParts) {
    this.#parts = parts
  }

  /** The owner's id; undefined before anything was held. */
  get id(): number | undefined {
    return this.#id
  }

  /** The number of a new lease, under which messages are taken. */
  nextLease(): number {
    this.#lastLease += 1
    return this.#lastLease
  }

  /** The owner's id, from now on at the latest. */
  async claim(): Promise<number> {
    if (this.#id !== undefined) return this.#id
    const { database, owners, clock } = this.#parts
    this.#claiming ??= database.write((statements) => owners.add(statements))
    try {
      this.#id = await this.#claiming
    } finally {
      this.#claiming = undefined
    }
    this.#renewedMs = clock.monotonic()
    return this.#id
  }

  /** Write what depends on the owner. Rejects with `ConnectionError` when it was taken for dead, else like `write`. */
  async write<T>(work: (statements: SqlStatements, owner: number) => T): Promise<T> {
    const { database, owners, leaseMs, onLost } = this.#parts
    const owner = await this.claim()
    const answer = await database.write((statements) =>
      owners.exists(statements, owner) ? { value: work(statements, owner) } : undefined,
    )
    if (answer !== undefined) return answer.value
    const reason = new ConnectionError(
      `This process was not heard of for too long, so what it had taken from "${database.file}" was given to others ` +
        `(the option lease is ${String(leaseMs / 1000)} seconds)`,
    )
    onLost(reason)
    throw reason
  }

  /** Renew the lease, if it is time. */
  async renew(): Promise<void> {
    const { clock, leaseMs, owners } = this.#parts
    const nowMs = clock.monotonic()
    if (this.#id === undefined || nowMs - this.#renewedMs < leaseMs / LEASE_PARTS) return
    await this.write((statements, owner) => {
      owners.renew(statements, owner)
    })
    this.#renewedMs = nowMs
  }

  /** Give back all that is held. */
  async end(): Promise<void> {
    const { database, owners, clock } = this.#parts
    const owner = this.#id ?? (await this.#claiming)
    if (owner === undefined) return
    await database.write((statements) => {
      if (!owners.exists(statements, owner)) return
      if (buryOwner(statements, owners, owner, clock.now()) > 0) database.notify('messages')
    })
  }
}
