/** What a failure is made of: the facts of its error, the documents that it leaves, and what an abort really meant. */
import { encodeException, exceptionRepr, tracebackText } from '../protocol/exception.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import type { TaskMeta } from '../protocol/result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { FAILURE } from '../protocol/states.ts'
import type { Failure } from './outcome.ts'

/** The facts of an error that logs, events and documents need. Never throws. */
export function failureOf(error: Error): Failure {
  const document = encodeException(error)
  const message = document.exc_message
  return {
    excType: document.exc_type,
    excMessage: Array.isArray(message) ? (message as unknown[]) : [message],
    excModule: document.exc_module,
    repr: exceptionRepr(document),
    traceback: tracebackText(error),
  }
}

/** The document of a task that failed without having run here. */
export function failureMeta(taskId: string, error: Error, traceback: string | undefined, nowMs: number): TaskMeta {
  const fields = { taskId, status: FAILURE, result: encodeException(error), traceback, children: [] }
  return encodeTaskMeta(fields, nowMs)
}

/** Documents for the links of a chain that will never run now: the same failure, so that nobody waits in vain. */
export function chainFailures(
  chain: readonly SignatureData[] | null,
  error: Error,
  traceback: string,
  nowMs: number,
): TaskMeta[] {
  return (chain ?? []).flatMap(({ options: { task_id: taskId } }) =>
    taskId === undefined ? [] : [failureMeta(taskId, error, traceback, nowMs)],
  )
}

/** An abort is told by its reason: what a limit or a revoke said, not the AbortError of whatever listened to it. */
export function reasonOf(thrown: unknown, signal: AbortSignal): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'AbortError' || !signal.aborted) return thrown
  return signal.reason instanceof Error ? signal.reason : thrown
}
