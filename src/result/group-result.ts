/** The result of a group: a set of results with an id, which can be saved under that and found again. */
import type { ResultBackend } from '../backend/backend.ts'
import { encodeGroupMeta } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import type { Result, ResultHost, ResultOfGroup, RevokeOptions } from './result.ts'
import { ResultSet } from './result-set.ts'
import type { Members } from './result-set.ts'
import { taskIdsUpwards, tupleOf } from './tree.ts'

/** What is known of a group's result besides its members. */
export interface GroupResultFacts {
  /** The result that the group follows, in a chain or a chord. */
  readonly parent?: Result | undefined
}

/** The result of a group. `R` is the list or tuple of what its tasks return. */
export class GroupResult<R extends readonly unknown[] = unknown[]> extends ResultSet<R> implements ResultOfGroup<R> {
  readonly id: string
  override readonly parent: Result | undefined
  readonly #host: ResultHost

  constructor(id: string, results: Members<R>, host: ResultHost, facts: GroupResultFacts = {}) {
    super(results, host)
    this.id = id
    this.parent = facts.parent
    this.#host = host
  }

  /** Its members: the tasks and groups of which it consists. */
  async children(): Promise<Result[]> {
    return [...this.results]
  }

  /**
   * Tell all workers to drop the tasks of the group, also the earlier steps of chains in it, or with `terminate` to end
   * them. With `parents`, also what the group follows.
   */
  override revoke(options: RevokeOptions = {}): Promise<void> {
    return options.parents === true ? this.#host.revoke(this.asList(), options) : super.revoke(options)
  }

  /** Store which results it consists of, so that `app.groupResult.restore(id)` finds it, in any process. */
  async save(backend?: ResultBackend): Promise<void> {
    await (backend ?? (await this.#host.backend())).saveGroup(this.id, encodeGroupMeta(this.asTuple()))
  }

  /** Remove what `save` stored. The results stay. */
  async delete(backend?: ResultBackend): Promise<void> {
    await (backend ?? (await this.#host.backend())).deleteGroup(this.id)
  }

  /** `[[id, parent], members]`: the form in which results travel inside messages and documents. */
  asTuple(): ResultTuple {
    return tupleOf(this)
  }

  /** The ids of its tasks, then of those that they and the group follow. */
  asList(): string[] {
    return taskIdsUpwards([this])
  }

  /** Results that are passed as arguments or returned travel in the tuple form. */
  toJSON(): ResultTuple {
    return this.asTuple()
  }
}
