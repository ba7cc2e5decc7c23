/** What a bound task gets as `self`: its request, and the verbs that belong to this one run. */
import { activeExecution } from '../context.ts'
import type { Logger } from '../util/logger.ts'
import type { TaskRequest } from './request.ts'
import { planRetry } from './retry.ts'
import type { RetryLimits, RetryOptions } from './retry.ts'

/** A custom state with whatever belongs to it. */
export interface StateUpdate {
  /** Any text; `PROGRESS` is customary. */
  readonly state: string
  readonly meta?: unknown
}

/** What a run lends to its context. */
export interface ContextParts<App> {
  readonly app: App
  readonly taskName: string
  readonly request: TaskRequest
  readonly limits: RetryLimits
  readonly logger: Logger
  /** Asked for only when the task reads it. */
  readonly signal: () => AbortSignal
  readonly storeState: (update: StateUpdate) => Promise<void>
}

/** `self`: this one run of a task. */
export class TaskContext<App = unknown> {
  readonly #parts: ContextParts<App>
  #log: Logger | undefined

  constructor(parts: ContextParts<App>) {
    this.#parts = parts
  }

  /** The app that the task belongs to. */
  get app(): App {
    return this.#parts.app
  }

  /** What the message said. */
  get request(): TaskRequest {
    return this.#parts.request
  }

  /** Aborted by the soft time limit, by a revoke that terminates and by a cold shutdown; its reason says which. */
  get signal(): AbortSignal {
    return this.#parts.signal()
  }

  /** A logger whose lines name the task and its id. */
  get log(): Logger {
    return (this.#log ??= this.#parts.logger.child(`${this.#parts.taskName}[${this.request.id}]: `))
  }

  /**
   * Plan a new attempt: `throw self.retry({ countdown: 10 })`. Answers the `Retry` to throw, or, when there were
   * attempts enough, the error to give up with. Sends nothing.
   */
  retry(options: RetryOptions = {}): Error {
    return planRetry(this.request, this.#parts.limits, options)
  }

  /** Store a custom state that callers see at once, such as progress. Not held back by `ignoreResult`. */
  updateState(update: StateUpdate): Promise<void> {
    return this.#parts.storeState(update)
  }
}

/** The context of the task that this code runs in, or undefined outside of tasks. */
export function currentTask(): TaskContext | undefined {
  const context = activeExecution()?.context
  return context instanceof TaskContext ? context : undefined
}
