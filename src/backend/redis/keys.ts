/** Celery's names for results in Redis (`celery/backends/base.py`, `BaseKeyValueStoreBackend`). */

const TASK_PREFIX = 'celery-task-meta-'
const GROUP_PREFIX = 'celery-taskset-meta-'

/** The keys of one backend. A task's key is also the channel on which its documents are published. */
export class ResultKeys {
  readonly #task: string
  readonly #group: string

  /** `prefix` (`globalKeyprefix`) gets an underscore where it does not end in one of `:_-.`, as with Celery. */
  constructor(prefix: string) {
    const separated = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
    this.#task = separated + TASK_PREFIX
    this.#group = separated + GROUP_PREFIX
  }

  /** The document of a task. */
  task(taskId: string): string {
    return this.#task + taskId
  }

  /** The task of such a key. */
  taskId(key: string): string {
    return key.slice(this.#task.length)
  }

  /** The document of a group. */
  group(groupId: string): string {
    return this.#group + groupId
  }

  /**
   * Of a chord: its parts, how many there are to be, how many were added later; which is ours alone, who sends the body,
   * or that it was sent, and when it was opened; and what was saved of its header. In a cluster they share a hash tag, for one script works on
   * all; Celery's are together on one server only, and so is what was saved, which is read like any group.
   */
  chord(groupId: string, isCluster: boolean): ChordKeys {
    const key = this.group(isCluster ? `{${groupId}}` : groupId)
    return { parts: `${key}.j`, size: `${key}.s`, added: `${key}.t`, claim: `${key}.c`, opened: `${key}.o`, saved: key }
  }
}

/** The keys of one chord. */
export interface ChordKeys {
  readonly parts: string
  readonly size: string
  readonly added: string
  readonly claim: string
  readonly opened: string
  readonly saved: string
}
