/** SEAM Host: what work-flows need of their app. The app implements it; tests have a small one of their own. */
import type { AsyncResult, ResultHost } from '../result/async-result.ts'
import type { PublishOptions } from './options.ts'

/** What work-flows need of their app. */
export interface Host extends ResultHost {
  /** Make one call by name: publish it, or run it here with `taskAlwaysEager`. */
  call(name: string, args: readonly unknown[], options?: PublishOptions): Promise<AsyncResult>
  /** A new task id. */
  newId(): string
  /** Call a registered function here and now, as `link_error` functions are; false where it is not one that can. */
  callErrback(name: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): Promise<boolean>
}
