/**
 * From a call to a message on its way: arguments checked, options merged, route found, encoded, published. One list of
 * verbs for one call and for many; many leave in one round trip.
 */
import type { Replies } from '../backend/backend.ts'
import { mergeOptions } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import { activeExecution } from '../context.ts'
import type { ActiveExecution } from '../context.ts'
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { Producer } from '../messaging/producer.ts'
import type { Queue } from '../messaging/queue.ts'
import { COMPRESSION_HEADER } from '../protocol/names.ts'
import { encodeTask, encodeTaskV1, readCallFields } from '../protocol/task.ts'
import { AsyncResult } from '../result/async-result.ts'
import type { ResultHost } from '../result/async-result.ts'
import type { SerializationRegistry } from '../serialization/registry.ts'
import type { PublishFacts, Signals } from '../signals.ts'
import { hideArguments } from '../task/hidden.ts'
import type { TaskRegistry } from '../task/registry.ts'
import type { TaskDefinition } from '../task/task.ts'
import type { Once, Publication } from '../transport/transport.ts'
import type { Clock } from '../util/clock.ts'
import { compose } from '../util/compose.ts'
import type { Middleware } from '../util/compose.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { uuid7 } from '../util/uuid.ts'
import { describeCall } from './call.ts'
import type { Call } from './call.ts'
import type { Route, Router } from './routes.ts'
import type { Settings } from './settings.ts'

export type { Call }

/** What middleware around publishing sees; what it changes is what is published. */
export interface PublishContext {
  /** The task's name. */
  readonly task: string
  args: readonly unknown[]
  options: PublishOptions
  /** See `Call.once`. */
  readonly once?: Once | undefined
}

/** Wraps the publishing of one call: may look, change, delay or refuse (throw). */
export type PublishMiddleware = Middleware<PublishContext, AsyncResult>

/** What a sender is made of. */
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
  /** How to make ready for results; undefined where nothing is to be done, or nothing was asked of the backend yet. */
  readonly replies: () => Replies | undefined
  /** What `task-sent` events leave by (`taskSendSentEvent`). */
  readonly events: () => EventDispatcher
}

/** A call whose way is known. */
interface Draft {
  readonly name: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: PublishOptions
  readonly route: Route
  readonly serializer: string
  readonly compression: string | undefined
  readonly parent: ActiveExecution | undefined
  readonly once: Once | undefined
}

/** A call that is ready to go. */
interface Prepared {
  readonly id: string
  readonly draft: Draft
  readonly body: unknown
  readonly publication: Publication
}

/** Sends calls. */
export class Sender {
  readonly #parts: SenderParts
  readonly #publishOne: (context: PublishContext) => Promise<AsyncResult>
  /** Calls that were made and are not answered yet. */
  #underWay = 0
  #idle: Deferred<void> | undefined

  constructor(parts: SenderParts) {
    this.#parts = parts
    this.#publishOne = compose(parts.middleware, async ({ task, args, options, once }) => {
      const [result] = await this.#publish([await this.#prepare(task, args, options, once)])
      return result as AsyncResult
    })
  }

  /** Publish one call. Resolves once the broker has it. */
  async send(name: string, args: readonly unknown[], options: PublishOptions, once?: Once): Promise<AsyncResult> {
    this.#underWay += 1
    try {
      return await this.#publishOne({ task: name, args, options, once })
    } finally {
      this.#ended()
    }
  }

  /** Publish many in one go. Resolves once the broker has them all. */
  async sendMany(calls: readonly Call[]): Promise<AsyncResult[]> {
    if (this.#parts.middleware.length > 0) {
      return Promise.all(calls.map(({ name, args = [], options = {}, once }) => this.send(name, args, options, once)))
    }
    this.#underWay += 1
    try {
      const prepared: Prepared[] = []
      for (const { name, args = [], options = {}, once } of calls) {
        const call = this.#prepare(name, args, options, once)
        prepared.push(call instanceof Promise ? await call : call)
      }
      return await this.#publish(prepared)
    } finally {
      this.#ended()
    }
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await (this.#idle ??= deferred()).promise
  }

  #ended(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  /** A promise only where a schema must be asked, or a serializer loaded. */
  #prepare(
    name: string,
    args: readonly unknown[],
    given: PublishOptions,
    once: Once | undefined,
  ): Prepared | Promise<Prepared> {
    const definition = this.#parts.tasks.definition(name)
    const checking = definition?.check(args, given.kwargs ?? {})
    const composed = (): Prepared | Promise<Prepared> => this.#compose(this.#draft(name, args, given, definition, once))
    return checking === undefined ? composed() : checking.then(composed)
  }

  #compose(draft: Draft): Prepared | Promise<Prepared> {
    const { serialization } = this.#parts
    const { serializer, compression } = draft
    if (serialization.isLoaded(serializer) && (compression === undefined || serialization.isLoaded(compression))) {
      return this.#encode(draft)
    }
    return serialization.load([serializer, compression]).then(() => this.#encode(draft))
  }

  /** The call's options win over the task's, and those over the route's. */
  #draft(
    name: string,
    args: readonly unknown[],
    given: PublishOptions,
    definition: TaskDefinition | undefined,
    once: Once | undefined,
  ): Draft {
    const { settings, router } = this.#parts
    const own = definition === undefined ? given : mergeOptions(definition.callOptions, given)
    const kwargs = own.kwargs ?? {}
    const route = router.route(own.routeName ?? name, args, kwargs, own, definition)
    const routed = route.options === undefined ? own : mergeOptions(route.options, own)
    const shown = definition === undefined ? undefined : hideArguments(definition, args, kwargs)
    const options = shown === undefined ? routed : { ...shown, ...routed }
    const active = activeExecution()
    return {
      name,
      args,
      kwargs,
      options,
      route,
      serializer: options.serializer ?? settings.taskSerializer,
      compression: options.compression ?? settings.taskCompression ?? undefined,
      // A new attempt of the running task is not its child.
      parent: active?.taskId === options.taskId ? undefined : active,
      once,
    }
  }

  #encode(draft: Draft): Prepared {
    const { name, args, kwargs, options, route, parent, once } = draft
    const { settings, serialization, clock, origin, replyTo } = this.#parts
    const nowMs = clock.now()
    const call = describeCall(name, args, kwargs, options, { newId: uuid7, nowMs, origin, replyTo, parent })
    const { headers, properties, body } = (settings.taskProtocol === 1 ? encodeTaskV1 : encodeTask)(call, { nowMs })
    const encoded = serialization.encodeBody(body, draft.serializer, draft.compression)
    const { contentType, contentEncoding, compression } = encoded
    if (compression !== undefined) headers[COMPRESSION_HEADER] = compression
    properties.delivery_mode = route.deliveryMode
    properties.priority = route.priority ?? parent?.priority ?? settings.taskDefaultPriority ?? 0
    const { exchange, routingKey } = route
    const publication: Publication = {
      exchange,
      routingKey,
      message: { body: encoded.body, contentType, contentEncoding, headers, properties },
      ...(typeof call.eta === 'number' ? { dueMs: call.eta } : {}),
      ...(options.mandatory === undefined ? {} : { mandatory: options.mandatory }),
      ...(once === undefined ? {} : { once }),
    }
    return { id: call.id, draft, body, publication }
  }

  async #publish(prepared: readonly Prepared[]): Promise<AsyncResult[]> {
    await this.#tell('before-task-publish', prepared)
    this.#expectReplies(prepared)
    const jobs = runsOf(prepared)
    if (jobs.length === 1) await this.#hand(prepared)
    // The producer sends what it is handed in one turn in one go.
    else await Promise.all(jobs.map((job) => this.#hand(job)))
    await this.#tell('after-task-publish', prepared)
    if (this.#parts.settings.taskSendSentEvent) await this.#tellMonitors(prepared)
    return prepared.map((call) => this.#result(call))
  }

  #hand(job: readonly Prepared[]): Promise<void> {
    const { retry = this.#parts.settings.taskPublishRetry, retryPolicy, signal } = job[0]?.draft.options ?? {}
    return this.#parts.producer.publish(
      job.map(({ publication }) => publication),
      {
        declare: this.#queuesOf(job),
        retry,
        ...(retryPolicy === undefined ? {} : { retryPolicy }),
        ...(signal === undefined ? {} : { signal }),
      },
    )
  }

  /** Only now, for they are waited for a short time only. */
  #expectReplies(prepared: readonly Prepared[]): void {
    const replies = this.#parts.replies()
    if (replies === undefined) return
    const wanted = prepared.filter((call) => this.#wantsReply(call))
    const address = replies.expect(wanted.map(({ id }) => id))
    if (address === undefined) return
    for (const { publication } of wanted) publication.message.properties.reply_to = address
  }

  /** Its result is to come back here. */
  #wantsReply({ draft: { options } }: Prepared): boolean {
    const { replyTo } = this.#parts
    return (options.replyTo ?? replyTo) === replyTo && options.ignoreResult !== true
  }

  #queuesOf(prepared: readonly Prepared[]): Queue[] {
    const queue = this.#parts.replies()?.queue
    const queues = queuesOf(prepared)
    if (queue !== undefined && prepared.some((call) => this.#wantsReply(call))) queues.push(queue)
    return queues
  }

  async #tell(signal: 'before-task-publish' | 'after-task-publish', prepared: readonly Prepared[]): Promise<void> {
    const { signals } = this.#parts
    if (!signals.has(signal)) return
    for (const call of prepared) await signals.send(signal, factsOf(call))
  }

  /** Awaited, for many a caller ends when its call is made. What cannot be told is kept, and never fails a call. */
  async #tellMonitors(prepared: readonly Prepared[]): Promise<void> {
    const events = this.#parts.events()
    const telling = prepared.map(({ id, body, draft: { route, options }, publication }) => {
      const { exchange, routingKey, message } = publication
      const fields = readCallFields(id, message.headers, body)
      return events.publish('task-sent', {
        ...fields,
        // In protocol 1 the message has no place for them.
        args: options.argsrepr ?? fields.args,
        kwargs: options.kwargsrepr ?? fields.kwargs,
        queue: route.queue?.name ?? '',
        exchange,
        routing_key: routingKey,
      })
    })
    await Promise.all(telling)
  }

  #result({ id, draft: { options, parent } }: Prepared): AsyncResult {
    const result = new AsyncResult(id, this.#parts.results, { ignored: options.ignoreResult ?? false })
    if (parent !== undefined && options.addToParent !== false) parent.children.push(result.asTuple())
    return result
  }
}

function factsOf({ id, draft, body, publication }: Prepared): PublishFacts {
  const { exchange, routingKey, message } = publication
  return { task: draft.name, taskId: id, exchange, routingKey, headers: message.headers, body }
}

/** Neighbours whose options say the same about how they are published. */
function runsOf(prepared: readonly Prepared[]): (readonly Prepared[])[] {
  const runs: Prepared[][] = []
  let options: PublishOptions | undefined
  for (const call of prepared) {
    const own = call.draft.options
    const same =
      options?.retry === own.retry && options?.retryPolicy === own.retryPolicy && options?.signal === own.signal
    if (same && options !== undefined) runs.at(-1)?.push(call)
    else runs.push([call])
    options = own
  }
  return runs
}

function queuesOf(prepared: readonly Prepared[]): Queue[] {
  const [first] = prepared
  if (prepared.length === 1) return first === undefined ? [] : declarable(first)
  return [...new Set(prepared.flatMap(declarable))]
}

/** A broadcast queue is each worker's own: who publishes to it declares nothing. */
function declarable({ draft: { route } }: Prepared): Queue[] {
  return route.queue === undefined || route.queue.broadcast ? [] : [route.queue]
}
