/** Errors that are retried by themselves (`autoretryFor`), and the back-off between the attempts. */
import { TaskPredicate } from '../errors.ts'
import type { ErrorClass, TaskOptions } from './options.ts'
import type { TaskRequest } from './request.ts'
import { planRetry } from './retry.ts'
import type { RetryLimits } from './retry.ts'

/** What to throw instead of an error that the task says should be retried; the error itself otherwise. */
export function applyAutoretry(
  error: unknown,
  request: TaskRequest,
  options: TaskOptions,
  limits: RetryLimits,
  random: () => number = Math.random,
): unknown {
  if (error instanceof TaskPredicate || !isOneOf(error, options.autoretryFor)) return error
  if (isOneOf(error, options.dontAutoretryFor)) return error
  const countdown = options.retryKwargs?.countdown ?? backoffOf(options, request.retries, random)
  return planRetry(request, limits, {
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
