/**
 * Trace (Celery's word): run one task to its `Outcome`. A pipe of named steps over an `Execution`:
 *
 *  1. `begin`    decode the body, bind the arguments, make the request and its context
 *  2. `announce` signal `task-prerun`, state STARTED, hook `beforeStart`
 *  3. `call`     middleware around the user's function
 *  4. `succeed`  followers (callbacks, next link) first, so that children are known; then the chord that it is a part of;
 *                then the result; then hooks
 *     `retry`    publish the new attempt, then state RETRY
 *     `fail`     the failure, the chord, the rest of the chain, errbacks, hooks
 *  5. `finish`   signal `task-postrun`
 *
 * What happens to the message is not decided here but by the worker, which reads the `Outcome`.
 */
import { failureMeta } from '../canvas/abandoned.ts'
import { abandon } from '../canvas/chord-part.ts'
import type { ChordRuntime } from '../canvas/chord-part.ts'
import { callErrbacks, continueWorkflow, hasFollowers } from '../canvas/continue.ts'
import { runInExecution } from '../context.ts'
import { Ignore, NotRegistered, Reject, Retry, Terminated, WorkerShutdown } from '../errors.ts'
import { isOperational } from '../messaging/failure.ts'
import { encodeException } from '../protocol/exception.ts'
import type { Message } from '../protocol/message.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { FAILURE, IGNORED, REJECTED, RETRY, STARTED, SUCCESS } from '../protocol/states.ts'
import { decodeTaskBody, decodeTaskHead } from '../protocol/task.ts'
import type { TaskHead } from '../protocol/task.ts'
import type { Signals } from '../signals.ts'
import { asError } from '../util/as-error.ts'
import { compose } from '../util/compose.ts'
import type { Middleware } from '../util/compose.ts'
import { isThenable } from '../util/maybe-promise.ts'
import type { MaybePromise } from '../util/maybe-promise.ts'
import { repr } from '../util/repr.ts'
import { applyAutoretry, isOneOf } from './autoretry.ts'
import { Execution } from './execution.ts'
import type { ExecutionParts, Progress, RunFields, TraceControl } from './execution.ts'
import { failureOf, reasonOf } from './failure.ts'
import type { Outcome } from './outcome.ts'
import type { TaskRegistry } from './registry.ts'
import type { RequestDeliveryInfo, TaskRequest } from './request.ts'
import { attemptOptions } from './retry.ts'
import { validateArguments } from './schema.ts'

/** A delivered task message, as the worker hands it over. */
export interface Delivered {
  readonly message: Message
  readonly deliveryInfo: RequestDeliveryInfo
  /** The worker's node name. */
  readonly hostname: string
  /** The decoded headers, where they did not have to cross to another process. */
  readonly head?: TaskHead | undefined
}

/** What middleware around a run sees. */
export interface RunContext {
  readonly task: string
  readonly request: TaskRequest
  /** As the function gets them: named ones are in their places. */
  readonly args: readonly unknown[]
}

/** Wraps the user's function: may look, delay, refuse (throw) or answer another value. */
export type RunMiddleware = Middleware<RunContext, unknown>

/** What all runs of one process share. */
export interface TracerParts extends ExecutionParts {
  readonly tasks: TaskRegistry
  readonly signals: Signals
  readonly middleware: readonly RunMiddleware[]
  /** Decode a body by its content type; throws what the accept list refuses. */
  readonly decode: (message: Message) => unknown
  /** The IANA zone of times without an offset (`timezone`). */
  readonly zone: string
}

/** The call in the middle of a run. */
interface Call extends RunContext {
  readonly execution: Execution
}

/** Runs tasks in this process. */
export class Tracer {
  readonly #parts: TracerParts
  /** The user's function inside of the middleware; undefined where there is none, for then a run needs no promise. */
  readonly #wrapped: ((call: Call) => Promise<unknown>) | undefined

  constructor(parts: TracerParts) {
    this.#parts = parts
    const core = async ({ execution, args }: Call): Promise<unknown> => execution.definition.invoke(execution, args)
    this.#wrapped = parts.middleware.length === 0 ? undefined : compose<Call, unknown>(parts.middleware, core)
  }

  /** Run a delivered message. Never throws nor rejects. */
  run(delivered: Delivered, control: TraceControl): MaybePromise<Outcome> {
    const { message, deliveryInfo, hostname } = delivered
    let execution: Execution
    try {
      const head = delivered.head ?? decodeTaskHead(message.headers, message.properties, this.#parts.zone)
      const { args, kwargs, embed } = decodeTaskBody(this.#parts.decode(message))
      execution = this.#begin({ head, args, kwargs, embed, message, deliveryInfo, hostname }, control, false)
    } catch (error) {
      return this.#failUndecoded(delivered, control, asError(error))
    }
    return this.#trace(execution)
  }

  /** Run a call that never was a message: the value itself, not its encoded form. Rejects with `NotRegistered`. */
  async runEagerly(fields: RunFields, control: TraceControl): Promise<Readonly<Progress>> {
    const execution = this.#begin(fields, control, true)
    await this.#trace(execution)
    return execution.progress
  }

  #begin(fields: RunFields, control: TraceControl, eager: boolean): Execution {
    const definition = this.#parts.tasks.definition(fields.head.name)
    if (definition === undefined) throw new NotRegistered(fields.head.name)
    return new Execution(definition, fields, control, this.#parts, eager)
  }

  #trace(execution: Execution): MaybePromise<Outcome> {
    const outcome = runInExecution(execution, this.#settled)
    return this.#parts.signals.has('task-postrun') ? this.#finish(execution, outcome) : outcome
  }

  async #finish(execution: Execution, settling: MaybePromise<Outcome>): Promise<Outcome> {
    const outcome = await settling
    const { state, value: retval } = execution.progress
    try {
      await this.#parts.signals.send('task-postrun', { ...execution.facts, state, retval })
      return outcome
    } catch (error) {
      return this.#failInternally(execution, asError(error))
    }
  }

  /** Steps 2 to 4. A function of its own, so that a run needs no closure. */
  readonly #settled = (execution: Execution): MaybePromise<Outcome> => {
    let value: unknown
    try {
      value = this.#run(execution)
    } catch (error) {
      return this.#guard(execution, this.#settleError(execution, error))
    }
    return isThenable(value)
      ? this.#settleLater(execution, value)
      : this.#guard(execution, this.#succeed(execution, value))
  }

  /** One promise besides the task's own, for most that end later end well. */
  #settleLater(execution: Execution, pending: PromiseLike<unknown>): Promise<Outcome> {
    return Promise.resolve(pending).then(
      (value) => this.#guard(execution, this.#succeed(execution, value)),
      (error: unknown) => this.#guard(execution, this.#settleError(execution, error)),
    )
  }

  #guard(execution: Execution, settling: MaybePromise<Outcome>): MaybePromise<Outcome> {
    if (!(settling instanceof Promise)) return settling
    return settling.catch((error: unknown) => this.#failInternally(execution, asError(error)))
  }

  /** Steps 2 and 3. */
  #run(execution: Execution): unknown {
    const { definition, policy } = execution
    const { beforeStart, schema } = definition.options
    const starts =
      (policy.trackStarted && execution.stores) ||
      beforeStart !== undefined ||
      schema !== undefined ||
      this.#parts.signals.has('task-prerun')
    if (starts) return this.#announce(execution).then((args) => this.#call(execution, args))
    return this.#call(execution, definition.bindArguments(execution.args, execution.kwargs))
  }

  #call(execution: Execution, args: readonly unknown[]): unknown {
    const { definition } = execution
    return this.#wrapped === undefined
      ? definition.invoke(execution, args)
      : this.#wrapped({ task: definition.name, request: execution.request, args, execution })
  }

  async #announce(execution: Execution): Promise<readonly unknown[]> {
    const { definition, policy, request } = execution
    const { beforeStart, schema } = definition.options
    const { signals } = this.#parts
    if (signals.has('task-prerun')) await signals.send('task-prerun', execution.facts)
    if (policy.trackStarted && execution.stores) {
      execution.store(STARTED, { pid: process.pid, hostname: request.hostname }, undefined)
    }
    if (beforeStart !== undefined) await this.#hook('beforeStart', () => beforeStart(execution.context))
    const args = definition.bindArguments(execution.args, request.kwargs)
    return schema === undefined ? args : validateArguments(schema, args, definition.parameters)
  }

  /** The function did its work: what fails after it must not let it run again, as an error of its own might. */
  #succeed(execution: Execution, value: unknown): MaybePromise<Outcome> {
    const { onSuccess, afterReturn } = execution.definition.options
    const waits =
      onSuccess !== undefined ||
      afterReturn !== undefined ||
      hasFollowers(execution.embed) ||
      this.#parts.signals.has('task-success')
    if (waits) return this.#succeedInSteps(execution, value)
    try {
      endWell(execution, value)
      return successOf(execution, value)
    } catch (error) {
      return this.#fail(execution, asError(error))
    }
  }

  async #succeedInSteps(execution: Execution, value: unknown): Promise<Outcome> {
    try {
      if (hasFollowers(execution.embed)) await continueWorkflow(this.#parts.host, execution.ended, value)
      endWell(execution, value)
      await this.#tellSuccess(execution, value)
      return successOf(execution, value)
    } catch (error) {
      return this.#fail(execution, asError(error))
    }
  }

  #chordsOf(execution: Execution): ChordRuntime {
    const { host, clock, logger } = this.#parts
    const store = (meta: TaskMeta): void => {
      execution.storeMeta(meta)
    }
    return { host, clock, logger, signal: execution.control.signal, store }
  }

  async #tellSuccess(execution: Execution, value: unknown): Promise<void> {
    const { onSuccess, afterReturn } = execution.definition.options
    const { signals } = this.#parts
    if (onSuccess !== undefined) await this.#hook('onSuccess', () => onSuccess(execution.context, value))
    if (signals.has('task-success')) await signals.send('task-success', { ...execution.facts, result: value })
    if (afterReturn !== undefined) {
      await this.#hook('afterReturn', () => afterReturn(execution.context, SUCCESS, value))
    }
  }

  /** What the function threw decides. */
  async #settleError(execution: Execution, thrown: unknown): Promise<Outcome> {
    const { definition, policy, request, control, progress, eager } = execution
    const reason = reasonOf(thrown, control.signal)
    // Ended from outside, which is nothing to try again for; what it means for message and result is the worker's matter.
    if (!eager && reason instanceof WorkerShutdown) return { kind: 'cancelled' }
    if (!eager && reason instanceof Terminated) return { kind: 'terminated', signal: reason.signal }
    const error = applyAutoretry(reason, request, definition.options, policy)
    if (error instanceof Retry) return this.#retry(execution, error)
    if (error instanceof Ignore) {
      progress.state = IGNORED
      return { kind: 'ignored', runtimeMs: execution.runtimeMs }
    }
    if (error instanceof Reject) {
      progress.state = REJECTED
      return { kind: 'rejected', runtimeMs: execution.runtimeMs, requeue: error.requeue, reason: error.message }
    }
    return this.#fail(execution, asError(error))
  }

  async #retry(execution: Execution, retry: Retry): Promise<Outcome> {
    const reason = retry.cause instanceof Error ? retry.cause : undefined
    const failure = failureOf(reason ?? retry)
    const { traceback } = failure
    Object.assign(execution.progress, { state: RETRY, value: reason ?? retry, traceback, plan: retry.plan })
    // Before the attempt is published: whoever runs it may be done at once, and what it stores must stay.
    if (execution.stores) {
      execution.store(RETRY, reason === undefined ? null : encodeException(reason), traceback)
    }
    const unsent = execution.eager ? undefined : await this.#publishAttempt(execution, retry)
    if (unsent !== undefined) return unsent
    await this.#tellRetry(execution, reason ?? retry, traceback)
    const attempt = String(execution.head.retries + 2)
    return { kind: 'retry', runtimeMs: execution.runtimeMs, failure, message: `${retry.message} (attempt ${attempt})` }
  }

  /** Undefined when the broker has it; else what becomes of the task instead, for it must not be lost. */
  async #publishAttempt(execution: Execution, { plan }: Retry): Promise<Outcome | undefined> {
    const { head } = execution
    try {
      await this.#parts.host.call(head.name, plan.args ?? execution.args, attemptOptions(execution, plan))
      return undefined
    } catch (error) {
      this.#parts.logger.error(`The new attempt of ${execution.label} could not be published`, { error })
      // A message that is still unacknowledged comes again; but one that cannot be published would do so for ever.
      if (!execution.policy.acksLate || !isOperational(error)) return this.#fail(execution, asError(error))
      return { kind: 'rejected', runtimeMs: execution.runtimeMs, requeue: true, reason: String(error) }
    }
  }

  async #tellRetry(execution: Execution, reason: Error, traceback: string): Promise<void> {
    const { onRetry } = execution.definition.options
    const { signals } = this.#parts
    if (onRetry !== undefined) await this.#hook('onRetry', () => onRetry(execution.context, reason))
    if (signals.has('task-retry')) await signals.send('task-retry', { ...execution.facts, reason, traceback })
  }

  async #fail(execution: Execution, error: Error): Promise<Outcome> {
    const { definition, embed, eager, policy } = execution
    const failure = failureOf(error)
    const { traceback } = failure
    Object.assign(execution.progress, { state: FAILURE, value: error, traceback, plan: undefined })
    if (execution.stores || (!eager && policy.storeErrorsEvenIfIgnored)) {
      execution.store(FAILURE, encodeException(error), traceback)
    }
    if (!eager) await this.#failFollowers(execution, error, traceback)
    if (embed.errbacks !== null) {
      const facts = { request: execution.request, error, traceback }
      await callErrbacks(this.#parts.host, execution.ended, facts, this.#parts.logger)
    }
    await this.#tellFailure(execution, error, traceback)
    const expected = isOneOf(error, definition.options.throws)
    return { kind: 'failure', runtimeMs: execution.runtimeMs, failure, expected }
  }

  /** The chord that it is a part of, and the rest of its chain. */
  async #failFollowers(execution: Execution, error: Error, traceback: string): Promise<void> {
    const { chain, chord } = execution.embed
    if (chain === null && chord === null) return
    try {
      execution.endPart(FAILURE, encodeException(error))
      await abandon(this.#chordsOf(execution), chain ?? [], error, traceback)
    } catch (reason) {
      this.#parts.logger.error(`The failure of ${execution.label} could not be told to all who wait`, { error: reason })
    }
  }

  async #tellFailure(execution: Execution, exception: Error, traceback: string): Promise<void> {
    const { onFailure, afterReturn } = execution.definition.options
    const { signals } = this.#parts
    if (onFailure !== undefined) await this.#hook('onFailure', () => onFailure(execution.context, exception))
    if (signals.has('task-failure')) await signals.send('task-failure', { ...execution.facts, exception, traceback })
    if (afterReturn !== undefined) {
      await this.#hook('afterReturn', () => afterReturn(execution.context, FAILURE, exception))
    }
  }

  /** A message whose body or task cannot be had here: a failure without an execution. */
  async #failUndecoded(delivered: Delivered, control: TraceControl, error: Error): Promise<Outcome> {
    const failure = failureOf(error)
    const taskId = delivered.head?.id ?? delivered.message.headers['id']
    if (typeof taskId === 'string') {
      const meta = failureMeta(taskId, error, failure.traceback, this.#parts.clock.now())
      control.store(this.#parts.backend.encodeResult(meta))
    }
    return { kind: 'failure', runtimeMs: 0, failure, expected: false }
  }

  /** The steps themselves broke, not the task: say so loudly, and let the worker go on. */
  async #failInternally(execution: Execution, error: Error): Promise<Outcome> {
    const { head, progress } = execution
    this.#parts.logger.critical(`Task ${execution.label} could not be brought to its end`, { error })
    Object.assign(progress, { state: FAILURE, value: error, plan: undefined })
    const facts = { taskId: head.id, task: head.name, headers: head.custom }
    await this.#parts.signals.send('task-internal-error', { ...facts, exception: error })
    return { kind: 'failure', runtimeMs: execution.runtimeMs, failure: failureOf(error), expected: false }
  }

  async #hook(name: string, call: () => void | Promise<void>): Promise<void> {
    try {
      await call()
    } catch (error) {
      this.#parts.logger.error(`The hook ${name} failed`, { error })
    }
  }
}

/** What is counted comes first, for the worker goes on in this order. */
function endWell(execution: Execution, value: unknown): void {
  execution.endPart(SUCCESS, value)
  if (execution.stores) execution.store(SUCCESS, value, undefined)
  const { progress } = execution
  progress.state = SUCCESS
  progress.value = value
}

function successOf(execution: Execution, value: unknown): Outcome {
  return { kind: 'success', runtimeMs: execution.runtimeMs, resultRepr: repr(value) }
}
