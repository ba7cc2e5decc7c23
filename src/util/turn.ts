/**
 * Work that belongs together leaves together: the end of a callback and of a turn of the event loop as promises, and a
 * batch that gathers what is added meanwhile. What a batch is for is the caller's matter.
 */
import { deferred } from './deferred.ts'
import type { Deferred } from './deferred.ts'

/** Resolves in the next turn of the event loop, after timers and input had their chance. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Resolves when the callback of the event loop that runs now is over, with all promises that it has settled. */
export function endOfCallback(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

/**
 * Gathers items and hands them to `flush` together, in the order in which they were added: those of one callback while
 * nothing is under way, for then a turn would only be lost; else those of one turn of the event loop. `flush` may be
 * called again before it is done.
 */
export class TurnBatch<T> {
  readonly #flush: (items: T[]) => Promise<void>
  #items: T[] = []
  #done: Deferred<void> | undefined
  /** Calls of `flush` that go on. */
  #underWay = 0

  constructor(flush: (items: T[]) => Promise<void>) {
    this.#flush = flush
  }

  /** Add items. All calls that leave together get the same promise: it settles as the `flush` that takes them does. */
  add(items: readonly T[]): Promise<void> {
    if (this.#done === undefined) {
      this.#done = deferred()
      if (this.#underWay === 0) process.nextTick(this.#flushSoon)
      else setImmediate(this.#flushSoon)
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
    this.#underWay += 1
    try {
      await this.#flush(items)
      done.resolve()
    } catch (error) {
      done.reject(error)
    } finally {
      this.#underWay -= 1
    }
  }

  readonly #flushSoon = (): void => {
    void this.flush()
  }
}
