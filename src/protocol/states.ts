/** Task states, their sets and precedence (`celery/states.py`). */

export const PENDING = 'PENDING'
export const RECEIVED = 'RECEIVED'
export const STARTED = 'STARTED'
export const SUCCESS = 'SUCCESS'
export const FAILURE = 'FAILURE'
export const REVOKED = 'REVOKED'
export const REJECTED = 'REJECTED'
export const RETRY = 'RETRY'
export const IGNORED = 'IGNORED'

/** A built-in state or any text that a task chose with `updateState`. */
export type TaskState =
  | typeof PENDING
  | typeof RECEIVED
  | typeof STARTED
  | typeof SUCCESS
  | typeof FAILURE
  | typeof REVOKED
  | typeof REJECTED
  | typeof RETRY
  | typeof IGNORED
  // Keeps the completion of the names above while allowing custom states.
  | (string & {})

/** The task has ended. */
export const READY_STATES: ReadonlySet<string> = new Set([SUCCESS, FAILURE, REVOKED])
export const UNREADY_STATES: ReadonlySet<string> = new Set([PENDING, RECEIVED, STARTED, REJECTED, RETRY])
/** The result is an exception. */
export const EXCEPTION_STATES: ReadonlySet<string> = new Set([RETRY, FAILURE, REVOKED])
/** `get()` throws the exception. */
export const PROPAGATE_STATES: ReadonlySet<string> = new Set([FAILURE, REVOKED])

/** Earlier in this list wins when events come out of order; unknown (custom) states stand where null does. */
const PRECEDENCE: readonly (string | null)[] = [
  SUCCESS,
  FAILURE,
  null,
  REVOKED,
  STARTED,
  RECEIVED,
  REJECTED,
  RETRY,
  PENDING,
]

/** The rank of a state: the lower, the more final. */
export function precedence(state: TaskState): number {
  const index = PRECEDENCE.indexOf(state)
  return index === -1 ? PRECEDENCE.indexOf(null) : index
}
