/** What one worker has in hand: requests by their stage, revoked ids, totals. Written by requests, read by commands. */
import type { TaskHead } from '../protocol/task.ts'
import type { BoundedSet } from '../util/bounded-set.ts'
import { Orphans } from './orphans.ts'
import { RevokedStamps } from './revoked-stamps.ts'

/** A request, as far as everyone may know it. */
export interface InHand {
  readonly key: number
  readonly head: Pick<TaskHead, 'id' | 'retries'>
}

/** What one worker has in hand, from its first start on. */
export class WorkerState<R extends InHand = InHand> {
  /** Received, not yet given to the pool. */
  readonly reserved: Map<number, R> = new Map<number, R>()
  /** Received, and held until their time. */
  readonly scheduled: Map<number, R> = new Map<number, R>()
  /** Received, and held by the rate limit of their task. */
  readonly limited: Map<number, R> = new Map<number, R>()
  /** Given to the pool: running, or about to. */
  readonly active: Map<number, R> = new Map<number, R>()
  /** Given to the pool, and may come again, for the connection is lost. */
  readonly orphans: Orphans<R> = new Orphans<R>()
  /** Ids that must not run. */
  readonly revoked: BoundedSet
  /** Stamps whose tasks must not run. */
  readonly revokedStamps: RevokedStamps = new RevokedStamps()
  /** How many of each task were accepted since the start. */
  readonly totals: Map<string, number> = new Map<string, number>()
  /** How many tasks were accepted since the start. */
  processed = 0
  /** How many have run and wait for their result to be stored and their message to be acknowledged. */
  settling = 0
  #nextKey = 1

  constructor(revoked: BoundedSet) {
    this.revoked = revoked
  }

  /** A number for the next execution. */
  nextKey(): number {
    return this.#nextKey++
  }

  /** One more of this task was accepted. */
  count(taskName: string): void {
    this.processed += 1
    this.totals.set(taskName, (this.totals.get(taskName) ?? 0) + 1)
  }

  /** All requests of this task id that are in hand. */
  find(taskId: string): R[] {
    const all = [this.scheduled, this.limited, this.reserved, this.active].flatMap((stage) => [...stage.values()])
    return all.filter((request) => request.head.id === taskId)
  }
}
