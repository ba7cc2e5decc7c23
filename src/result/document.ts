/** What the document of a task says to a caller, and how those of many tasks are read. */
import type { ResultBackend } from '../backend/backend.ts'
import { decodeException } from '../protocol/exception.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { EXCEPTION_STATES, PENDING, PROPAGATE_STATES } from '../protocol/states.ts'

/** So many documents are read at once: what is not looked at any more can be forgotten meanwhile. */
const BATCH = 1000

/** The document of a task that nobody knows. */
export function pendingMeta(taskId: string): TaskMeta {
  return { task_id: taskId, status: PENDING, result: null, traceback: null, children: null, date_done: null }
}

/** The error that a document stands for. */
export function errorOf(meta: TaskMeta): Error {
  return decodeException(meta.result, meta.traceback ?? undefined)
}

/** The value, the error, or the meta of a custom state. */
export function valueOf(meta: TaskMeta): unknown {
  return EXCEPTION_STATES.has(meta.status) ? errorOf(meta) : meta.result
}

/** The documents of many tasks in their order, batch by batch; PENDING for those that nobody knows. */
export async function* readDocuments(backend: ResultBackend, taskIds: readonly string[]): AsyncGenerator<TaskMeta> {
  for (let start = 0; start < taskIds.length; start += BATCH) {
    const batch = taskIds.slice(start, start + BATCH)
    const metas = await backend.getMetas(batch)
    for (const taskId of batch) yield metas.get(taskId) ?? pendingMeta(taskId)
  }
}

/** The error of the first of these tasks that has failed or was revoked. */
export async function firstFailure(backend: ResultBackend, taskIds: readonly string[]): Promise<Error | undefined> {
  for await (const meta of readDocuments(backend, taskIds)) {
    if (PROPAGATE_STATES.has(meta.status)) return errorOf(meta)
  }
  return undefined
}
