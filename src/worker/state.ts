/** What one worker has in hand: requests by their stage, revoked ids, totals. Written by requests, read by commands. */
import type { BoundedSet } from '../util/bounded-set.ts'

/** A request, as far as everyone may know it. */
export interface InHand {
  readonly key: number
  readonly head: { readonly id: string }
}

/** What one worker has in hand, from its first start on. */
export class WorkerState<R extends InHand = InHand> {
  /** Received, not yet given to the pool. */
  readonly reserved: Map<number, R> = new Map<number, R>()
  /** Given to the pool: running, or about to. */
  readonly active: Map<number, R> = new Map<number, R>()
  /** Ids that must not run. */
  readonly revoked: BoundedSet
  /** How many of each task were accepted since the start. */
  readonly totals: Map<string, number> = new Map<string, number>()
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
    this.totals.set(taskName, (this.totals.get(taskName) ?? 0) + 1)
  }

  /** All requests of this task id that are in hand. */
  find(taskId: string): R[] {
    return [...this.reserved.values(), ...this.active.values()].filter((request) => request.head.id === taskId)
  }
}
