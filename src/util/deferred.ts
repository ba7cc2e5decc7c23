/** A promise together with its resolve and reject, for the places where a result comes from elsewhere. */

export interface Deferred<T> {
  readonly promise: Promise<T>
  /** Later calls have no effect. */
  resolve(value: T): void
  reject(error: unknown): void
}

/** A new promise that the caller settles. */
export function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] | undefined
  let reject: Deferred<T>['reject'] | undefined
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  // The executor runs before the constructor returns, so both are set.
  return { promise, resolve: resolve as Deferred<T>['resolve'], reject: reject as Deferred<T>['reject'] }
}
