/**
 * What a caller holds: the id of a task and the way to its state and value. All that reads the backend is asynchronous,
 * and waiting costs nothing while nothing is written.
 */
import { activeExecution } from '../context.ts'
import type { ResultBackend } from '../backend/backend.ts'
import { CeleryError, IncompleteStream, TaskError, TimeoutError } from '../errors.ts'
import { decodeException } from '../protocol/exception.ts'
import type { ResultTuple, TaskMeta } from '../protocol/result.ts'
import { EXCEPTION_STATES, FAILURE, PENDING, PROPAGATE_STATES, READY_STATES, SUCCESS } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { systemClock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'

/** What a result needs of its app. */
export interface ResultHost {
  backend(): Promise<ResultBackend>
  revoke(taskIds: readonly string[], options: RevokeOptions): Promise<void>
}

/** How a task is revoked. */
export interface RevokeOptions {
  /** End the task even if it runs already. Default false: only tasks that wait are dropped. */
  readonly terminate?: boolean
  /** What a child process is killed with. Default `SIGTERM`. */
  readonly signal?: NodeJS.Signals
}

/** How a result is waited for. */
export interface GetOptions {
  /** Give up with `TimeoutError` after so many seconds; the task goes on. Default: wait for ever. */
  readonly timeout?: number
  /** Throw the task's error (default), or answer it. */
  readonly propagate?: boolean
  /** Give up with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called with each document that arrives on the way, such as progress. What it throws, `get` rejects with. */
  readonly onMessage?: (meta: TaskMeta) => void
  /**
   * A task that waits for another one holds a slot that the other may need, so `get()` inside a task is refused
   * (Celery's rule). False allows it.
   */
  readonly disableSyncSubtasks?: boolean
}

/** What is known of a result besides its id. */
export interface AsyncResultFacts {
  /** The result that this one follows, in a chain. */
  readonly parent?: AsyncResult | undefined
  /** The call asked for no result, so none will come. */
  readonly ignored?: boolean
}

/** The result of one task, wherever it runs. `R` is what the task returns. */
export class AsyncResult<R = unknown> {
  readonly id: string
  readonly parent: AsyncResult | undefined
  /** The call asked for no result: `get()` answers undefined at once. */
  readonly ignored: boolean
  readonly #host: ResultHost

  constructor(id: string, host: ResultHost, facts: AsyncResultFacts = {}) {
    this.id = id
    this.parent = facts.parent
    this.ignored = facts.ignored ?? false
    this.#host = host
  }

  /**
   * Wait for the value. Throws the task's error when it failed or was revoked (one of ours when the type is known, else
   * a `TaskError` with `name`, `module`, `args` and `traceback`), and the error of a parent that failed.
   */
  async get(options: GetOptions = {}): Promise<R> {
    if (this.ignored) return undefined as R
    if (options.disableSyncSubtasks !== false) refuseToJoin()
    const meta = await this.#waitUntilReady(options)
    if (PROPAGATE_STATES.has(meta.status)) {
      const error = errorOf(meta)
      if (options.propagate === false && meta.task_id === this.id) return error as R
      throw error
    }
    return meta.result as R
  }

  /** The newest document; for an id that nobody knows, one that says PENDING. */
  async meta(): Promise<TaskMeta> {
    const backend = await this.#host.backend()
    return (await backend.getMeta(this.id)) ?? pendingMeta(this.id)
  }

  /** The state; PENDING also for an id that nobody knows. */
  async state(): Promise<TaskState> {
    return (await this.meta()).status
  }

  /** Has the task ended, well or not? */
  async ready(): Promise<boolean> {
    return READY_STATES.has(await this.state())
  }

  /** Has it ended well? */
  async successful(): Promise<boolean> {
    return (await this.state()) === SUCCESS
  }

  /** Has it ended with an error? */
  async failed(): Promise<boolean> {
    return (await this.state()) === FAILURE
  }

  /** The value so far: what the task returned, its error, or the meta of a custom state. Does not wait. */
  async result(): Promise<unknown> {
    const meta = await this.meta()
    return EXCEPTION_STATES.has(meta.status) ? errorOf(meta) : meta.result
  }

  /** Celery's other name for `result()`: progress is usually read with it. */
  info(): Promise<unknown> {
    return this.result()
  }

  /** The traceback of a failed task, as the process that ran it wrote it. */
  async traceback(): Promise<string | undefined> {
    return (await this.meta()).traceback ?? undefined
  }

  /** The results of the tasks that this one called. Empty until it has ended. */
  async children(): Promise<AsyncResult[]> {
    const { children } = await this.meta()
    return (children ?? []).map((tuple) => resultFromTuple(tuple, this.#host))
  }

  /** Remove the result, and its parents', from the backend. */
  async forget(): Promise<void> {
    await (await this.#host.backend()).forget(this.#idsUpwards())
  }

  /** Tell all workers to drop the task, or with `terminate` to end it. Says nothing about whether they were in time. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#host.revoke([this.id], options)
  }

  /**
   * This result and all below it, each with its value, parents first. Throws `IncompleteStream` when one of them has not
   * ended, unless `intermediate` is set.
   */
  async *collect(options: { readonly intermediate?: boolean } = {}): AsyncGenerator<[AsyncResult, unknown]> {
    const queue: AsyncResult[] = [this]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const meta = await next.meta()
      if (!READY_STATES.has(meta.status) && options.intermediate !== true) {
        throw new IncompleteStream(`The result ${next.id} has not ended yet (${meta.status})`)
      }
      yield [next, EXCEPTION_STATES.has(meta.status) ? errorOf(meta) : meta.result]
      queue.push(...(meta.children ?? []).map((tuple) => resultFromTuple(tuple, this.#host)))
    }
  }

  /** Which task called which: a list of ids for each id. */
  async graph(): Promise<Map<string, string[]>> {
    const graph = new Map<string, string[]>()
    const queue: AsyncResult[] = [this]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (graph.has(next.id)) continue
      const children = await next.children()
      graph.set(
        next.id,
        children.map((child) => child.id),
      )
      queue.push(...children)
    }
    return graph
  }

  /** `[[id, parent], null]`: the form in which results travel inside messages and documents. */
  asTuple(): ResultTuple {
    return [[this.id, this.parent?.asTuple() ?? null], null]
  }

  /** Results that are passed as arguments or returned travel in the tuple form. */
  toJSON(): ResultTuple {
    return this.asTuple()
  }

  /** This result and those that it follows. */
  #idsUpwards(): string[] {
    return [this.id, ...(this.parent === undefined ? [] : this.parent.#idsUpwards())]
  }

  /** The document that ends the wait: of this task when it has ended, of a parent when that has failed. */
  async #waitUntilReady(options: GetOptions): Promise<TaskMeta> {
    const { timeout = Infinity, signal, onMessage } = options
    const backend = await this.#host.backend()
    const ready = deferred<TaskMeta>()
    const onMeta = (meta: TaskMeta): void => {
      const isOwn = meta.task_id === this.id
      try {
        if (isOwn) onMessage?.(meta)
        if ((isOwn ? READY_STATES : PROPAGATE_STATES).has(meta.status)) ready.resolve(meta)
      } catch (error) {
        ready.reject(error)
      }
    }
    const onAbort = (): void => {
      ready.reject(abortReason(signal))
    }
    const watch = backend.watch(this.#idsUpwards(), onMeta, (error) => {
      ready.reject(error)
    })
    const timer = systemClock.after(timeout * 1000, () => {
      ready.reject(new TimeoutError(`The task ${this.id} has not ended within ${String(timeout)} seconds`))
    })
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
    try {
      return await ready.promise
    } finally {
      watch.stop()
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }
}

/** The plain form of a result back to an object. */
export function resultFromTuple(tuple: ResultTuple, host: ResultHost): AsyncResult {
  const [[id, parent]] = tuple
  return new AsyncResult(id, host, { parent: parent === null ? undefined : resultFromTuple(parent, host) })
}

/** The error that a document stands for. */
export function errorOf(meta: TaskMeta): Error {
  return decodeException(meta.result, meta.traceback ?? undefined)
}

/** Throws when the current task would wait for another one. */
export function refuseToJoin(): void {
  if (activeExecution()?.joinWillBlock !== true) return
  throw new TaskError(
    'Never wait for a result inside a task: it may need the very slot that waits for it. ' +
      'Use a link or a chain instead, or get({ disableSyncSubtasks: false }) if you know that there are slots enough',
  )
}

function pendingMeta(taskId: string): TaskMeta {
  return { task_id: taskId, status: PENDING, result: null, traceback: null, children: null, date_done: null }
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new CeleryError('Waiting for a result was aborted', { cause: reason })
}
