/**
 * Messages that come again although their task has succeeded (`workerDeduplicateSuccessfulTasks`): whoever ran it has
 * stored the result and was gone, or cut off, before the message was acknowledged. Only the backend knows.
 */
import type { ResultBackend } from '../backend/backend.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { SUCCESS } from '../protocol/states.ts'
import type { Logger } from '../util/logger.ts'

/** Resolves with the stored success of a task; undefined where it is to run. Never rejects. */
export type FindSuccess = (taskId: string) => Promise<TaskMeta | undefined>

/** Undefined where the backend keeps nothing that another worker could have stored. */
export function successFinder(
  backend: Pick<ResultBackend, 'features' | 'getMeta'>,
  logger: Logger,
): FindSuccess | undefined {
  if (!backend.features.persistent) return undefined
  return async (taskId) => {
    try {
      const meta = await backend.getMeta(taskId)
      return meta?.status === SUCCESS ? meta : undefined
    } catch (error) {
      // Twice is better than never.
      logger.warning(`Whether task ${taskId} has succeeded before cannot be found out, so it runs`, { error })
      return undefined
    }
  }
}
