/** When and whether a task is tried again: `self.retry()`, `autoretryFor` and the back-off between attempts. */
import { MaxRetriesExceededError, Retry, TaskPredicate } from '../errors.ts'
import type { PublishOptions } from '../canvas/options.ts'
import type { ErrorClass, TaskOptions, TaskPolicy } from './options.ts'
import type { TaskRequest } from './request.ts'

/** What `self.retry()` takes; all other publish options apply to the new attempt too. Durations are seconds. */
export interface RetryOptions extends Omit<PublishOptions, 'taskId' | 'retries' | 'chain' | 'chord'> {
  /** Arguments of the new attempt. Default: the same. */
  readonly args?: readonly unknown[]
  /** Why; thrown instead of `MaxRetriesExceededError` when there were attempts enough. */
  readonly exc?: unknown
  /** Overrides the task's `maxRetries` for this call; null is for ever. */
  readonly maxRetries?: number | null
}

/** The `Retry` to throw, or the error to give up with. Sends nothing. */
export function planRetry(request: TaskRequest, policy: TaskPolicy, options: RetryOptions = {}): Error {
  const { args, kwargs, exc, maxRetries = policy.maxRetries, countdown, eta, ...publish } = options
  const cause = exc === undefined || exc instanceof Error ? exc : new Error(String(exc))
  if (request.calledDirectly && cause !== undefined) return cause
  if (maxRetries !== null && request.retries >= maxRetries) {
    return (
      cause ??
      new MaxRetriesExceededError(
        `Can't retry ${request.name}[${request.id}]: it was tried ${String(request.retries + 1)} times`,
      )
    )
  }
  const seconds = eta === undefined ? (countdown ?? policy.defaultRetryDelay) : undefined
  const when = eta === undefined ? `in ${String(seconds)}s` : `at ${eta.toISOString()}`
  return new Retry(
    `Retry ${when}${cause === undefined ? '' : `: ${cause.name}: ${cause.message}`}`,
    {
      ...(eta === undefined ? { countdown: seconds ?? 0 } : { eta }),
      ...(args === undefined ? {} : { args }),
      ...(kwargs === undefined ? {} : { kwargs }),
      options: { ...publish },
    },
    cause === undefined ? undefined : { cause },
  )
}

/** What to throw instead of an error that the task says should be retried; the error itself otherwise. */
export function applyAutoretry(
  error: unknown,
  request: TaskRequest,
  options: TaskOptions,
  policy: TaskPolicy,
  random: () => number = Math.random,
): unknown {
  if (error instanceof TaskPredicate || !isOneOf(error, options.autoretryFor)) return error
  if (isOneOf(error, options.dontAutoretryFor)) return error
  const countdown = options.retryKwargs?.countdown ?? backoffOf(options, request.retries, random)
  return planRetry(request, policy, {
    exc: error,
    ...(countdown === undefined ? {} : { countdown }),
    ...(options.retryKwargs?.maxRetries === undefined ? {} : { maxRetries: options.retryKwargs.maxRetries }),
  })
}

/** Is `error` of one of these classes? */
export function isOneOf(error: unknown, classes: readonly ErrorClass[] | undefined): boolean {
  return classes?.some((errorClass) => error instanceof errorClass) ?? false
}

/** Celery's exponential back-off (`celery/utils/time.py`): whole seconds, doubling, full jitter. */
function backoffOf(options: TaskOptions, retries: number, random: () => number): number | undefined {
  const { retryBackoff = false, retryBackoffMax = 600, retryJitter = true } = options
  if (retryBackoff === false) return undefined
  const factor = retryBackoff === true ? 1 : Math.trunc(Math.max(1, retryBackoff))
  const seconds = Math.min(retryBackoffMax, factor * 2 ** retries)
  return retryJitter ? Math.floor(random() * (seconds + 1)) : seconds
}
