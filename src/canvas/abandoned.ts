/** Tasks that will never run, for something before them failed: which they are, and the documents that say so. */
import { encodeException } from '../protocol/exception.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { isSignatureData } from '../protocol/signature.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { FAILURE } from '../protocol/states.ts'

/**
 * The tasks of work-flows that somebody may wait for: all of a chain, the members of a group, of a chord its body. The
 * header of a chord has not been sent, and nobody knows its ids.
 */
export function tasksOf(signatures: readonly SignatureData[]): SignatureData[] {
  const tasks: SignatureData[] = []
  // A list of what is still to be looked at: work-flows from outside may be deeper than the stack.
  const open = [...signatures].reverse()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const members = membersOf(next)
    if (members === undefined) tasks.push(next)
    else open.push(...members.reverse())
  }
  return tasks
}

/** The document of a task that failed without having run here. */
export function failureMeta(taskId: string, error: Error, traceback: string | undefined, nowMs: number): TaskMeta {
  const fields = { taskId, status: FAILURE, result: encodeException(error), traceback, children: [] }
  return encodeTaskMeta(fields, nowMs)
}

/** Undefined for a task. */
function membersOf({ subtask_type: type, kwargs }: SignatureData): SignatureData[] | undefined {
  if (type === 'chord') return [kwargs['body']].filter(isSignatureData)
  if (type !== 'chain' && type !== 'group') return undefined
  const { tasks } = kwargs
  return Array.isArray(tasks) ? tasks.filter(isSignatureData) : []
}
