/** What a bound task gets as `self`: its request, and the verbs that belong to this one run. */
import type { Host } from '../canvas/host.ts'
import type { AnySignature, Signature } from '../canvas/signature.ts'
import { activeExecution } from '../context.ts'
import type { Logger } from '../util/logger.ts'
import { addToChord, replaceTask } from './replace.ts'
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
  /** The app as work-flows see it. */
  readonly host: Host
  readonly taskName: string
  readonly request: TaskRequest
  readonly limits: RetryLimits
  readonly logger: Logger
  /** Asked for only when the task reads it. */
  readonly signal: () => AbortSignal
  readonly storeState: (update: StateUpdate) => void
  readonly sendEvent: (type: string, fields: Readonly<Record<string, unknown>>) => Promise<void>
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
    return (this.#log ??= this.#makeLog())
  }

  /**
   * Plan a new attempt: `throw self.retry({ countdown: 10 })`. Answers the `Retry` to throw, or, when there were
   * attempts enough, the error to give up with. Sends nothing.
   */
  retry(options: RetryOptions = {}): Error {
    return planRetry(this.request, this.#parts.limits, options)
  }

  /**
   * Put other work in the place of this task: `return self.replace(signature)`. It gets the task's id, and all that was to
   * follow it; a group answers the list of its results. Nothing after it runs: it rejects with `Ignore`, or, in an eager
   * run, resolves with the value. Throws `ImproperlyConfigured` for a part of another chord and for an empty chain.
   */
  replace<R>(signature: Signature<[], R, never, unknown>): Promise<R>
  async replace(signature: AnySignature): Promise<unknown> {
    return replaceTask(this.#parts.host, this.request, signature)
  }

  /**
   * Add work to the chord that this task is a part of, and send it unless `lazy`; the body is called with its result as
   * well. Answers what is sent, with its id. Rejects with `TaskError` where the task is no part of a chord,
   * `ImproperlyConfigured` where the backend does not count.
   */
  async addToChord<S extends AnySignature>(signature: S, options: { readonly lazy?: boolean } = {}): Promise<S> {
    return addToChord(this.#parts.host, this.request, signature, options.lazy ?? false)
  }

  /** Store a custom state that callers see at once, such as progress. Not held back by `ignoreResult`. */
  async updateState(update: StateUpdate): Promise<void> {
    this.#parts.storeState(update)
  }

  /**
   * Tell monitors something: `await self.sendEvent('task-progress', { done: 10 })`. The task's id goes with it. It is sent
   * whether the worker sends events of tasks or not, by the process that runs the task. Resolves when the broker has it,
   * or is known to be away: then it is kept for later. Rejects with `EncodeError` for fields that cannot be written.
   */
  async sendEvent(type: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#parts.sendEvent(type, { uuid: this.request.id, ...fields })
  }

  #makeLog(): Logger {
    const { logger, taskName: task } = this.#parts
    const taskId = this.request.id
    return logger.child(`${task}[${taskId}]: `, { task, taskId })
  }
}

/** The context of the task that this code runs in, or undefined outside of tasks. */
export function currentTask(): TaskContext | undefined {
  const context = activeExecution()?.context
  return context instanceof TaskContext ? context : undefined
}
