/** What one worker has in hand: requests by their stage, revoked ids, totals. Written by requests, read by commands. */
import type { BoundedSet } from '../util/bounded-set.ts'
import type { Request } from './request.ts'

export class WorkerState {
  /** Received, not yet given to the pool. */
  readonly reserved = new Map<number, Request>()
  /** Given to the pool: running, or about to. */
  readonly active = new Map<number, Request>()
  /** Ids that must not run. */
  readonly revoked: BoundedSet
  /** How many of each task were accepted since the start. */
  readonly totals = new Map<string, number>()
  #nextKey = 1

  constructor(revoked: BoundedSet) {
    this.revoked = revoked
  }

  /** A number for the next execution. */
  nextKey(): number {
    return this.#nextKey++
  }

  count(taskName: string): void {
    this.totals.set(taskName, (this.totals.get(taskName) ?? 0) + 1)
  }

  /** All requests of this task id that are in hand. */
  find(taskId: string): Request[] {
    return [...this.reserved.values(), ...this.active.values()].filter((request) => request.head.id === taskId)
  }
}
