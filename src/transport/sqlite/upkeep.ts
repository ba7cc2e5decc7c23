/**
 * What must be done now and then, by whoever is there: the leases of this store, the belongings of dead ones, queues
 * and messages that have grown too old. Looks first, and writes only where there is something to do.
 */
import type { SqliteDatabase, SqlStatements } from '../../driver/sqlite.ts'
import { reclaimMessages } from './leases.ts'
import type { Owners } from './owners.ts'
import { listAging, purgeSome, removeExpired } from './purge.ts'
import { listExpired, removeOwnerFromQueues, removeQueue } from './topology.ts'

/** What was found. */
interface Chores {
  readonly dead: readonly number[]
  readonly expiredQueues: readonly number[]
  readonly agingQueues: readonly number[]
}

/** What was done, for the log. */
export interface Report {
  /** Owners that were dead. */
  readonly dead: number
  /** Messages that they held and that can be taken again. */
  readonly reclaimed: number
}

/** Look after the file. `self` is the owner of this store, if it has one. Rejects like `SqliteDatabase.write`. */
export async function tidy(
  database: SqliteDatabase,
  owners: Owners,
  self: number | undefined,
  nowMs: number,
): Promise<Report> {
  const chores = database.read((statements) => findChores(statements, owners, self, nowMs))
  if (chores.dead.length + chores.expiredQueues.length + chores.agingQueues.length === 0) {
    return { dead: 0, reclaimed: 0 }
  }
  return database.write((statements) => {
    // Looked for again: another process may have been quicker, and an owner may have renewed its lease.
    const found = findChores(statements, owners, self, nowMs)
    let reclaimed = 0
    for (const owner of found.dead) reclaimed += buryOwner(statements, owners, owner, nowMs)
    for (const queue of found.expiredQueues) dropQueue(statements, queue)
    for (const queue of found.agingQueues) removeExpired(statements, queue, nowMs)
    if (reclaimed > 0) database.notify('messages')
    return { dead: found.dead.length, reclaimed }
  })
}

/** Give back what an owner holds, remove the queues that go with it, and the owner itself. Answers how many messages. */
export function buryOwner(statements: SqlStatements, owners: Owners, owner: number, nowMs: number): number {
  // First the queues: their messages need not be given back.
  for (const queue of removeOwnerFromQueues(statements, owner, nowMs)) dropQueue(statements, queue)
  const reclaimed = reclaimMessages(statements, owner)
  owners.remove(statements, owner)
  return reclaimed
}

/** Remove a queue with all that waits in it. Answers how many messages. */
export function dropQueue(statements: SqlStatements, queue: number): number {
  const { removed } = purgeSome(statements, queue, Number.MAX_SAFE_INTEGER, () => false)
  removeQueue(statements, queue)
  return removed
}

function findChores(statements: SqlStatements, owners: Owners, self: number | undefined, nowMs: number): Chores {
  return {
    dead: owners.listDead(statements, self),
    expiredQueues: listExpired(statements, nowMs),
    agingQueues: listAging(statements, nowMs),
  }
}
