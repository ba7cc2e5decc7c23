/** Task options: what may be said about a task where it is declared, and how unset ones fall back to the settings. */
import { mergeOptions } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { didYouMean } from '../util/suggest.ts'
import type { TaskContext } from './context.ts'
import { startsPerSecond } from './rate.ts'
import type { ArgumentsSchema } from './schema.ts'

/** A class of errors, for `autoretryFor` and `throws`. */
export type ErrorClass = abstract new (...args: never[]) => Error

/** Functions around a run; their results are ignored, one that throws is logged. */
export interface TaskHooks {
  /** Before the function starts. */
  readonly beforeStart?: (self: TaskContext) => void | Promise<void>
  /** After the result is stored. */
  readonly onSuccess?: (self: TaskContext, value: unknown) => void | Promise<void>
  /** After the failure is stored and the errbacks are called. */
  readonly onFailure?: (self: TaskContext, error: Error) => void | Promise<void>
  /** After the new attempt is published; `error` is the reason. */
  readonly onRetry?: (self: TaskContext, error: Error) => void | Promise<void>
  /** After success or failure. */
  readonly afterReturn?: (self: TaskContext, state: string, value: unknown) => void | Promise<void>
}

/** Options of a task. Durations are seconds. */
export interface TaskOptions extends TaskHooks {
  /** Hand the `TaskContext` to the function as its first parameter. Default false. */
  readonly bind?: boolean
  /** How often `self.retry()` and `autoretryFor` try again; null is for ever. Default 3. */
  readonly maxRetries?: number | null
  /** The wait before a new attempt where none is given. Default 180. */
  readonly defaultRetryDelay?: number
  /** Errors of these classes are retried by themselves. */
  readonly autoretryFor?: readonly ErrorClass[]
  /** Exceptions to `autoretryFor`. */
  readonly dontAutoretryFor?: readonly ErrorClass[]
  /** Let the wait double each time, starting with so many seconds (true is 1). Default false. */
  readonly retryBackoff?: boolean | number
  /** The longest wait with `retryBackoff`. Default 600. */
  readonly retryBackoffMax?: number
  /** Take a random wait between 0 and the computed one, so that failed tasks do not come back all at once. Default true. */
  readonly retryJitter?: boolean
  /** What `autoretryFor` passes to `retry()`. */
  readonly retryKwargs?: { readonly maxRetries?: number | null; readonly countdown?: number }
  /** How often it may start in each worker: `10/s`, `100/m`, `5/h`, or a number a second; 0 or null is no limit. */
  readonly rateLimit?: string | number | null
  /** Kill the task after so many seconds. Needs a pool with processes. */
  readonly timeLimit?: number
  /** Abort `self.signal` after so many seconds. */
  readonly softTimeLimit?: number
  /** Store nothing when the task returns. */
  readonly ignoreResult?: boolean
  /** Store errors all the same. */
  readonly storeErrorsEvenIfIgnored?: boolean
  /** Store the result of a call that runs eagerly too. */
  readonly storeEagerResult?: boolean
  /** How the arguments are written: `json`, `yaml`, `msgpack`, `pickle` or a registered one. */
  readonly serializer?: string
  /** How the message is compressed: `gzip`, `zstd`, `brotli`, `bzip2` or a registered one. */
  readonly compression?: string
  /** Acknowledge the message after the run instead of before it: a task that is cut runs again. */
  readonly acksLate?: boolean
  /** Stands for the two below where they say nothing. Default true. */
  readonly acksOnFailureOrTimeout?: boolean
  /** With `acksLate`: acknowledge what failed; otherwise the message is rejected for good. */
  readonly acksOnFailure?: boolean
  /** With `acksLate`: acknowledge what was over its time limit; otherwise it goes back to its queue. */
  readonly acksOnTimeout?: boolean
  /** With `acksLate`: a task whose process died goes back to its queue instead of failing. */
  readonly rejectOnWorkerLost?: boolean
  /** Store STARTED when the task starts. */
  readonly trackStarted?: boolean
  /** False: workers send no events about this task, whatever they are told. Default true. */
  readonly sendEvents?: boolean
  /**
   * Show `***` in place of arguments, all of them (true) or those of these names, in events, logs and the replies of
   * remote control. The task and its message have them all the same. Default false.
   */
  readonly hideArgs?: boolean | readonly string[]
  /** 0 to 9; which end comes first is the broker's matter. */
  readonly priority?: number
  /** Where calls go. Default: as the routes say. */
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  /** Revoke what has not started after so many seconds. */
  readonly expires?: number
  /** 1 is transient, 2 persistent. */
  readonly deliveryMode?: 1 | 2
  /** Errors that are part of the game: logged without traceback, still a FAILURE. */
  readonly throws?: readonly ErrorClass[]
  /** Check the number and names of arguments before sending. Default true. */
  readonly typing?: boolean
  /** Names of the parameters, where they cannot be read from the function's source (bundled or minified code). */
  readonly params?: readonly string[]
  /** Hand named arguments that match no parameter to the function as a last object. */
  readonly kwargs?: boolean
  /** Check the arguments with any Standard Schema, at the caller and in the worker. */
  readonly schema?: ArgumentsSchema
}

/** The names of all options: a misspelt one is an error, not a default. */
const NAMES: Readonly<Record<keyof TaskOptions, true>> = {
  bind: true,
  maxRetries: true,
  defaultRetryDelay: true,
  autoretryFor: true,
  dontAutoretryFor: true,
  retryBackoff: true,
  retryBackoffMax: true,
  retryJitter: true,
  retryKwargs: true,
  rateLimit: true,
  timeLimit: true,
  softTimeLimit: true,
  ignoreResult: true,
  storeErrorsEvenIfIgnored: true,
  storeEagerResult: true,
  serializer: true,
  compression: true,
  acksLate: true,
  acksOnFailureOrTimeout: true,
  acksOnFailure: true,
  acksOnTimeout: true,
  rejectOnWorkerLost: true,
  trackStarted: true,
  sendEvents: true,
  hideArgs: true,
  priority: true,
  queue: true,
  exchange: true,
  routingKey: true,
  expires: true,
  deliveryMode: true,
  throws: true,
  typing: true,
  params: true,
  kwargs: true,
  schema: true,
  beforeStart: true,
  onSuccess: true,
  onFailure: true,
  onRetry: true,
  afterReturn: true,
}

/** Throws `ImproperlyConfigured` for an option that there is not, and for a rate limit that is none. */
export function checkTaskOptions(task: string, options: TaskOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(NAMES, name))
  if (unknown === undefined) {
    startsPerSecond(options.rateLimit)
    return
  }
  throw new ImproperlyConfigured(
    `${task}: there is no task option "${unknown}"${didYouMean(unknown, Object.keys(NAMES))}`,
  )
}

/** The settings that stand behind unset options (the fallback chain of Celery's `Task.from_config`). */
export interface TaskDefaults {
  readonly taskSerializer: string
  readonly taskCompression: string | null
  readonly taskDefaultPriority: number | null
  readonly taskDefaultRateLimit: string | number | null
  readonly taskTimeLimit: number | null
  readonly taskSoftTimeLimit: number | null
  readonly taskTrackStarted: boolean
  readonly taskAcksLate: boolean
  /** The settings fill in these two from `taskAcksOnFailureOrTimeout`. */
  readonly taskAcksOnFailure: boolean
  readonly taskAcksOnTimeout: boolean
  readonly taskRejectOnWorkerLost: boolean | null
  readonly taskIgnoreResult: boolean
  readonly taskStoreErrorsEvenIfIgnored: boolean
  readonly taskStoreEagerResult: boolean
}

/** Options with their defaults filled in: what the worker reads. */
export interface TaskPolicy {
  readonly maxRetries: number | null
  readonly defaultRetryDelay: number
  /** Never one that is no limit. */
  readonly rateLimit: string | number | undefined
  readonly timeLimit: number | undefined
  readonly softTimeLimit: number | undefined
  readonly trackStarted: boolean
  readonly sendEvents: boolean
  readonly acksLate: boolean
  readonly acksOnFailure: boolean
  readonly acksOnTimeout: boolean
  readonly rejectOnWorkerLost: boolean
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly storeEagerResult: boolean
  readonly serializer: string
  readonly compression: string | undefined
  readonly priority: number | undefined
}

/** Fill in what the options leave open. */
export function resolvePolicy(options: TaskOptions, defaults: TaskDefaults): TaskPolicy {
  const both = options.acksOnFailureOrTimeout
  return {
    maxRetries: options.maxRetries === undefined ? 3 : options.maxRetries,
    defaultRetryDelay: options.defaultRetryDelay ?? 180,
    rateLimit: rateLimitOf(options.rateLimit === undefined ? defaults.taskDefaultRateLimit : options.rateLimit),
    timeLimit: options.timeLimit ?? defaults.taskTimeLimit ?? undefined,
    softTimeLimit: options.softTimeLimit ?? defaults.taskSoftTimeLimit ?? undefined,
    trackStarted: options.trackStarted ?? defaults.taskTrackStarted,
    sendEvents: options.sendEvents ?? true,
    acksLate: options.acksLate ?? defaults.taskAcksLate,
    acksOnFailure: options.acksOnFailure ?? both ?? defaults.taskAcksOnFailure,
    acksOnTimeout: options.acksOnTimeout ?? both ?? defaults.taskAcksOnTimeout,
    rejectOnWorkerLost: options.rejectOnWorkerLost ?? defaults.taskRejectOnWorkerLost ?? false,
    ignoreResult: options.ignoreResult ?? defaults.taskIgnoreResult,
    storeErrorsEvenIfIgnored: options.storeErrorsEvenIfIgnored ?? defaults.taskStoreErrorsEvenIfIgnored,
    storeEagerResult: options.storeEagerResult ?? defaults.taskStoreEagerResult,
    serializer: options.serializer ?? defaults.taskSerializer,
    compression: options.compression ?? defaults.taskCompression ?? undefined,
    priority: options.priority ?? defaults.taskDefaultPriority ?? undefined,
  }
}

/** A limit of 0 starts a second is no limit. */
export function rateLimitOf(rate: string | number | null): string | number | undefined {
  return rate === null || startsPerSecond(rate) === 0 ? undefined : rate
}

/** What a task says about each of its calls; the call's own options win. */
export function callOptions(options: TaskOptions, policy: TaskPolicy): PublishOptions {
  const { queue, exchange, routingKey, expires, deliveryMode, timeLimit, softTimeLimit } = options
  const { serializer, compression, priority, ignoreResult } = policy
  const all = { queue, exchange, routingKey, expires, deliveryMode, timeLimit, softTimeLimit, compression, priority }
  return mergeOptions({ serializer, ...(ignoreResult ? { ignoreResult } : {}) }, all)
}
