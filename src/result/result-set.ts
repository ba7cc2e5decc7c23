/**
 * ResultSet: several results as one. Whatever it waits for it waits for with one watch over all of them, and what it
 * reads it reads in batches, so that ten thousand members cost what ten thousand documents cost.
 */
import { CeleryError } from '../errors.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { FAILURE, PROPAGATE_STATES, READY_STATES, SUCCESS } from '../protocol/states.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { Deque } from '../util/deque.ts'
import { errorOf, readDocuments } from './document.ts'
import { Gathering } from './gathering.ts'
import type { Arrival } from './gathering.ts'
import type { GetOptions, Result, ResultHost, RevokeOptions, TaskResult } from './result.ts'
import { leavesOf, parentsOf, taskIdsUpwards } from './tree.ts'
import { awaitDocuments, refuseToJoin } from './waiting.ts'

/** The results whose values are the list or tuple `R`. */
export type Members<R extends readonly unknown[]> = { readonly [K in keyof R]: Result<R[K]> }

/** How the values are waited for. */
export interface JoinOptions extends GetOptions {
  /**
   * Called with each member's id and value as it comes, in any order. Values are not kept then, and the answer is an
   * empty list. What it throws, `get` rejects with.
   */
  readonly callback?: (id: string, value: unknown) => void
}

/** Several results. `R` is the list or tuple of what their tasks return. */
export class ResultSet<R extends readonly unknown[] = unknown[]> {
  /** The result that all of them follow; only groups have one. */
  readonly parent: Result | undefined = undefined
  readonly #results: Result[]
  readonly #host: ResultHost

  constructor(results: Members<R>, host: ResultHost) {
    this.#results = [...results]
    this.#host = host
  }

  /** The members, in order. */
  get results(): Members<R> {
    return this.#results as unknown as Members<R>
  }

  /** How many members there are. */
  get length(): number {
    return this.#results.length
  }

  /** The member at this place; from the end where it is negative. */
  at(index: number): Result<R[number]> | undefined {
    return this.#results.at(index)
  }

  /** The members, in order. `for await` goes over results as they come instead. */
  [Symbol.iterator](): IterableIterator<Result<R[number]>> {
    return (this.#results as Result<R[number]>[])[Symbol.iterator]()
  }

  /** One more member; nothing happens where it is one. */
  add(result: Result<R[number]>): void {
    if (!this.#results.some(({ id }) => id === result.id)) this.#results.push(result)
  }

  /** More members; those that are members already are passed over. */
  update(results: Iterable<Result<R[number]>>): void {
    const ids = new Set(this.#results.map(({ id }) => id))
    for (const result of results) {
      if (ids.has(result.id)) continue
      ids.add(result.id)
      this.#results.push(result)
    }
  }

  /** One member less. Throws `CeleryError` where it is none. */
  remove(result: Result | string): void {
    if (!this.discard(result)) {
      throw new CeleryError(`The result ${idOf(result)} is not a member of this set`)
    }
  }

  /** One member less, if it is one. Answers whether it was. */
  discard(result: Result | string): boolean {
    const index = this.#results.findIndex(({ id }) => id === idOf(result))
    if (index !== -1) this.#results.splice(index, 1)
    return index !== -1
  }

  /** No members. */
  clear(): void {
    this.#results.length = 0
  }

  /** Have all ended, well or not? */
  async ready(): Promise<boolean> {
    return !(await this.waiting())
  }

  /** Has one of them not ended? */
  waiting(): Promise<boolean> {
    return this.#some(({ status }) => !READY_STATES.has(status))
  }

  /** Have all ended well? */
  async successful(): Promise<boolean> {
    return !(await this.#some(({ status }) => status !== SUCCESS))
  }

  /** Has one of them ended with an error? */
  failed(): Promise<boolean> {
    return this.#some(({ status }) => status === FAILURE)
  }

  /** How many members have ended well; a group counts when all of it has. */
  async completedCount(): Promise<number> {
    const successful = new Set<string>()
    for await (const { task_id: id, status } of this.#documents()) if (status === SUCCESS) successful.add(id)
    return this.#results.filter((result) => leavesOf([result]).every(({ id }) => successful.has(id))).length
  }

  /** Throws the error of the first member that has failed or was revoked. Does not wait. */
  async maybeThrow(): Promise<void> {
    for await (const meta of this.#documents()) if (PROPAGATE_STATES.has(meta.status)) throw errorOf(meta)
  }

  /**
   * Wait for all values, in order; a nested group's is a list. Throws the first error that comes, unless `propagate` is
   * false: then the errors stand in the places of the values. `timeout` is for all together.
   */
  get(options: JoinOptions & { readonly callback: (id: string, value: unknown) => void }): Promise<[]>
  get(options?: JoinOptions): Promise<R>
  async get(options: JoinOptions = {}): Promise<unknown> {
    const { callback } = options
    const values: unknown[] = []
    await this.#gather(options, ({ index, result, value }) => {
      if (callback === undefined) values[index] = value
      else callback(result.id, value)
    })
    return values
  }

  /** Celery's other name for `get`. */
  join(options: JoinOptions & { readonly callback: (id: string, value: unknown) => void }): Promise<[]>
  join(options?: JoinOptions): Promise<R>
  join(options?: JoinOptions): Promise<unknown> {
    return this.get(options)
  }

  /** `for await (const [result, value] of group)`: see `iterate`. */
  [Symbol.asyncIterator](): AsyncGenerator<[result: Result<R[number]>, value: R[number] | Error]> {
    return this.iterate()
  }

  /** Members with their values as they come, in any order; the error where one has failed. */
  async *iterate(
    options: Omit<GetOptions, 'propagate'> = {},
  ): AsyncGenerator<[result: Result<R[number]>, value: R[number] | Error]> {
    const arrivals = new Deque<Arrival>()
    const left = new AbortController()
    const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal])
    const state = { isOver: false, news: deferred<undefined>() }
    const gathered = this.#gather({ ...options, propagate: false, signal }, (arrival) => {
      arrivals.push(arrival)
      state.news.resolve(undefined)
    }).finally(() => {
      state.isOver = true
      state.news.resolve(undefined)
    })
    // Whoever leaves the loop early does not want to know.
    gathered.catch(() => undefined)
    try {
      for (;;) {
        for (let next = arrivals.shift(); next !== undefined; next = arrivals.shift()) {
          yield [next.result, next.value]
        }
        if (state.isOver) break
        await state.news.promise
        state.news = deferred()
      }
      await gathered
    } finally {
      left.abort()
    }
  }

  /** Remove the results, and those that they follow, from the backend. */
  async forget(): Promise<void> {
    const backend = await this.#host.backend()
    await backend.forget(taskIdsUpwards(this.#results))
  }

  /** Tell all workers to drop the tasks, also the earlier steps of chains, or with `terminate` to end them. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#host.revoke(taskIdsUpwards(this.#results), options)
  }

  /** Call `onArrival` with each member as it comes, until all are there. */
  async #gather(options: GetOptions, onArrival: (arrival: Arrival) => void): Promise<void> {
    const { propagate = true, timeout, signal, onMessage } = options
    if (options.disableSyncSubtasks !== false) refuseToJoin()
    const gathering = new Gathering(this.#results)
    const take = (taskId: string, value: unknown): void => {
      for (const arrival of gathering.take(taskId, value)) onArrival(arrival)
    }
    const fail = (taskIds: readonly string[], error: Error): void => {
      if (propagate) throw error
      for (const taskId of taskIds) take(taskId, error)
    }
    const see = (meta: TaskMeta): void => {
      if (PROPAGATE_STATES.has(meta.status)) fail([meta.task_id], errorOf(meta))
      else take(meta.task_id, meta.result)
    }

    for (const arrival of gathering.takeEmpty()) onArrival(arrival)
    for (const leaf of leavesOf(this.#results)) {
      const known = leaf.known()
      if (leaf.ignored) take(leaf.id, undefined)
      else if (known !== undefined) see(known)
    }
    if (gathering.missingCount === 0) return

    const total = gathering.missingCount
    const above = new Set(options.followParents === false ? [] : this.#tasksAbove())
    const late = (): string =>
      `${String(gathering.missingCount)} of ${String(total)} results have not come within ${String(timeout)} seconds`
    const look = (meta: TaskMeta, end: Deferred<void>): void => {
      if (above.has(meta.task_id)) {
        // What follows a task that has failed never runs.
        if (PROPAGATE_STATES.has(meta.status)) fail(gathering.missing, errorOf(meta))
      } else {
        onMessage?.(meta)
        if (READY_STATES.has(meta.status)) see(meta)
      }
      if (gathering.missingCount === 0) end.resolve()
    }
    const backend = await this.#host.backend()
    await awaitDocuments(backend, [...gathering.missing, ...above], { timeout, signal, late }, look)
  }

  /** The tasks that must have ended well before any of these runs. */
  #tasksAbove(): string[] {
    return parentsOf(this).flatMap(({ id, results }) => (results === undefined ? [id] : []))
  }

  async #some(test: (meta: TaskMeta) => boolean): Promise<boolean> {
    for await (const meta of this.#documents()) if (test(meta)) return true
    return false
  }

  /** The documents of all tasks, in order. */
  async *#documents(): AsyncGenerator<TaskMeta> {
    const leaves = leavesOf(this.#results)
    const stored = leaves.filter((leaf) => leaf.known() === undefined)
    for (const leaf of leaves) {
      const known = leaf.known()
      if (known !== undefined) yield known
    }
    if (stored.length > 0) yield* readDocuments(await this.#host.backend(), idsOf(stored))
  }
}

function idsOf(results: readonly TaskResult[]): string[] {
  return results.map(({ id }) => id)
}

function idOf(result: Result | string): string {
  return typeof result === 'string' ? result : result.id
}
