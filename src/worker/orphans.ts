/**
 * Orphans: requests whose message is still in the broker although they were given to the pool, for the connection that
 * it came on is lost. When such a message comes again to this worker, it belongs to the request that there is already:
 * the task does not run twice. What comes again to another worker runs there; nobody can know better.
 */
import type { TaskHead } from '../protocol/task.ts'

/** A request, as far as orphans need it. */
export interface Orphan {
  readonly head: Pick<TaskHead, 'id' | 'retries'>
}

/** A message that has not come again after so many others never will. */
const MAX_ORPHANS = 10_000

/** Those of one worker. */
export class Orphans<R extends Orphan> {
  readonly #requests = new Map<string, R>()

  /** Its message may come again. May be called twice. */
  add(request: R): void {
    this.#requests.set(keyOf(request), request)
    if (this.#requests.size <= MAX_ORPHANS) return
    const [oldest] = this.#requests.keys()
    if (oldest !== undefined) this.#requests.delete(oldest)
  }

  /** When its message comes again, it is to run again. */
  delete(request: R): void {
    if (this.#requests.get(keyOf(request)) === request) this.#requests.delete(keyOf(request))
  }

  /** The request that a message of this kind belongs to, if there is one; it is no orphan any more. */
  take(again: Orphan): R | undefined {
    const key = keyOf(again)
    const request = this.#requests.get(key)
    this.#requests.delete(key)
    return request
  }
}

/** A task that retries sends its next attempt as another message with the same id. */
function keyOf({ head: { id, retries } }: Orphan): string {
  return `${id} ${String(retries)}`
}
