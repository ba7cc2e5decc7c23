/**
 * What the bench asks of a system: the load generator's side of one queue and its results. One implementation for
 * celeriac, one for BullMQ; both keep the results of all tasks.
 */

/** How the tasks that were sent ended. */
export interface Finish {
  readonly count: number
  /** Unix times in milliseconds, as the workers wrote them down. */
  readonly firstMs: number
  readonly lastMs: number
}

export interface System {
  /** Send one no-op task. Resolves once the broker has it. */
  send(): Promise<void>
  /** Send so many no-op tasks in one call. */
  sendMany(count: number): Promise<void>
  /** Send so many in one call, due in so many seconds. They are not waited for by `finish`. */
  sendManyLater(count: number, seconds: number): Promise<void>
  /** Send one and wait for its result. */
  roundTrip(): Promise<void>
  /** Throw away what waits to be run. */
  purge(): Promise<void>
  /** Wait until every task sent before has a result; the first `skip` of them are not counted. */
  finish(skip: number): Promise<Finish>
  close(): Promise<void>
}
