/** Groups that were saved: the way from an id back to the results of a group. */
import { DecodeError } from '../errors.ts'
import { resultFromTuple } from './async-result.ts'
import { GroupResult } from './group-result.ts'
import type { ResultHost } from './result.ts'

/** The saved groups of an app (`app.groupResult`). */
export class SavedGroups {
  readonly #host: ResultHost

  constructor(host: ResultHost) {
    this.#host = host
  }

  /** The group that `group.save()` stored, also in another process or by Celery; undefined where there is none. */
  async restore<R extends readonly unknown[] = unknown[]>(groupId: string): Promise<GroupResult<R> | undefined> {
    const backend = await this.#host.backend()
    const meta = await backend.restoreGroup(groupId)
    if (meta === undefined) return undefined
    const group = resultFromTuple(meta.result, this.#host)
    if (group instanceof GroupResult) return group as unknown as GroupResult<R>
    throw new DecodeError(`What is saved as the group ${groupId} is the result of a task`)
  }

  /** Remove a group that was saved. The results of its tasks stay. */
  async delete(groupId: string): Promise<void> {
    const backend = await this.#host.backend()
    await backend.deleteGroup(groupId)
  }
}
