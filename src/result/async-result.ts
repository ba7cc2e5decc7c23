/**
 * What a caller holds: the id of a task and the way to its state and value. All that reads the backend is asynchronous,
 * and waiting costs nothing while nothing is written.
 */
import type { ResultBackend } from '../backend/backend.ts'
import { BackendError } from '../errors.ts'
import type { ResultTuple, TaskMeta } from '../protocol/result.ts'
import { FAILURE, PROPAGATE_STATES, READY_STATES, SUCCESS } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import type { Deferred } from '../util/deferred.ts'
import { errorOf, firstFailure, pendingMeta, valueOf } from './document.ts'
import { ResultGraph } from './graph.ts'
import { GroupResult } from './group-result.ts'
import type { GetOptions, Result, ResultHost, RevokeOptions, TaskResult } from './result.ts'
import { parentsOf, taskIdsUpwards, tupleOf } from './tree.ts'
import { awaitDocuments, refuseToJoin } from './waiting.ts'
import { walk } from './walk.ts'
import type { Step, WalkOptions } from './walk.ts'

export type { GetOptions, ResultHost, RevokeOptions } from './result.ts'

/** What is known of a result besides its id. */
export interface AsyncResultFacts {
  /** The result that this one follows, in a chain or a chord. */
  readonly parent?: Result | undefined
  /** The call asked for no result, so none will come. */
  readonly ignored?: boolean
}

/** The result of one task, wherever it runs. `R` is what the task returns. */
export class AsyncResult<R = unknown> implements TaskResult<R> {
  readonly id: string
  readonly parent: Result | undefined
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
   * a `TaskError` with `name`, `module`, `args` and `traceback`). When a task that this one follows has failed, throws the
   * error of that one: of the first of them, also where it is in the header of a chord (Celery's rule).
   */
  async get(options: GetOptions = {}): Promise<R> {
    if (this.ignored) return undefined as R
    if (options.disableSyncSubtasks !== false) refuseToJoin()
    const backend = await this.#host.backend()
    const meta = await this.#waitUntilReady(backend, options)
    if (!PROPAGATE_STATES.has(meta.status)) return meta.result as R
    if (options.propagate === false) return errorOf(meta) as R
    throw (options.followParents === false ? undefined : await this.#failureAbove(backend)) ?? errorOf(meta)
  }

  /** The newest document; for an id that nobody knows, one that says PENDING. */
  async meta(): Promise<TaskMeta> {
    const backend = await this.#host.backend()
    return (await backend.getMeta(this.id)) ?? pendingMeta(this.id)
  }

  /** Undefined: the document is in the backend. */
  known(): TaskMeta | undefined {
    return undefined
  }

  /** Is there a document? Tells a task that waits from an id that nobody knows only when states are stored early. */
  async exists(): Promise<boolean> {
    const backend = await this.#host.backend()
    return (await backend.getMeta(this.id)) !== undefined
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
    return valueOf(await this.meta())
  }

  /** Celery's other name for `result()`: progress is usually read with it. */
  info(): Promise<unknown> {
    return this.result()
  }

  /** Throws the task's error when it has failed or was revoked, else answers the value so far. Does not wait. */
  async maybeThrow(): Promise<unknown> {
    const meta = await this.meta()
    if (PROPAGATE_STATES.has(meta.status)) throw errorOf(meta)
    return valueOf(meta)
  }

  /** The traceback of a failed task, as the process that ran it wrote it. */
  async traceback(): Promise<string | undefined> {
    return (await this.meta()).traceback ?? undefined
  }

  /** The results of the tasks and groups that this task called. Empty until it has ended. */
  async children(): Promise<Result[]> {
    return this.#childrenIn(await this.meta())
  }

  /** Likewise, but undefined until it has ended. */
  async childrenWhenReady(): Promise<Result[] | undefined> {
    const meta = await this.meta()
    return READY_STATES.has(meta.status) ? this.#childrenIn(meta) : undefined
  }

  /** Remove the result, and those that it follows, from the backend. */
  async forget(): Promise<void> {
    const backend = await this.#host.backend()
    await backend.forget(this.asList())
  }

  /** Tell all workers to drop the task, or with `terminate` to end it. Says nothing about whether they were in time. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#host.revoke(options.parents === true ? this.asList() : [this.id], options)
  }

  /** This result and all below it, each behind the one that led to it; callers first. See `walk`. */
  iterdeps(options: WalkOptions = {}): AsyncGenerator<Step> {
    return walk(this, options)
  }

  /**
   * This result and all below it with their values, callers first. Waits for each of them like `get`; a group's value is
   * the list of its members', which come next.
   */
  async *collect(options: GetOptions & WalkOptions = {}): AsyncGenerator<[result: Result, value: unknown]> {
    for await (const [, result] of walk(this, options)) yield [result, await result.get(options)]
  }

  /** The value of the last of all results below this one: the end of the work-flow that it began. */
  async getLeaf(options: GetOptions = {}): Promise<unknown> {
    let leaf: unknown
    for await (const [, value] of this.collect(options)) leaf = value
    return leaf
  }

  /** Which task called which. Throws `IncompleteStream` while one of them has not ended, unless `intermediate` is set. */
  async graph(options: WalkOptions = {}): Promise<ResultGraph> {
    const steps: Step[] = []
    for await (const step of walk(this, options)) steps.push(step)
    return new ResultGraph(steps)
  }

  /** `[[id, parent], null]`: the form in which results travel inside messages and documents. */
  asTuple(): ResultTuple {
    return tupleOf(this)
  }

  /** The ids of this task and of those that it follows, the nearest first. */
  asList(): string[] {
    return this.parent === undefined ? [this.id] : taskIdsUpwards([this])
  }

  /** Results that are passed as arguments or returned travel in the tuple form. */
  toJSON(): ResultTuple {
    return this.asTuple()
  }

  #childrenIn({ children }: TaskMeta): Result[] {
    return (children ?? []).map((tuple) => resultFromTuple(tuple, this.#host))
  }

  /**
   * The document that ends the wait: of this task when it has ended, of a task before it when that has failed. Of a
   * chord's header nothing is awaited: its failure becomes that of the body.
   */
  #waitUntilReady(backend: ResultBackend, options: GetOptions): Promise<TaskMeta> {
    const { timeout, signal, onMessage, propagate = true, followParents = true } = options
    const above = parentsOf(this).flatMap(({ id, results }) => (results === undefined ? [id] : []))
    const look = (meta: TaskMeta, ready: Deferred<TaskMeta>): void => {
      const isOwn = meta.task_id === this.id
      if (isOwn) onMessage?.(meta)
      else if (!propagate || !followParents) return
      if ((isOwn ? READY_STATES : PROPAGATE_STATES).has(meta.status)) ready.resolve(meta)
    }
    const late = (): string => `The task ${this.id} has not ended within ${String(timeout)} seconds`
    return awaitDocuments(backend, [this.id, ...above], { timeout, signal, late }, look)
  }

  /** The error of the first of the tasks before this one that has failed. */
  async #failureAbove(backend: ResultBackend): Promise<Error | undefined> {
    if (this.parent === undefined) return undefined
    try {
      return await firstFailure(backend, taskIdsUpwards([this.parent]).toReversed())
    } catch (error) {
      // With results that are messages, those of other callers cannot be read; the task's own error is known.
      if (error instanceof BackendError) return undefined
      throw error
    }
  }
}

/** The plain form of a result, and of all that it consists of or follows, back to objects. */
export function resultFromTuple(tuple: ResultTuple, host: ResultHost): AsyncResult | GroupResult {
  const above: ResultTuple[] = []
  // The line of parents may be longer than the stack is deep.
  for (let next = tuple[0][1]; next !== null; next = next[0][1]) above.push(next)
  const parent = above.reduceRight<Result | undefined>((before, one) => resultOf(one, before, host), undefined)
  return resultOf(tuple, parent, host)
}

function resultOf(
  [[id], members]: ResultTuple,
  parent: Result | undefined,
  host: ResultHost,
): AsyncResult | GroupResult {
  if (members === null) return new AsyncResult(id, host, { parent })
  const results = members.map((member) => resultFromTuple(member, host))
  return new GroupResult(id, results, host, { parent })
}
