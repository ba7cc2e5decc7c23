/** How one execution ended, as plain data: it crosses from a pool's child to the worker. The compiler checks the cases. */

/** What is known of an exception, for logs, events and the stored document. */
export interface Failure {
  readonly excType: string
  /** The exception's arguments, JSON-safe. */
  readonly excMessage: readonly unknown[]
  readonly excModule: string
  /** Python-like: `ValueError('bad moon')`. */
  readonly repr: string
  readonly traceback: string
}

/** How an execution ended: what the worker decides on. */
export type Outcome =
  /** The function returned; the result is stored. */
  | { readonly kind: 'success'; readonly runtimeMs: number; readonly resultRepr: string }
  /** The function threw; the failure is stored, errbacks are called. `expected`: its class is in the task's `throws`. */
  | { readonly kind: 'failure'; readonly runtimeMs: number; readonly failure: Failure; readonly expected: boolean }
  /** The new attempt is published, the state RETRY stored. */
  | { readonly kind: 'retry'; readonly runtimeMs: number; readonly failure: Failure; readonly message: string }
  | { readonly kind: 'ignored'; readonly runtimeMs: number }
  | { readonly kind: 'rejected'; readonly runtimeMs: number; readonly requeue: boolean; readonly reason: string }
  /** The next ones come from a pool, not from the task: nothing is stored yet. */
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'lost'; readonly exit: number | string }
  | { readonly kind: 'terminated'; readonly signal: string }
  /** Never started, or stopped by a shutdown: the message may go back as if nothing had been. */
  | { readonly kind: 'unstarted' }
  | { readonly kind: 'cancelled' }
