/**
 * Owners: open stores that hold messages or queues, and what becomes of it when they die. Renewing a lease is one row a
 * store, however much it holds. What is taken from the dead is `messages.ts` and `topology.ts`.
 */
import type { SqlRow, SqlStatements } from '../../driver/sqlite.ts'
import type { ProcessTable } from './process.ts'

const INSERT = `INSERT INTO celeriac_owner (boot, space, thread, started, lease_wall_ms, lease_mono_ms)
  VALUES (?, ?, ?, ?, ?, ?) RETURNING id`
const RENEW = 'UPDATE celeriac_owner SET lease_wall_ms = ?, lease_mono_ms = ? WHERE id = ?'
const FIND = 'SELECT 1 AS found FROM celeriac_owner WHERE id = ?'
const LIST = 'SELECT * FROM celeriac_owner WHERE id <> ?'
const REMOVE = 'DELETE FROM celeriac_owner WHERE id = ?'

/** No process number comes again so soon: after so many leases a process that only seems to be the same counts as gone. */
const LEASES_OF_DOUBT = 20

/** The leases of one store, and its view of the others'. */
export class Owners {
  readonly #processes: ProcessTable
  readonly #nowMs: () => number
  readonly #leaseMs: number

  /** `nowMs` is Unix time. */
  constructor(processes: ProcessTable, nowMs: () => number, leaseMs: number) {
    this.#processes = processes
    this.#nowMs = nowMs
    this.#leaseMs = leaseMs
  }

  /** Answers the new owner's id. */
  add(statements: SqlStatements): number {
    const { boot, space, thread, started } = this.#processes.self
    return Number(statements.get(INSERT, boot, space, thread, started, ...this.#until())?.['id'])
  }

  renew(statements: SqlStatements, id: number): void {
    statements.run(RENEW, ...this.#until(), id)
  }

  /** False: the owner was taken for dead, and what it held was given to others. */
  exists(statements: SqlStatements, id: number): boolean {
    return statements.get(FIND, id) !== undefined
  }

  remove(statements: SqlStatements, id: number): void {
    statements.run(REMOVE, id)
  }

  /** The owners that are dead, `self` never among them. */
  listDead(statements: SqlStatements, self: number | undefined): number[] {
    return statements
      .all(LIST, self ?? 0)
      .filter((row) => this.#isDead(row))
      .map((row) => Number(row['id']))
  }

  /**
   * A process that is known to live keeps what it holds even when it did not renew its lease: it may be busy with a task
   * that never lets the event loop go on. Where we cannot know, the lease decides.
   */
  #isDead(row: SqlRow): boolean {
    const text = (name: string): string => String(row[name])
    const identity = { boot: text('boot'), space: text('space'), thread: text('thread'), started: text('started') }
    switch (this.#processes.verdict(identity)) {
      case 'alive':
        return false
      case 'gone':
        return true
      case 'unknown': {
        const here = identity.space === this.#processes.self.space
        return this.#overdueMs(row, identity.boot) > (here ? LEASES_OF_DOUBT * this.#leaseMs : 0)
      }
    }
  }

  /** Since when the lease has run out. On the same machine by a clock that nobody sets. */
  #overdueMs(row: SqlRow, boot: string): number {
    const sameBoot = boot !== '' && boot === this.#processes.self.boot
    return sameBoot
      ? this.#processes.monotonicMs() - Number(row['lease_mono_ms'])
      : this.#nowMs() - Number(row['lease_wall_ms'])
  }

  #until(): [wallMs: number, monoMs: number] {
    return [Math.ceil(this.#nowMs() + this.#leaseMs), Math.ceil(this.#processes.monotonicMs() + this.#leaseMs)]
  }
}
