/** A promise with a deadline. */
import type { Clock } from './clock.ts'

/**
 * What `promise` becomes; rejects with what `late` makes when that takes longer than `timeoutMs`. What becomes of it
 * afterwards is ignored.
 */
export function within<T>(clock: Clock, timeoutMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  if (timeoutMs === Infinity) return promise
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      reject(late())
    })
    promise.then(resolve, reject).finally(() => {
      timer.cancel()
    })
  })
}
