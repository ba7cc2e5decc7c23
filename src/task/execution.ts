/**
 * Execution: one run of a task and all that its steps share, also with the code below it (`activeExecution()`). Knows
 * what is to be said of the run; in which order things happen to it is `trace.ts`.
 */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import type { EndedTask } from '../canvas/continue.ts'
import type { ActiveExecution } from '../context.ts'
import type { RetryPlan } from '../errors.ts'
import type { Body, Message } from '../protocol/message.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import type { ResultTuple, TaskMeta, TaskMetaFields } from '../protocol/result.ts'
import { STARTED } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import type { TaskFacts } from '../signals.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { TaskContext } from './context.ts'
import type { TaskPolicy } from './options.ts'
import { TaskRequest } from './request.ts'
import type { RequestDeliveryInfo } from './request.ts'
import type { TaskDefinition, TaskHost } from './task.ts'

/** What the outside lends to one run. */
export interface TraceControl {
  readonly signal: AbortSignal
  store(result: EncodedResult): void
  /** Takes what a part of a chord says at its end. */
  endPart(body: Body): void
}

/** What a run is begun with, however it came. */
export interface RunFields {
  readonly head: TaskHead
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: TaskEmbed
  readonly message: Pick<Message, 'properties'>
  readonly deliveryInfo: RequestDeliveryInfo
  /** The worker's node name. */
  readonly hostname: string
}

/** What all runs have in common. */
export interface ExecutionParts {
  readonly host: TaskHost
  readonly logger: Logger
  readonly clock: Clock
  readonly backend: ResultBackend
  /** Store name, arguments, worker, retries and queue too (`resultExtended`). */
  readonly resultExtended: boolean
  /** Callbacks get this task's priority (`taskInheritParentPriority`). */
  readonly inheritPriority: boolean
  /** Waiting for a result in a task may take the last slot. */
  readonly joinWillBlock: boolean
}

/** How a run stands: written by the steps, read when it has ended. */
export interface Progress {
  state: TaskState
  /** What the task returned, or the error that it ended with. */
  value: unknown
  traceback: string | undefined
  /** Set where the task asked to be tried again. */
  plan: RetryPlan | undefined
}

/** One run. Also what code below the task sees of it. */
export class Execution implements ActiveExecution {
  readonly definition: TaskDefinition
  readonly policy: TaskPolicy
  readonly head: TaskHead
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: TaskEmbed
  readonly control: TraceControl
  readonly children: ResultTuple[] = []
  /** There was no message: the task runs in its caller's process, at once. */
  readonly eager: boolean
  /** Somebody may want the result. */
  readonly stores: boolean
  readonly progress: Progress = { state: STARTED, value: undefined, traceback: undefined, plan: undefined }
  readonly #fields: RunFields
  readonly #parts: ExecutionParts
  readonly #startedMs: number
  #request: TaskRequest | undefined
  #context: TaskContext | undefined

  constructor(
    definition: TaskDefinition,
    fields: RunFields,
    control: TraceControl,
    parts: ExecutionParts,
    eager: boolean,
  ) {
    const { head } = fields
    const { policy } = definition
    const wanted = !(head.ignoreResult || policy.ignoreResult)
    this.definition = definition
    this.policy = policy
    this.head = head
    this.args = fields.args
    this.kwargs = fields.kwargs
    this.embed = fields.embed
    this.control = control
    this.eager = eager
    this.stores = wanted && (!eager || policy.storeEagerResult)
    this.#fields = fields
    this.#parts = parts
    this.#startedMs = parts.clock.monotonic()
  }

  /** The task's id. */
  get taskId(): string {
    return this.head.id
  }

  /** The id of the task that began the work-flow. */
  get rootId(): string {
    return this.head.rootId ?? this.head.id
  }

  /** What the calls that it makes inherit. */
  get priority(): number | undefined {
    return this.#parts.inheritPriority ? (this.#fields.deliveryInfo.priority ?? undefined) : undefined
  }

  /** May waiting for a result in here take the last slot? */
  get joinWillBlock(): boolean {
    return this.#parts.joinWillBlock
  }

  /** Made when somebody asks for it, like the context. */
  get request(): TaskRequest {
    return (this.#request ??= new TaskRequest({
      ...this.#fields,
      properties: this.#fields.message.properties,
      isEager: this.eager,
      calledDirectly: false,
    }))
  }

  /** `self`. */
  get context(): TaskContext {
    return (this.#context ??= new TaskContext({
      app: this.#parts.host,
      host: this.#parts.host,
      taskName: this.head.name,
      request: this.request,
      limits: this.policy,
      logger: this.#parts.logger,
      signal: () => this.control.signal,
      storeState: ({ state, meta }) => {
        this.store(state, meta ?? null, undefined)
      },
      sendEvent: (type, fields) => this.#parts.host.sendEvent(type, fields, this.#fields.hostname),
    }))
  }

  /** What listeners are told of it. */
  get facts(): TaskFacts {
    return { taskId: this.head.id, task: this.head.name, args: this.args, kwargs: this.kwargs }
  }

  /** What its followers need to know. */
  get ended(): EndedTask {
    return { id: this.head.id, rootId: this.rootId, embed: this.embed, priority: this.priority }
  }

  /** For logs, as Celery writes it. */
  get label(): string {
    return `${this.head.name}[${this.head.id}]`
  }

  /** Since it began. */
  get runtimeMs(): number {
    return this.#parts.clock.monotonic() - this.#startedMs
  }

  /** Where it is a part of a chord, hand over how it ended. Throws `EncodeError` for a value that has no form. */
  endPart(status: TaskState, result: unknown): void {
    const { chords } = this.#parts.backend
    if (this.embed.chord === null || this.eager || chords === undefined) return
    this.control.endPart(chords.encodePart({ taskId: this.head.id, status, result }))
  }

  /** Hand over a document of this state. Throws `EncodeError` for a value that has no form. */
  store(status: TaskState, result: unknown, traceback: string | undefined): void {
    this.storeMeta(this.#meta(status, result, traceback))
  }

  /** Hand over any document. */
  storeMeta(meta: TaskMeta): void {
    this.control.store(this.#parts.backend.encodeResult(meta))
  }

  #meta(status: TaskState, result: unknown, traceback: string | undefined): TaskMeta {
    const { head, children } = this
    const fields: TaskMetaFields = {
      taskId: head.id,
      status,
      result,
      traceback,
      children,
      groupId: head.group,
      parentId: head.parentId,
      stampedHeaders: head.stampedHeaders,
      stamps: head.stamps,
    }
    const nowMs = this.#parts.clock.now()
    return encodeTaskMeta(this.#parts.resultExtended ? { ...fields, ...this.#extension() } : fields, nowMs)
  }

  #extension(): Partial<TaskMetaFields> {
    const { hostname, deliveryInfo } = this.#fields
    return {
      name: this.head.name,
      args: this.args,
      kwargs: this.kwargs,
      worker: hostname,
      retries: this.head.retries,
      queue: deliveryInfo.routing_key,
    }
  }
}
