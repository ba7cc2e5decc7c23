/**
 * Work that belongs to one turn of the event loop leaves together: the end of the turn as a promise, and a batch that
 * gathers what is added during a turn. What a batch is for is the caller's matter.
 */
import { deferred } from './deferred.ts'
import type { Deferred } from './deferred.ts'

/** Resolves in the next turn of the event loop, after timers and input had their chance. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Gathers items and hands those of one turn to `flush` in one call, in the order in which they were added. */
export class TurnBatch<T> {
  readonly #flush: (items: T[]) => Promise<void>
  #items: T[] = []
  #done: Deferred<void> | undefined

  constructor(flush: (items: T[]) => Promise<void>) {
    this.#flush = flush
  }

  /** Add items. All calls of one turn get the same promise: it settles as the `flush` that takes them does. */
  add(items: readonly T[]): Promise<void> {
    if (this.#done === undefined) {
      this.#done = deferred()
      setImmediate(() => {
        void this.flush()
      })
    }
    for (const item of items) this.#items.push(item)
    return this.#done.promise
  }

  /** Hand over now what was added so far. Resolves when it is done with; never rejects, for `add` told the caller. */
  async flush(): Promise<void> {
    const done = this.#done
    if (done === undefined) return
    const items = this.#items
    this.#items = []
    this.#done = undefined
    try {
      await this.#flush(items)
      done.resolve()
    } catch (error) {
      done.reject(error)
    }
  }
}
