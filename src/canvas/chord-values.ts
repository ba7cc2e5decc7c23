/** What a chord's body is called with: the values of the header's parts, in its form. */
import type { ResultBackend } from '../backend/backend.ts'
import { ChordError, TimeoutError } from '../errors.ts'
import { decodeException, encodeException, exceptionRepr } from '../protocol/exception.ts'
import type { ExceptionDocument } from '../protocol/exception.ts'
import type { ChordPart, ResultTuple, TaskMeta } from '../protocol/result.ts'
import { PROPAGATE_STATES, READY_STATES } from '../protocol/states.ts'
import type { Clock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'

/**
 * The values of a plain header. Throws `ChordError` for the first part that failed: `Dependency <id> raised <error>`, as
 * Celery says it.
 */
export function valuesOf(parts: readonly ChordPart[]): unknown[] {
  return parts.map((part) => {
    if (PROPAGATE_STATES.has(part.status)) throw dependencyError(part)
    return part.result
  })
}

/** The error of a chord of which this part failed. */
export function dependencyError({ taskId, result }: ChordPart): ChordError {
  return chordError(`Dependency ${taskId} raised ${reprOf(result)}`, decodeException(result))
}

/** A chord's error with what led to it. */
export function chordError(message: string, cause: unknown): ChordError {
  return new ChordError(message, { cause })
}

/** An error as Celery's texts show it: `ValueError('bad moon')`. */
export function errorRepr(error: unknown): string {
  return exceptionRepr(encodeException(error))
}

/**
 * The values of a header with groups in it, nested as it is. What no part brought is looked up; rejects with the first
 * error in the order of the header, and with `TimeoutError` when a result is not there in time.
 */
export async function nestedValues(
  header: readonly ResultTuple[],
  parts: readonly ChordPart[],
  lookUp: (taskIds: readonly string[]) => Promise<readonly ChordPart[]>,
): Promise<unknown[]> {
  const byTask = new Map(parts.map((part) => [part.taskId, part]))
  const missing = idsOf(header).filter((id) => !byTask.has(id))
  if (missing.length > 0) for (const part of await lookUp(missing)) byTask.set(part.taskId, part)
  const valueOf = ([[id], children]: ResultTuple): unknown => {
    if (children !== null) return children.map(valueOf)
    const part = byTask.get(id)
    if (part !== undefined && PROPAGATE_STATES.has(part.status)) throw decodeException(part.result)
    return part?.result
  }
  return header.map(valueOf)
}

/** The results of tasks, once they are there. Rejects with `TimeoutError` after so many milliseconds. */
export function awaitParts(
  backend: ResultBackend,
  taskIds: readonly string[],
  timeoutMs: number,
  clock: Clock,
): Promise<ChordPart[]> {
  const found = new Map<string, ChordPart>()
  const all = deferred<ChordPart[]>()
  const onMeta = ({ task_id: taskId, status, result }: TaskMeta): void => {
    if (!READY_STATES.has(status)) return
    found.set(taskId, { taskId, status, result })
    if (found.size === new Set(taskIds).size) all.resolve([...found.values()])
  }
  const watch = backend.watch(taskIds, onMeta, (error) => {
    all.reject(error)
  })
  const timer = clock.after(timeoutMs, () => {
    all.reject(new TimeoutError('The operation timed out.'))
  })
  return all.promise.finally(() => {
    watch.stop()
    timer.cancel()
  })
}

/** The tasks whose results these are, in their order. */
export function idsOf(tuples: readonly ResultTuple[]): string[] {
  return tuples.flatMap(([[id], children]) => (children === null ? [id] : idsOf(children)))
}

function reprOf(document: unknown): string {
  return exceptionRepr(document as ExceptionDocument)
}
