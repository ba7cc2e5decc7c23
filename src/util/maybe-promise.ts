/**
 * What may be there already. A promise costs more than many a task on the message path, so what need not wait for
 * anything answers without one.
 */

export type MaybePromise<T> = T | Promise<T>

/** Must it be awaited? As `await` sees it: anything with a `then` that can be called. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
