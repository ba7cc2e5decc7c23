/**
 * Celery's names for results in Redis (`celery/backends/base.py`, `BaseKeyValueStoreBackend`), and ours for the channels
 * on which results come to their callers.
 */

const TASK_PREFIX = 'celery-task-meta-'
const GROUP_PREFIX = 'celery-taskset-meta-'
const REPLY_PREFIX = 'celeriac.reply.'

/** The keys of one backend. A task's key is also the channel on which its documents are published. */
export class ResultKeys {
  readonly #prefix: string
  readonly #task: string
  readonly #group: string

  /** `prefix` (`globalKeyprefix`) gets an underscore where it does not end in one of `:_-.`, as with Celery. */
  constructor(prefix: string) {
    const separated = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
    this.#prefix = separated
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

  /**
   * The channel that a call names in its `reply_to` when its caller listens there; undefined for what anybody else says,
   * such as the plain id of an app.
   */
  reply(replyTo: string | undefined): string | undefined {
    return replyTo?.startsWith(REPLY_PREFIX) === true ? this.#prefix + replyTo : undefined
  }

  /** The document of a group. */
  group(groupId: string): string {
    return this.#group + groupId
  }

  /**
   * Of a chord: its parts, how many there are to be, how many were added later; which is ours alone, who sends the body,
   * or that it was sent, and when it was opened; and what was saved of its header. In a cluster they share a hash tag,
   * for one script works on all; Celery's are together on one server only, and so is what was saved, which is read like
   * any group.
   */
  chord(groupId: string, isCluster: boolean): ChordKeys {
    const key = this.group(isCluster ? `{${groupId}}` : groupId)
    return { parts: `${key}.j`, size: `${key}.s`, added: `${key}.t`, claim: `${key}.c`, opened: `${key}.o`, saved: key }
  }
}

/** The `reply_to` of calls whose caller listens on a channel of its own. `app` is the plain one, the app's id. */
export function replyAddress(app: string): string {
  return REPLY_PREFIX + app
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
