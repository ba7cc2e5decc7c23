/**
 * A new attempt: what `self.retry()` plans, and what it takes over from the one before. Errors that are retried by
 * themselves are `autoretry.ts`.
 */
import type { PublishOptions } from '../canvas/options.ts'
import { MaxRetriesExceededError, Retry } from '../errors.ts'
import type { RetryPlan } from '../errors.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import { asError } from '../util/as-error.ts'
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
  const cause = exc === undefined ? undefined : asError(exc)
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

/** One attempt, as far as the next one takes it over. */
export interface Attempt {
  readonly head: TaskHead
  readonly embed: TaskEmbed
  readonly request: TaskRequest
}

/** How the next attempt is published: what it takes over (`Context.as_execution_options`), and what the plan says. */
export function attemptOptions({ head, embed, request }: Attempt, plan: RetryPlan): PublishOptions {
  const { priority } = request.deliveryInfo
  const [timeLimit, softTimeLimit] = head.timelimit
  return {
    taskId: head.id,
    retries: head.retries + 1,
    rootId: head.rootId,
    parentId: head.parentId,
    groupId: head.group,
    groupIndex: head.groupIndex,
    shadow: head.shadow,
    chord: embed.chord ?? undefined,
    chain: embed.chain ?? undefined,
    link: embed.callbacks ?? undefined,
    linkError: embed.errbacks ?? undefined,
    expires: head.expiresMs === undefined ? undefined : new Date(head.expiresMs),
    timeLimit,
    softTimeLimit,
    headers: head.custom,
    replyTo: request.replyTo,
    replacedTaskNesting: head.replacedTaskNesting,
    stampedHeaders: head.stampedHeaders,
    stamps: head.stampedHeaders === undefined ? undefined : head.stamps,
    ignoreResult: head.ignoreResult,
    priority: priority ?? undefined,
    ...placeOf(request, plan),
    kwargs: plan.kwargs ?? request.kwargs,
    ...(plan.eta === undefined ? { countdown: plan.countdown ?? 0 } : { eta: plan.eta }),
    ...plan.options,
  }
}

/** Back to where the message came from, unless the plan names a place: then no word of the old one. */
function placeOf(request: TaskRequest, { options = {} }: RetryPlan): PublishOptions {
  if ((options['queue'] ?? options['exchange'] ?? options['routingKey']) !== undefined) return {}
  const { exchange, routing_key: routingKey } = request.deliveryInfo
  return exchange === '' ? { queue: routingKey } : { exchange, routingKey }
}
