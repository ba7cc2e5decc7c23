/**
 * Every error that celeriac throws, in one tree. Each class has a `code` that never changes and is recognised by a
 * brand rather than by identity, so that two copies of the package in one process still know each other's errors.
 *
 *     CeleryError
 *       ImproperlyConfigured    SecurityError   MissingDriver   AlreadyRunning   EntryNotFound
 *       OperationalError        ConnectionError   ChannelError                      (what can be tried again)
 *       SerializationError      EncodeError   DecodeError   ContentDisallowed
 *       BackendError            BackendGetMetaError   BackendStoreError   NoResultBackend
 *       TaskError               NotRegistered   AlreadyRegistered   InvalidTaskError   QueueNotFound
 *                               TaskRevokedError   MaxRetriesExceededError   ChordError   IncompleteStream   TimeoutError
 *       WorkerError             SoftTimeLimitExceeded   TimeLimitExceeded   WorkerLostError   Terminated
 *                               WorkerShutdown
 *       TaskPredicate           Retry   Ignore   Reject           (thrown to say what should happen; no failure)
 *
 * Names are Celery's to the letter, for `exc_type` carries them over the wire (`celery/exceptions.py`,
 * `billiard/exceptions.py`). `protocol/exception.ts` knows the Python module of each.
 */

const brand: symbol = Symbol.for('celeriac.error')

/** What every error constructor takes besides its facts. */
export interface CauseOption {
  /** The error that led to this one. */
  readonly cause?: unknown
}

/** The root of the tree: catch this to catch everything that is ours. */
export class CeleryError extends Error {
  /** Never changes between versions; safe to compare and to log. */
  readonly code: string = 'CELERY_ERROR'

  constructor(message: string, options?: CauseOption) {
    super(message, options)
    this.name = new.target.name
  }

  /** Is `value` an error of this package, even of another copy of it? */
  static isCeleryError(value: unknown): value is CeleryError {
    return typeof value === 'object' && value !== null && brand in value
  }
}

Object.defineProperty(CeleryError.prototype, brand, { value: true })

/** A setting, option, URL or argument is wrong; the message says which and what to write instead. */
export class ImproperlyConfigured extends CeleryError {
  override readonly code: string = 'IMPROPERLY_CONFIGURED'
}

/** Something was refused because it is not safe. */
export class SecurityError extends CeleryError {
  override readonly code: string = 'SECURITY_ERROR'
}

/** Another process has the pidfile, and lives. */
export class AlreadyRunning extends CeleryError {
  override readonly code: string = 'ALREADY_RUNNING'
  readonly pidfile: string
  readonly pid: number

  constructor(pidfile: string, pid: number, options?: CauseOption) {
    super(
      `The pidfile ${pidfile} belongs to process ${String(pid)}, which is running. Is this one started twice?`,
      options,
    )
    this.pidfile = pidfile
    this.pid = pid
  }
}

/** There is no entry of this name on beat's timetable. */
export class EntryNotFound extends CeleryError {
  override readonly code: string = 'ENTRY_NOT_FOUND'
  readonly entry: string

  /** `hint` is the end of the sentence, such as `; did you mean "nightly"?` */
  constructor(entry: string, hint: string = '') {
    super(`There is no entry "${entry}" on beat's timetable${hint}`)
    this.entry = entry
  }
}

/** An optional client library is not installed; the message says what to install and for what. */
export class MissingDriver extends ImproperlyConfigured {
  override readonly code: string = 'MISSING_DRIVER'
  readonly packageName: string

  constructor(packageName: string, neededFor: string, options?: CauseOption) {
    super(`${neededFor} needs the package "${packageName}". Install it with: npm install ${packageName}`, options)
    this.packageName = packageName
  }
}

/** The broker or backend could not be reached or refused to serve; trying again later may work. */
export class OperationalError extends CeleryError {
  override readonly code: string = 'OPERATIONAL_ERROR'
}

/** The connection is lost or could not be made. */
export class ConnectionError extends OperationalError {
  override readonly code: string = 'CONNECTION_ERROR'
}

/** The broker closed a channel: what was asked on it is not possible. */
export class ChannelError extends OperationalError {
  override readonly code: string = 'CHANNEL_ERROR'
}

/** A value could not be turned into bytes or bytes into a value. */
export class SerializationError extends CeleryError {
  override readonly code: string = 'SERIALIZATION_ERROR'
}

/** The value has no form in the serializer asked for. */
export class EncodeError extends SerializationError {
  override readonly code: string = 'ENCODE_ERROR'
}

/** The bytes are not what their content type says, or go beyond a limit. */
export class DecodeError extends SerializationError {
  override readonly code: string = 'DECODE_ERROR'
}

/** The content type is not in the accept list, so the bytes were not looked at. */
export class ContentDisallowed extends SerializationError {
  override readonly code: string = 'CONTENT_DISALLOWED'
}

/** A result backend could not do what was asked. */
export class BackendError extends CeleryError {
  override readonly code: string = 'BACKEND_ERROR'
}

/** A result document could not be read. */
export class BackendGetMetaError extends BackendError {
  override readonly code: string = 'BACKEND_GET_META_ERROR'
  readonly taskId: string

  constructor(message: string, taskId: string, options?: CauseOption) {
    super(message, options)
    this.taskId = taskId
  }
}

/** A result document could not be written. */
export class BackendStoreError extends BackendError {
  override readonly code: string = 'BACKEND_STORE_ERROR'
  readonly taskId: string
  readonly state: string

  constructor(message: string, taskId: string, state: string, options?: CauseOption) {
    super(message, options)
    this.taskId = taskId
    this.state = state
  }
}

/** A result was asked for, and the app has no result backend. */
export class NoResultBackend extends BackendError {
  override readonly code: string = 'NO_RESULT_BACKEND'

  constructor() {
    super(
      'No result backend is configured: set the "backend" option (or CELERY_RESULT_BACKEND), ' +
        'for example to sqlite:///celeriac.db',
    )
  }
}

/** What a traceback and a remote exception bring along. */
export interface RemoteErrorFacts extends CauseOption {
  /** The class name in the other process (`exc_type`). */
  readonly name?: string
  /** The module of that class (`exc_module`). */
  readonly module?: string
  /** The arguments that the exception was made with (`exc_message`). */
  readonly args?: readonly unknown[]
  /** The traceback text of the other process. */
  readonly traceback?: string
}

/** A task failed, or a call concerning a task could not be done. Also stands for exceptions of types not known here. */
export class TaskError extends CeleryError {
  override readonly code: string = 'TASK_ERROR'
  readonly module: string | undefined
  readonly args: readonly unknown[]
  readonly traceback: string | undefined

  constructor(message: string, facts: RemoteErrorFacts = {}) {
    super(message, 'cause' in facts ? { cause: facts.cause } : undefined)
    if (facts.name !== undefined) this.name = facts.name
    this.module = facts.module
    this.args = facts.args ?? [message]
    this.traceback = facts.traceback
  }
}

/** No task of this name is registered in this app. */
export class NotRegistered extends TaskError {
  override readonly code: string = 'NOT_REGISTERED'
  readonly taskName: string

  constructor(taskName: string) {
    super(`Task "${taskName}" is not registered`, { args: [taskName] })
    this.taskName = taskName
  }
}

/** A second, different task wants a name that is taken. */
export class AlreadyRegistered extends TaskError {
  override readonly code: string = 'ALREADY_REGISTERED'
  readonly taskName: string

  constructor(taskName: string) {
    super(`A task named "${taskName}" is already registered; give one of them another name`, { args: [taskName] })
    this.taskName = taskName
  }
}

/** A message is not a task message, or a field of it has a value that cannot be. */
export class InvalidTaskError extends TaskError {
  override readonly code: string = 'INVALID_TASK'
}

/** A queue is not declared, and `taskCreateMissingQueues` is off. */
export class QueueNotFound extends TaskError {
  override readonly code: string = 'QUEUE_NOT_FOUND'
  readonly queue: string

  constructor(queue: string) {
    super(`Queue "${queue}" is not in taskQueues, and taskCreateMissingQueues is off`, { args: [queue] })
    this.queue = queue
  }
}

/** The task was revoked or had expired before it ran, or was terminated while it ran. */
export class TaskRevokedError extends TaskError {
  override readonly code: string = 'TASK_REVOKED'

  constructor(reason: string = 'revoked', facts: RemoteErrorFacts = {}) {
    super(reason, { args: [reason], ...facts })
  }
}

/** The task asked to be tried again once too often. */
export class MaxRetriesExceededError extends TaskError {
  override readonly code: string = 'MAX_RETRIES_EXCEEDED'
}

/** A part of a chord failed, so its body cannot run; `cause` is what the part failed with, where that is known. */
export class ChordError extends TaskError {
  override readonly code: string = 'CHORD_ERROR'
}

/** A result graph was walked before all of it was there. */
export class IncompleteStream extends TaskError {
  override readonly code: string = 'INCOMPLETE_STREAM'
}

/** The time given to wait for a result is over; the task goes on. */
export class TimeoutError extends TaskError {
  override readonly code: string = 'TIMEOUT'
}

/** The worker, not the task, is the reason. */
export class WorkerError extends CeleryError {
  override readonly code: string = 'WORKER_ERROR'
}

/** The soft time limit is over: clean up, or be killed at the hard one. */
export class SoftTimeLimitExceeded extends WorkerError {
  override readonly code: string = 'SOFT_TIME_LIMIT_EXCEEDED'
  /** The limit, in seconds. */
  readonly seconds: number

  constructor(seconds: number) {
    super(`SoftTimeLimitExceeded(${String(seconds)})`)
    this.seconds = seconds
  }
}

/** The hard time limit was over and the process that ran the task was killed. */
export class TimeLimitExceeded extends WorkerError {
  override readonly code: string = 'TIME_LIMIT_EXCEEDED'
  /** The limit, in seconds. */
  readonly seconds: number

  constructor(seconds: number) {
    super(`TimeLimitExceeded(${String(seconds)})`)
    this.seconds = seconds
  }
}

/** The process that ran the task is gone. */
export class WorkerLostError extends WorkerError {
  override readonly code: string = 'WORKER_LOST'
  /** The exit code, the signal's name, or the error that ended it. */
  readonly exit: number | string

  constructor(exit: number | string) {
    super(`Worker exited prematurely: ${describeExit(exit)}.`)
    this.exit = exit
  }
}

function describeExit(exit: number | string): string {
  if (typeof exit === 'number') return `exitcode ${String(exit)}`
  return exit.startsWith('SIG') ? `signal ${exit}` : exit
}

/** The task was terminated by a revoke. */
export class Terminated extends WorkerError {
  override readonly code: string = 'TERMINATED'
  readonly signal: string

  constructor(signal: string) {
    super(`Terminated: ${signal}`)
    this.signal = signal
  }
}

/** The worker is shutting down; the reason of a task's `signal` then. */
export class WorkerShutdown extends WorkerError {
  override readonly code: string = 'WORKER_SHUTDOWN'
}

/** Thrown by a task to say what should happen to it. Not a failure. */
export class TaskPredicate extends CeleryError {
  override readonly code: string = 'TASK_PREDICATE'
}

/** Thrown by a task: acknowledge the message and store nothing. */
export class Ignore extends TaskPredicate {
  override readonly code: string = 'IGNORE'

  constructor(reason: string = 'Ignored') {
    super(reason)
  }
}

/** Thrown by a task: reject the message, and requeue it if asked to. Needs `acksLate` to have an effect on the message. */
export class Reject extends TaskPredicate {
  override readonly code: string = 'REJECT'
  readonly reason: unknown
  readonly requeue: boolean

  constructor(reason: unknown = 'Rejected', options: { readonly requeue?: boolean } = {}) {
    super(reason instanceof Error ? reason.message : String(reason))
    this.reason = reason
    this.requeue = options.requeue ?? false
  }
}

/** The plan for a new attempt. Made by `self.retry()`; takes effect when it is thrown. */
export interface RetryPlan {
  /** When the new attempt is due, in seconds from now. Not set where `eta` is. */
  readonly countdown?: number
  /** When the new attempt is due. */
  readonly eta?: Date
  /** Arguments of the new attempt, where they change. */
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** More publish options for the new attempt. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** Thrown by a task: run it again later. Nothing is sent before it is thrown. */
export class Retry extends TaskPredicate {
  override readonly code: string = 'RETRY'
  readonly plan: RetryPlan

  constructor(message: string, plan: RetryPlan, options?: CauseOption) {
    super(message, options)
    this.plan = plan
  }
}
