/** Call: what somebody says about one call, made into what the message must say. Where it goes is `routes.ts`. */
import { linksOf } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import type { ActiveExecution } from '../context.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { TaskCall } from '../protocol/task.ts'
import type { Once } from '../transport/transport.ts'

/** One call by name. */
export interface Call {
  readonly name: string
  readonly args?: readonly unknown[]
  readonly options?: PublishOptions
  /** Publish it only if this is more than what was published last under the same key; where the broker can tell. */
  readonly once?: Once
}

/** Who calls, from where and when. */
export interface Caller {
  /** The new task's id, where the options bring none. */
  readonly newId: (nowMs: number) => string
  /** Unix time in milliseconds. */
  readonly nowMs: number
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where replies to this app go (`reply_to`). */
  readonly replyTo: string
  /** The task that makes the call. */
  readonly parent: ActiveExecution | undefined
}

/** Celery refuses numbers of seconds below this. */
const SMALLEST_SECONDS = -2147483648

/**
 * The facts of a message. Throws `TypeError` for arguments that are no list or no object, `ImproperlyConfigured` for
 * times and limits that cannot be.
 */
export function describeCall(
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: PublishOptions,
  caller: Caller,
): TaskCall {
  checkShape(name, args, kwargs)
  checkLimits(options)
  const { nowMs, parent } = caller
  const id = options.taskId ?? caller.newId(nowMs)
  return {
    id,
    name,
    args,
    kwargs,
    eta: dueTime(options, nowMs),
    expires: expiryTime(options.expires, nowMs),
    rootId: options.rootId ?? parent?.rootId ?? id,
    parentId: options.parentId ?? parent?.taskId,
    groupId: options.groupId,
    groupIndex: options.groupIndex,
    shadow: options.shadow,
    retries: options.retries,
    timeLimit: options.timeLimit,
    softTimeLimit: options.softTimeLimit,
    argsrepr: options.argsrepr,
    kwargsrepr: options.kwargsrepr,
    origin: caller.origin,
    ignoreResult: options.ignoreResult,
    replacedTaskNesting: options.replacedTaskNesting,
    stampedHeaders: options.stampedHeaders,
    stamps: options.stamps,
    headers: options.headers,
    callbacks: options.link === undefined ? undefined : linksOf(options.link),
    errbacks: options.linkError === undefined ? undefined : linksOf(options.linkError),
    chain: options.chain,
    chord: options.chord,
    replyTo: options.replyTo ?? caller.replyTo,
  }
}

/** Code that the compiler did not see may hand over anything. */
function checkShape(name: string, args: unknown, kwargs: unknown): void {
  if (!Array.isArray(args)) throw new TypeError(`${name}: the arguments of a call are a list, such as [1, 2]`)
  if (typeof kwargs === 'object' && kwargs !== null && !Array.isArray(kwargs)) return
  throw new TypeError(`${name}: the named arguments of a call are an object, such as { kwargs: { x: 1 } }`)
}

/** Unix time in milliseconds. As in Celery, a countdown wins over an eta, and a countdown of 0 is none. */
function dueTime({ eta, countdown }: PublishOptions, nowMs: number): number | undefined {
  if (countdown !== undefined && countdown !== 0) return nowMs + secondsOf('countdown', countdown) * 1000
  return eta === undefined ? undefined : timeOf('eta', eta)
}

function expiryTime(expires: number | Date | undefined, nowMs: number): number | undefined {
  if (expires === undefined) return undefined
  return typeof expires === 'number' ? nowMs + secondsOf('expires', expires) * 1000 : timeOf('expires', expires)
}

function timeOf(name: string, date: unknown): number {
  const timeMs = date instanceof Date ? date.getTime() : NaN
  if (Number.isNaN(timeMs)) throw new ImproperlyConfigured(`${name} must be a valid Date, not ${String(date)}`)
  return timeMs
}

function secondsOf(name: string, seconds: number): number {
  if (Number.isFinite(seconds) && seconds >= SMALLEST_SECONDS) return seconds
  throw new ImproperlyConfigured(`${name} must be a number of seconds, not ${String(seconds)}`)
}

function checkLimits({ timeLimit, softTimeLimit }: PublishOptions): void {
  if (timeLimit === undefined || softTimeLimit === undefined || softTimeLimit <= timeLimit) return
  throw new ImproperlyConfigured(
    `softTimeLimit (${String(softTimeLimit)} s) must not be above timeLimit (${String(timeLimit)} s)`,
  )
}
