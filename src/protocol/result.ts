/** The stored result documents (task meta, group meta) under their wire names (`celery/backends/base.py`). */
import type { ExceptionDocument } from './exception.ts'
import type { TaskState } from './states.ts'

/** `[[id, parent], children]`: a result and where it hangs, as plain data (`AsyncResult.as_tuple`). */
export type ResultTuple = [[string, ResultTuple | null], ResultTuple[] | null]

/** The document of one task. */
export interface TaskMeta {
  task_id: string
  status: TaskState
  /** The value; an `ExceptionDocument` where the state is one of the exception states; the meta of a custom state. */
  result: unknown
  traceback: string | null
  children: ResultTuple[] | null
  /** ISO 8601 with offset; null until the task has ended. */
  date_done: string | null
  group_id?: string
  parent_id?: string
  /** The rest is there with `resultExtended` only. */
  name?: string
  args?: unknown
  kwargs?: unknown
  worker?: string
  retries?: number
  queue?: string
  stamped_headers?: string[]
  [name: string]: unknown
}

/** The document of a group: its id, its parent and its children. */
export interface GroupMeta {
  result: ResultTuple
}

export type { ExceptionDocument }
