/**
 * Result: what the results of tasks and of groups have in common, and what they need of their app. Types only, so that
 * tasks can have groups as parents and children, and groups tasks as members, without a circle.
 */
import type { ResultBackend } from '../backend/backend.ts'
import type { ResultTuple, TaskMeta } from '../protocol/result.ts'

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
  /**
   * Revoke also what this result follows: the earlier steps of its chain, the header of its chord. Default false. Counts
   * where a result is revoked; `app.control.revoke` knows only ids.
   */
  readonly parents?: boolean
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
  /** Throw the error of a task that this one follows, when that fails. Default true. */
  readonly followParents?: boolean
  /**
   * A task that waits for another one holds a slot that the other may need, so `get()` inside a task is refused
   * (Celery's rule). False allows it.
   */
  readonly disableSyncSubtasks?: boolean
}

/** What every result can do. None has a `then`: `await add.delay()` would wait for the task instead of the broker. */
interface Node<R> {
  readonly id: string
  /** The result that this one follows, in a chain or a chord. */
  readonly parent: Result | undefined
  get(options?: GetOptions): Promise<R>
  ready(): Promise<boolean>
  successful(): Promise<boolean>
  failed(): Promise<boolean>
  children(): Promise<Result[]>
  forget(): Promise<void>
  revoke(options?: RevokeOptions): Promise<void>
  asTuple(): ResultTuple
  asList(): string[]
  toJSON(): ResultTuple
}

/** The result of one task. */
export interface TaskResult<R = unknown> extends Node<R> {
  /** A task has no members. */
  readonly results?: undefined
  /** The call asked for no result, so none will come. */
  readonly ignored: boolean
  /** The newest document; for an id that nobody knows, one that says PENDING. */
  meta(): Promise<TaskMeta>
  /** The results of the tasks that this one called; undefined until it has ended. */
  childrenWhenReady(): Promise<Result[] | undefined>
  /** The document, where it is at hand and not in the backend. */
  known(): TaskMeta | undefined
}

/** The result of a group. */
export interface ResultOfGroup<R = unknown> extends Node<R> {
  /** The results of its members, in order. */
  readonly results: readonly Result[]
}

/** A result of either kind; `result.results` tells them apart, and so does `instanceof`. */
export type Result<R = unknown> = TaskResult<R> | ResultOfGroup<R>
