/**
 * Who waits for the same promise is told together: one callback for all, in the order in which they came, instead of a
 * promise for each. For verbs that answer all calls of one turn of the event loop with one promise (`turn.ts`).
 */
import { asError } from './as-error.ts'

/** Those who wait for the promises of one verb. */
export class Rounds<T> {
  readonly #onSettled: (items: readonly T[], error: Error | undefined) => void
  #promise: Promise<void> | undefined
  #items: T[] = []

  /** `onSettled` is told once for each promise, with the error of one that was rejected. Must not throw. */
  constructor(onSettled: (items: readonly T[], error: Error | undefined) => void) {
    this.#onSettled = onSettled
  }

  /** `item` waits for `promise`. */
  add(item: T, promise: Promise<void>): void {
    if (promise !== this.#promise) this.#begin(promise)
    this.#items.push(item)
  }

  #begin(promise: Promise<void>): void {
    const items: T[] = []
    this.#promise = promise
    this.#items = items
    const tell = (error: Error | undefined): void => {
      // Whoever comes with this promise from now on waits for a round of its own.
      if (this.#items === items) this.#end()
      this.#onSettled(items, error)
    }
    promise.then(
      () => {
        tell(undefined)
      },
      (error: unknown) => {
        tell(asError(error))
      },
    )
  }

  #end(): void {
    this.#promise = undefined
    this.#items = []
  }
}
