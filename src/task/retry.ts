/** A new attempt: what `self.retry()` plans. Errors that are retried by themselves are `autoretry.ts`. */
import { MaxRetriesExceededError, Retry } from '../errors.ts'
import type { PublishOptions } from '../canvas/options.ts'
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

/** What a task says about new attempts. */
export interface RetryLimits {
  /** How often; null is for ever. */
  readonly maxRetries: number | null
  /** Seconds to wait where the call does not say. */
  readonly defaultRetryDelay: number
}

/** The `Retry` to throw, or the error to give up with. Sends nothing. */
export function planRetry(request: TaskRequest, limits: RetryLimits, options: RetryOptions = {}): Error {
  const { args, kwargs, exc, maxRetries = limits.maxRetries, countdown, eta, ...publish } = options
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
  const seconds = eta === undefined ? (countdown ?? limits.defaultRetryDelay) : undefined
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
