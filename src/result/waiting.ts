/** Waiting for documents: one watch over all of them, one deadline, one signal. Says also where waiting is refused. */
import type { ResultBackend } from '../backend/backend.ts'
import { activeExecution } from '../context.ts'
import { CeleryError, TaskError, TimeoutError } from '../errors.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { systemClock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'

/** When to give up. */
export interface Limits {
  /** Seconds. Default: wait for ever. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** What is said when the time is over. */
  readonly late: () => string
}

/**
 * Show `look` the documents of these tasks, those of now and those that come, until it settles `end`. Rejects with what
 * `look` throws, with `TimeoutError`, with the signal's reason, or with the backend's error.
 */
export async function awaitDocuments<T>(
  backend: ResultBackend,
  taskIds: readonly string[],
  limits: Limits,
  look: (meta: TaskMeta, end: Deferred<T>) => void,
): Promise<T> {
  const { timeout = Infinity, signal, late } = limits
  const end = deferred<T>()
  const onMeta = (meta: TaskMeta): void => {
    try {
      look(meta, end)
    } catch (error) {
      end.reject(error)
    }
  }
  const onAbort = (): void => {
    end.reject(abortReason(signal))
  }
  const watch = backend.watch(taskIds, onMeta, (error) => {
    end.reject(error)
  })
  const timer = systemClock.after(timeout * 1000, () => {
    end.reject(new TimeoutError(late()))
  })
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted === true) onAbort()
  try {
    return await end.promise
  } finally {
    watch.stop()
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Throws when the current task would wait for another one. */
export function refuseToJoin(): void {
  if (activeExecution()?.joinWillBlock !== true) return
  throw new TaskError(
    'Never wait for a result inside a task: it may need the very slot that waits for it. ' +
      'Use a link or a chain instead, or get({ disableSyncSubtasks: false }) if you know that there are slots enough',
  )
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new CeleryError('Waiting for a result was aborted', { cause: reason })
}
