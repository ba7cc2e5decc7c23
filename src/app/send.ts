/**
 * From a call to a message on its way: options merged, route found, encoded, published. One list of verbs for one call
 * and for many; many leave in one round trip.
 */
import type { PublishOptions } from '../canvas/options.ts'
import { linksOf } from '../canvas/options.ts'
import { activeExecution } from '../context.ts'
import type { ActiveExecution } from '../context.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { Producer } from '../messaging/producer.ts'
import type { Message } from '../protocol/message.ts'
import { encodeTask, encodeTaskV1 } from '../protocol/task.ts'
import type { TaskCall } from '../protocol/task.ts'
import { AsyncResult } from '../result/async-result.ts'
import type { ResultHost } from '../result/async-result.ts'
import type { SerializationRegistry } from '../serialization/registry.ts'
import type { PublishFacts, Signals } from '../signals.ts'
import type { TaskRegistry } from '../task/registry.ts'
import type { TaskDefinition } from '../task/task.ts'
import { validateArguments } from '../task/schema.ts'
import type { Publication } from '../transport/transport.ts'
import type { Clock } from '../util/clock.ts'
import { compose } from '../util/compose.ts'
import type { Middleware } from '../util/compose.ts'
import { uuid7 } from '../util/uuid.ts'
import type { Queue } from '../messaging/queue.ts'
import type { Router } from './routes.ts'
import type { Settings } from './settings.ts'

/** One call by name. */
export interface Call {
  readonly name: string
  readonly args?: readonly unknown[]
  readonly options?: PublishOptions
}

/** What middleware around publishing sees; what it changes is what is published. */
export interface PublishContext {
  readonly task: string
  args: readonly unknown[]
  options: PublishOptions
}

export type PublishMiddleware = Middleware<PublishContext, AsyncResult>

export interface SenderParts {
  readonly settings: Settings
  readonly router: Router
  readonly tasks: TaskRegistry
  readonly serialization: SerializationRegistry
  readonly producer: Producer
  readonly signals: Signals
  readonly clock: Clock
  readonly results: ResultHost
  readonly middleware: readonly PublishMiddleware[]
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where replies to this app go (`reply_to`). */
  readonly replyTo: string
}

/** A call that is ready to go. */
interface Prepared {
  readonly id: string
  readonly publication: Publication
  readonly queue: Queue | undefined
  readonly facts: PublishFacts
  readonly options: PublishOptions
  readonly parent: ActiveExecution | undefined
}

/** Celery refuses numbers of seconds below this. */
const SMALLEST_SECONDS = -2147483648

export class Sender {
  readonly #parts: SenderParts
  readonly #publishOne: (context: PublishContext) => Promise<AsyncResult>

  constructor(parts: SenderParts) {
    this.#parts = parts
    this.#publishOne = compose(parts.middleware, async (context) => {
      const [result] = await this.#publish([await this.#prepare(context.task, context.args, context.options)])
      return result as AsyncResult
    })
  }

  /** Publish one call. */
  send(name: string, args: readonly unknown[], options: PublishOptions): Promise<AsyncResult> {
    return this.#publishOne({ task: name, args, options })
  }

  /** Publish many in one go. */
  async sendMany(calls: readonly Call[]): Promise<AsyncResult[]> {
    if (this.#parts.middleware.length > 0) {
      return Promise.all(calls.map(({ name, args = [], options = {} }) => this.send(name, args, options)))
    }
    const prepared: Prepared[] = []
    for (const { name, args = [], options = {} } of calls) {
      const call = this.#prepare(name, args, options)
      prepared.push(call instanceof Promise ? await call : call)
    }
    return this.#publish(prepared)
  }

  /** A promise only where a schema must be asked, or a serializer loaded. */
  #prepare(name: string, args: readonly unknown[], options: PublishOptions): Prepared | Promise<Prepared> {
    const { serializer, compression } = options
    if (serializer === undefined && compression === undefined) return this.#check(name, args, options)
    return this.#parts.serialization.load([serializer, compression]).then(() => this.#check(name, args, options))
  }

  #check(name: string, args: readonly unknown[], options: PublishOptions): Prepared | Promise<Prepared> {
    const definition = this.#parts.tasks.definition(name)
    if (definition === undefined) return this.#encode(name, args, options, undefined)
    if (definition.options.typing !== false) definition.bindArguments(args, options.kwargs ?? {})
    const { schema } = definition.options
    if (schema === undefined) return this.#encode(name, args, options, definition)
    // Only checked here: the worker checks again and uses what the schema makes of the arguments.
    const checked = validateArguments(
      schema,
      definition.bindArguments(args, options.kwargs ?? {}),
      definition.parameters,
    )
    const encode = (): Prepared => this.#encode(name, args, options, definition)
    return checked instanceof Promise ? checked.then(encode) : encode()
  }

  #encode(
    name: string,
    args: readonly unknown[],
    given: PublishOptions,
    definition: TaskDefinition | undefined,
  ): Prepared {
    const { settings, router, serialization } = this.#parts
    const own = definition === undefined ? given : withTaskOptions(definition, given)
    const kwargs = own.kwargs ?? {}
    const parent = activeExecution()
    const route = router.route(name, args, kwargs, own, definition)
    const options = route.options === undefined ? own : { ...route.options, ...own }
    const call = this.#describe(name, args, kwargs, options, parent)
    const encoded = settings.taskProtocol === 1 ? encodeTaskV1(call) : encodeTask(call)
    const { compression, ...body } = serialization.encodeBody(
      encoded.body,
      options.serializer ?? settings.taskSerializer,
      options.compression ?? settings.taskCompression ?? undefined,
    )
    const { headers, properties } = encoded
    if (compression !== undefined) headers['compression'] = compression
    const priority =
      route.priority ??
      (settings.taskInheritParentPriority ? parent?.priority : undefined) ??
      settings.taskDefaultPriority
    properties.delivery_mode = route.deliveryMode
    properties.priority = priority ?? 0
    const message: Message = { ...body, headers, properties }
    const { exchange, routingKey } = route
    return {
      id: call.id,
      publication: {
        exchange,
        routingKey,
        message,
        ...(typeof call.eta === 'number' ? { dueMs: call.eta } : {}),
        ...(options.mandatory === undefined ? {} : { mandatory: options.mandatory }),
      },
      queue: route.queue,
      facts: { task: name, taskId: call.id, exchange, routingKey, headers, body: encoded.body },
      options,
      parent,
    }
  }

  #describe(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: PublishOptions,
    parent: ActiveExecution | undefined,
  ): TaskCall {
    const nowMs = this.#parts.clock.now()
    const id = options.taskId ?? uuid7(nowMs)
    checkLimits(options)
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
      origin: this.#parts.origin,
      ignoreResult: options.ignoreResult,
      replacedTaskNesting: options.replacedTaskNesting,
      stampedHeaders: options.stampedHeaders,
      stamps: options.stamps,
      headers: options.headers,
      callbacks: options.link === undefined ? undefined : linksOf(options.link),
      errbacks: options.linkError === undefined ? undefined : linksOf(options.linkError),
      chain: options.chain,
      chord: options.chord,
      replyTo: options.replyTo ?? this.#parts.replyTo,
    }
  }

  async #publish(prepared: readonly Prepared[]): Promise<AsyncResult[]> {
    const { signals, producer, settings } = this.#parts
    if (signals.has('before-task-publish')) {
      for (const { facts } of prepared) await signals.send('before-task-publish', facts)
    }
    const first = prepared[0]?.options
    await producer.publish(
      prepared.map(({ publication }) => publication),
      {
        declare: queuesOf(prepared),
        retry: first?.retry ?? settings.taskPublishRetry,
        ...(first?.retryPolicy === undefined ? {} : { retryPolicy: first.retryPolicy }),
        ...(first?.signal === undefined ? {} : { signal: first.signal }),
      },
    )
    if (signals.has('after-task-publish')) {
      for (const { facts } of prepared) await signals.send('after-task-publish', facts)
    }
    return prepared.map((call) => this.#result(call))
  }

  #result({ id, options, parent }: Prepared): AsyncResult {
    const result = new AsyncResult(id, this.#parts.results, { ignored: options.ignoreResult ?? false })
    if (parent !== undefined && options.addToParent !== false) parent.children.push(result.asTuple())
    return result
  }
}

/** The options of a registered task stand behind those of the call. */
function withTaskOptions(definition: TaskDefinition, given: PublishOptions): PublishOptions {
  const { options, policy } = definition
  const { queue, exchange, routingKey, expires, deliveryMode, timeLimit, softTimeLimit } = options
  const own: Record<string, unknown> = { serializer: policy.serializer }
  if (policy.compression !== undefined) own['compression'] = policy.compression
  if (policy.priority !== undefined) own['priority'] = policy.priority
  if (policy.ignoreResult) own['ignoreResult'] = true
  if (queue !== undefined) own['queue'] = queue
  if (exchange !== undefined) own['exchange'] = exchange
  if (routingKey !== undefined) own['routingKey'] = routingKey
  if (expires !== undefined) own['expires'] = expires
  if (deliveryMode !== undefined) own['deliveryMode'] = deliveryMode
  if (timeLimit !== undefined) own['timeLimit'] = timeLimit
  if (softTimeLimit !== undefined) own['softTimeLimit'] = softTimeLimit
  return { ...own, ...given }
}

function queuesOf(prepared: readonly Prepared[]): Queue[] {
  const [first] = prepared
  if (prepared.length === 1) return first === undefined ? [] : declarable(first.queue)
  const queues = new Set<Queue>()
  for (const { queue } of prepared) for (const one of declarable(queue)) queues.add(one)
  return [...queues]
}

/** A broadcast queue is each worker's own: who publishes to it declares nothing. */
function declarable(queue: Queue | undefined): Queue[] {
  return queue === undefined || queue.broadcast ? [] : [queue]
}

function dueTime(options: PublishOptions, nowMs: number): number | undefined {
  const { eta, countdown } = options
  if (eta !== undefined) return timeOf('eta', eta)
  if (countdown === undefined || countdown === 0) return undefined
  return nowMs + secondsOf('countdown', countdown) * 1000
}

function expiryTime(expires: number | Date | undefined, nowMs: number): number | undefined {
  if (expires === undefined) return undefined
  return expires instanceof Date ? timeOf('expires', expires) : nowMs + secondsOf('expires', expires) * 1000
}

function timeOf(name: string, date: Date): number {
  const timeMs = date.getTime()
  if (Number.isNaN(timeMs)) throw new ImproperlyConfigured(`${name} is not a valid Date`)
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
