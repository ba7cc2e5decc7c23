/**
 * Trace (Celery's word): run one task to its `Outcome`. A pipe of named steps over an `Execution` record:
 *
 *  1. `begin`    decode the body, bind the arguments, make the request and its context
 *  2. `announce` signal `task-prerun`, state STARTED, hook `beforeStart`
 *  3. `call`     middleware around the user's function
 *  4. `succeed`  followers (callbacks, next link) first, so that children are known; then the result; then hooks
 *     `retry`    publish the new attempt, then state RETRY
 *     `fail`     the failure, the rest of the chain, errbacks, hooks
 *  5. `finish`   signal `task-postrun`
 *
 * What happens to the message is not decided here but by the worker, which reads the `Outcome`.
 */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { callErrbacks, continueWorkflow, hasFollowers } from '../canvas/continue.ts'
import type { EndedTask } from '../canvas/continue.ts'
import { runInExecution } from '../context.ts'
import type { ActiveExecution } from '../context.ts'
import { Ignore, NotRegistered, Reject, Retry, Terminated, WorkerShutdown } from '../errors.ts'
import type { RetryPlan } from '../errors.ts'
import { encodeException, exceptionRepr, tracebackText } from '../protocol/exception.ts'
import type { Message } from '../protocol/message.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import type { ResultTuple } from '../protocol/result.ts'
import { FAILURE, IGNORED, REJECTED, RETRY, STARTED, SUCCESS } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { decodeTaskBody, decodeTaskHead } from '../protocol/task.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import type { Signals, TaskFacts } from '../signals.ts'
import { compose } from '../util/compose.ts'
import type { Middleware } from '../util/compose.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { repr } from '../util/repr.ts'
import { TaskContext } from './context.ts'
import type { StateUpdate } from './context.ts'
import type { TaskPolicy } from './options.ts'
import type { Failure, Outcome } from './outcome.ts'
import type { TaskRegistry } from './registry.ts'
import { TaskRequest } from './request.ts'
import type { RequestDeliveryInfo } from './request.ts'
import { applyAutoretry, isOneOf } from './autoretry.ts'
import { validateArguments } from './schema.ts'
import type { TaskDefinition, TaskHost } from './task.ts'

/** A delivered task message, as the worker hands it over. */
export interface Delivered {
  readonly message: Message
  readonly deliveryInfo: RequestDeliveryInfo
  /** The worker's node name. */
  readonly hostname: string
  /** The decoded headers, where they did not have to cross to another process. */
  readonly head?: TaskHead | undefined
}

/** What the outside lends to one run. */
export interface TraceControl {
  readonly signal: AbortSignal
  store(result: EncodedResult): Promise<void>
}

/** What middleware around a run sees. */
export interface RunContext {
  readonly task: string
  readonly request: TaskRequest
  readonly args: readonly unknown[]
}

export type RunMiddleware = Middleware<RunContext, unknown>

export interface TracerParts {
  readonly host: TaskHost
  readonly tasks: TaskRegistry
  readonly signals: Signals
  readonly logger: Logger
  readonly clock: Clock
  readonly backend: ResultBackend
  readonly middleware: readonly RunMiddleware[]
  /** Decode a body by its content type; throws what the accept list refuses. */
  readonly decode: (message: Message) => unknown
  /** Store name, arguments, worker, retries and queue too (`resultExtended`). */
  readonly resultExtended: boolean
  /** Callbacks get this task's priority (`taskInheritParentPriority`). */
  readonly inheritPriority: boolean
  /** Waiting for a result in a task may take the last slot. */
  readonly joinWillBlock: boolean
  /** The IANA zone of times without an offset (`timezone`). */
  readonly zone: string
}

/** A run that was made without a message (`apply()`): the value itself, not its encoded form. */
export interface EagerRun {
  readonly state: TaskState
  readonly value: unknown
  readonly traceback: string | undefined
  /** Set where the task asked to be tried again. */
  readonly plan: RetryPlan | undefined
}

/** All that the steps share about one run. */
interface Execution {
  readonly definition: TaskDefinition
  readonly policy: TaskPolicy
  readonly head: TaskHead
  readonly args: readonly unknown[]
  readonly embed: TaskEmbed
  readonly request: TaskRequest
  readonly control: TraceControl
  readonly children: ResultTuple[]
  readonly startedMs: number
  readonly stores: boolean
  readonly eager: boolean
  context: TaskContext | undefined
  state: TaskState
  value: unknown
  traceback: string | undefined
  plan: RetryPlan | undefined
}

/** What a run is begun with, however it came. */
export interface RunFields {
  readonly head: TaskHead
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: TaskEmbed
  readonly message: Pick<Message, 'properties'>
  readonly deliveryInfo: RequestDeliveryInfo
  readonly hostname: string
}

export class Tracer {
  readonly #parts: TracerParts
  readonly #call: (run: RunContext & { readonly execution: Execution }) => unknown

  constructor(parts: TracerParts) {
    this.#parts = parts
    const core = (run: RunContext & { readonly execution: Execution }): unknown =>
      run.execution.definition.invoke(this.#contextOf(run.execution), run.args)
    // Without middleware a run costs no promise of ours.
    this.#call =
      parts.middleware.length === 0
        ? core
        : compose<RunContext & { readonly execution: Execution }, unknown>(parts.middleware, async (run) => core(run))
  }

  /** Run a delivered message. Never rejects. */
  async run(delivered: Delivered, control: TraceControl): Promise<Outcome> {
    const { message } = delivered
    let execution: Execution
    try {
      const head = delivered.head ?? decodeTaskHead(message.headers, message.properties, this.#parts.zone)
      const { args, kwargs, embed } = decodeTaskBody(this.#parts.decode(message))
      execution = this.#begin({ ...delivered, head, args, kwargs, embed }, control, false)
    } catch (error) {
      return this.#failUndecoded(delivered, control, error)
    }
    try {
      return await runInExecution(this.#activate(execution), () => this.#work(execution))
    } catch (error) {
      return this.#failInternally(execution, error)
    }
  }

  /** Run a call that never was a message. Never rejects. */
  async runEagerly(fields: RunFields, control: TraceControl): Promise<EagerRun> {
    const execution = this.#begin(fields, control, true)
    await runInExecution(this.#activate(execution), () => this.#work(execution))
    const { state, value, traceback, plan } = execution
    return { state, value, traceback, plan }
  }

  #begin(fields: RunFields, control: TraceControl, eager: boolean): Execution {
    const { head, embed } = fields
    const definition = this.#parts.tasks.definition(head.name)
    if (definition === undefined) throw new NotRegistered(head.name)
    const { policy } = definition
    return {
      definition,
      policy,
      head,
      args: fields.args,
      embed,
      request: new TaskRequest({
        head,
        args: fields.args,
        kwargs: fields.kwargs,
        embed,
        properties: fields.message.properties,
        deliveryInfo: fields.deliveryInfo,
        hostname: fields.hostname,
        isEager: eager,
        calledDirectly: false,
      }),
      control,
      children: [],
      startedMs: this.#parts.clock.monotonic(),
      stores: eager ? policy.storeEagerResult : !(head.ignoreResult || policy.ignoreResult),
      eager,
      context: undefined,
      state: STARTED,
      value: undefined,
      traceback: undefined,
      plan: undefined,
    }
  }

  /** The ambient record, which makes the context only when somebody asks for it. */
  #activate(execution: Execution): ActiveExecution {
    const contextOf = (): TaskContext => this.#contextOf(execution)
    return {
      taskId: execution.head.id,
      rootId: execution.head.rootId ?? execution.head.id,
      priority: this.#parts.inheritPriority ? (execution.request.deliveryInfo.priority ?? undefined) : undefined,
      children: execution.children,
      joinWillBlock: this.#parts.joinWillBlock,
      get context() {
        return contextOf()
      },
    }
  }

  #contextOf(execution: Execution): TaskContext {
    return (execution.context ??= new TaskContext({
      app: this.#parts.host,
      taskName: execution.head.name,
      request: execution.request,
      limits: execution.policy,
      logger: this.#parts.logger,
      signal: () => execution.control.signal,
      storeState: (update) => this.#storeState(execution, update),
    }))
  }

  async #work(execution: Execution): Promise<Outcome> {
    let outcome: Outcome
    try {
      outcome = await this.#succeed(execution, await this.#run(execution))
    } catch (error) {
      outcome = await this.#settleError(execution, error)
    }
    if (this.#parts.signals.has('task-postrun')) {
      const { state, value: retval } = execution
      await this.#parts.signals.send('task-postrun', { ...factsOf(execution), state, retval })
    }
    return outcome
  }

  /** Steps 2 and 3. A promise only where there is something to wait for. */
  #run(execution: Execution): unknown {
    const { definition, policy, request } = execution
    const ready =
      (policy.trackStarted && execution.stores) ||
      definition.options.beforeStart !== undefined ||
      definition.options.schema !== undefined ||
      this.#parts.signals.has('task-prerun')
    if (ready)
      return this.#announce(execution).then((args) => this.#call({ task: definition.name, request, args, execution }))
    const args = definition.bindArguments(execution.args, request.kwargs)
    return this.#call({ task: definition.name, request, args, execution })
  }

  async #announce(execution: Execution): Promise<readonly unknown[]> {
    const { definition, policy, request } = execution
    const { signals } = this.#parts
    if (signals.has('task-prerun')) await signals.send('task-prerun', factsOf(execution))
    if (policy.trackStarted && execution.stores) {
      await this.#store(execution, STARTED, { pid: process.pid, hostname: request.hostname }, undefined)
    }
    await this.#hook('beforeStart', () => definition.options.beforeStart?.(this.#contextOf(execution)))
    const args = definition.bindArguments(execution.args, request.kwargs)
    return definition.options.schema === undefined
      ? args
      : validateArguments(definition.options.schema, args, definition.parameters)
  }

  async #succeed(execution: Execution, value: unknown): Promise<Outcome> {
    const { definition } = execution
    if (hasFollowers(execution.embed)) await continueWorkflow(this.#parts.host, this.#endedTask(execution), value)
    if (execution.stores) await this.#store(execution, SUCCESS, value, undefined)
    execution.state = SUCCESS
    execution.value = value
    const { onSuccess, afterReturn } = definition.options
    if (onSuccess !== undefined) await this.#hook('onSuccess', () => onSuccess(this.#contextOf(execution), value))
    if (this.#parts.signals.has('task-success')) {
      await this.#parts.signals.send('task-success', { ...factsOf(execution), result: value })
    }
    if (afterReturn !== undefined)
      await this.#hook('afterReturn', () => afterReturn(this.#contextOf(execution), SUCCESS, value))
    return { kind: 'success', runtimeMs: this.#runtime(execution), resultRepr: repr(value) }
  }

  async #settleError(execution: Execution, thrown: unknown): Promise<Outcome> {
    const { definition, policy, request, control } = execution
    const error = applyAutoretry(reasonOf(thrown, control.signal), request, definition.options, policy)
    if (error instanceof Retry) return this.#retry(execution, error)
    if (error instanceof Ignore) {
      execution.state = IGNORED
      return { kind: 'ignored', runtimeMs: this.#runtime(execution) }
    }
    if (error instanceof Reject) {
      execution.state = REJECTED
      return { kind: 'rejected', runtimeMs: this.#runtime(execution), requeue: error.requeue, reason: error.message }
    }
    // Ended from outside: what that means for message and result is the worker's matter.
    if (error instanceof WorkerShutdown) return { kind: 'cancelled' }
    if (error instanceof Terminated) return { kind: 'terminated', signal: error.signal }
    return this.#fail(execution, error)
  }

  async #retry(execution: Execution, retry: Retry): Promise<Outcome> {
    const { definition, head, request } = execution
    const reason = retry.cause instanceof Error ? retry.cause : undefined
    const failure = failureOf(reason ?? retry)
    execution.state = RETRY
    execution.value = reason ?? retry
    execution.traceback = failure.traceback
    execution.plan = retry.plan
    if (!execution.eager) {
      try {
        await this.#parts.host.call(head.name, retry.plan.args ?? execution.args, retryOptions(execution, retry.plan))
      } catch (error) {
        // Not lost: a message that is still unacknowledged comes again, any other becomes a failure that says why.
        this.#parts.logger.error(`The new attempt of ${head.name}[${head.id}] could not be published`, { error })
        if (execution.policy.acksLate) {
          return { kind: 'rejected', runtimeMs: this.#runtime(execution), requeue: true, reason: String(error) }
        }
        return this.#fail(execution, error)
      }
    }
    if (execution.stores)
      await this.#store(execution, RETRY, reason === undefined ? null : encodeException(reason), failure.traceback)
    const { onRetry } = definition.options
    if (onRetry !== undefined) await this.#hook('onRetry', () => onRetry(this.#contextOf(execution), reason ?? retry))
    if (this.#parts.signals.has('task-retry')) {
      await this.#parts.signals.send('task-retry', {
        ...factsOf(execution),
        reason: reason ?? retry,
        traceback: failure.traceback,
      })
    }
    return {
      kind: 'retry',
      runtimeMs: this.#runtime(execution),
      failure,
      message: `${retry.message} (attempt ${String(request.retries + 2)})`,
    }
  }

  async #fail(execution: Execution, thrown: unknown): Promise<Outcome> {
    const { definition, embed, request } = execution
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const failure = failureOf(error)
    execution.state = FAILURE
    execution.value = error
    execution.traceback = failure.traceback
    if (execution.stores || (!execution.eager && execution.policy.storeErrorsEvenIfIgnored)) {
      await this.#store(execution, FAILURE, encodeException(error), failure.traceback)
    }
    await this.#failRestOfChain(execution, error, failure.traceback)
    if (embed.errbacks !== null) {
      await callErrbacks(
        this.#parts.host,
        this.#endedTask(execution),
        { request, error, traceback: failure.traceback },
        this.#parts.logger,
      )
    }
    const { onFailure, afterReturn } = definition.options
    if (onFailure !== undefined) await this.#hook('onFailure', () => onFailure(this.#contextOf(execution), error))
    if (this.#parts.signals.has('task-failure')) {
      await this.#parts.signals.send('task-failure', {
        ...factsOf(execution),
        exception: error,
        traceback: failure.traceback,
      })
    }
    if (afterReturn !== undefined)
      await this.#hook('afterReturn', () => afterReturn(this.#contextOf(execution), FAILURE, error))
    return {
      kind: 'failure',
      runtimeMs: this.#runtime(execution),
      failure,
      expected: isOneOf(error, definition.options.throws),
    }
  }

  /** The links that will never run get the same failure, so that nobody waits for them in vain. */
  async #failRestOfChain(execution: Execution, error: Error, traceback: string): Promise<void> {
    for (const link of execution.embed.chain ?? []) {
      const taskId = link.options.task_id
      if (taskId === undefined || execution.eager) continue
      const meta = encodeTaskMeta(
        { taskId, status: FAILURE, result: encodeException(error), traceback, children: [] },
        this.#parts.clock.now(),
      )
      await execution.control.store(this.#parts.backend.encodeResult(meta))
    }
  }

  /** A message whose body or task cannot be had here: a failure without an execution. */
  async #failUndecoded(delivered: Delivered, control: TraceControl, thrown: unknown): Promise<Outcome> {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const failure = failureOf(error)
    const taskId = delivered.head?.id ?? delivered.message.headers['id']
    if (typeof taskId === 'string') {
      const meta = encodeTaskMeta(
        { taskId, status: FAILURE, result: encodeException(error), traceback: failure.traceback, children: [] },
        this.#parts.clock.now(),
      )
      await control.store(this.#parts.backend.encodeResult(meta))
    }
    return { kind: 'failure', runtimeMs: 0, failure, expected: false }
  }

  /** The steps themselves broke, not the task: say so loudly, and let the worker go on. */
  async #failInternally(execution: Execution, thrown: unknown): Promise<Outcome> {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const { head } = execution
    this.#parts.logger.critical(`Task ${head.name}[${head.id}] could not be brought to its end`, { error })
    await this.#parts.signals.send('task-internal-error', {
      taskId: head.id,
      task: head.name,
      headers: head.custom,
      exception: error,
    })
    return { kind: 'failure', runtimeMs: this.#runtime(execution), failure: failureOf(error), expected: false }
  }

  async #storeState(execution: Execution, update: StateUpdate): Promise<void> {
    await this.#store(execution, update.state, update.meta ?? null, undefined)
  }

  #store(execution: Execution, status: TaskState, result: unknown, traceback: string | undefined): Promise<void> {
    return execution.control.store(this.#encode(execution, status, result, traceback))
  }

  #encode(execution: Execution, status: TaskState, result: unknown, traceback: string | undefined): EncodedResult {
    const { head, request, children } = execution
    const fields = {
      taskId: head.id,
      status,
      result,
      traceback,
      children,
      groupId: head.group,
      parentId: head.parentId,
    }
    const extended = this.#parts.resultExtended
      ? {
          name: head.name,
          args: execution.args,
          kwargs: request.kwargs,
          worker: request.hostname,
          retries: head.retries,
          queue: request.deliveryInfo.routing_key,
        }
      : undefined
    const stamps = head.stampedHeaders === undefined ? {} : { stampedHeaders: head.stampedHeaders, stamps: head.stamps }
    return this.#parts.backend.encodeResult(
      encodeTaskMeta({ ...fields, ...extended, ...stamps }, this.#parts.clock.now()),
    )
  }

  #endedTask(execution: Execution): EndedTask {
    const { head, embed, request } = execution
    const priority = this.#parts.inheritPriority ? (request.deliveryInfo.priority ?? undefined) : undefined
    return { id: head.id, rootId: head.rootId ?? head.id, embed, priority }
  }

  #runtime(execution: Execution): number {
    return this.#parts.clock.monotonic() - execution.startedMs
  }

  async #hook(name: string, call: () => void | Promise<void>): Promise<void> {
    try {
      await call()
    } catch (error) {
      this.#parts.logger.error(`The hook ${name} failed`, { error })
    }
  }
}

function factsOf(execution: Execution): TaskFacts {
  return {
    taskId: execution.head.id,
    task: execution.head.name,
    args: execution.args,
    kwargs: execution.request.kwargs,
  }
}

/** An abort is told by its reason: what a limit or a revoke said, not the AbortError of whatever listened to it. */
function reasonOf(thrown: unknown, signal: AbortSignal): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'AbortError' || !signal.aborted) return thrown
  return signal.reason instanceof Error ? signal.reason : thrown
}

/** The facts of an error that logs, events and documents need. */
export function failureOf(error: Error): Failure {
  const document = encodeException(error)
  const message = document.exc_message
  return {
    excType: document.exc_type,
    excMessage: Array.isArray(message) ? (message as unknown[]) : [message],
    excModule: document.exc_module,
    repr: exceptionRepr(document),
    traceback: tracebackText(error),
  }
}

/** What a new attempt takes over from the one before (`Context.as_execution_options` and `Task.retry`). */
function retryOptions(execution: Execution, plan: RetryPlan): Record<string, unknown> {
  const { head, embed, request } = execution
  const { exchange, routing_key: routingKey, priority } = request.deliveryInfo
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
    addToParent: false,
    ...(exchange === '' ? { queue: routingKey } : { exchange, routingKey }),
    kwargs: plan.kwargs ?? request.kwargs,
    ...(plan.eta === undefined ? { countdown: plan.countdown ?? 0 } : { eta: plan.eta }),
    ...plan.options,
  }
}
