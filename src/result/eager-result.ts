/** The result of `apply()`: the task has run already, here. Reads like an `AsyncResult`. */
import type { TaskMeta } from '../protocol/result.ts'
import { FAILURE, PROPAGATE_STATES, REVOKED, SUCCESS } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { AsyncResult } from './async-result.ts'
import type { GetOptions, Result, ResultHost } from './result.ts'
import { refuseToJoin } from './waiting.ts'

/** How the run ended. */
export interface EagerFacts<R> {
  readonly state: TaskState
  /** What the task returned, or the error that it threw. */
  readonly value: R | Error | undefined
  readonly traceback: string | undefined
  /** The result that this one follows, in a chain. */
  readonly parent?: Result | undefined
}

/** The result of a task that ran in its caller's process. */
export class EagerResult<R = unknown> extends AsyncResult<R> {
  #facts: EagerFacts<R>

  constructor(id: string, host: ResultHost, facts: EagerFacts<R>) {
    super(id, host, { parent: facts.parent })
    this.#facts = facts
  }

  /** Waits for nothing, but is refused inside a task all the same: there, a sent task would be refused. */
  override async get(options: GetOptions = {}): Promise<R> {
    const { state, value } = this.#facts
    if (options.disableSyncSubtasks !== false) refuseToJoin()
    if (PROPAGATE_STATES.has(state) && options.propagate !== false && value instanceof Error) throw value
    return value as R
  }

  /** As a document; the value itself is in it, not its encoded form. */
  override known(): TaskMeta {
    const { state, value, traceback } = this.#facts
    return {
      task_id: this.id,
      status: state,
      result: value,
      traceback: traceback ?? null,
      children: null,
      date_done: null,
    }
  }

  /** Likewise. */
  override meta(): Promise<TaskMeta> {
    return Promise.resolve(this.known())
  }

  /** It is known here, and nowhere else. */
  override exists(): Promise<boolean> {
    return Promise.resolve(true)
  }

  /** An eager run notes no children. */
  override childrenWhenReady(): Promise<Result[]> {
    return Promise.resolve([])
  }

  /** How the run ended. */
  override state(): Promise<TaskState> {
    return Promise.resolve(this.#facts.state)
  }

  /** It has ended, whatever became of it. */
  override ready(): Promise<boolean> {
    return Promise.resolve(true)
  }

  /** Has it ended well? */
  override successful(): Promise<boolean> {
    return Promise.resolve(this.#facts.state === SUCCESS)
  }

  /** Has it ended with an error? */
  override failed(): Promise<boolean> {
    return Promise.resolve(this.#facts.state === FAILURE)
  }

  /** What the task returned, or its error. */
  override result(): Promise<unknown> {
    return Promise.resolve(this.#facts.value)
  }

  /** There is nothing stored. */
  override forget(): Promise<void> {
    return Promise.resolve()
  }

  /** It has ended; only its state changes (Celery's rule). */
  override revoke(): Promise<void> {
    this.#facts = { ...this.#facts, state: REVOKED }
    return Promise.resolve()
  }
}
