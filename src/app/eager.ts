/** Eager runs: a task in this process, at once, with everything a worker would do for it but the message. */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { storeResult } from '../backend/storing.ts'
import { linksOf } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import { activeExecution } from '../context.ts'
import { RETRY } from '../protocol/states.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import type { ResultHost } from '../result/async-result.ts'
import { EagerResult } from '../result/eager-result.ts'
import type { SerializationRegistry } from '../serialization/registry.ts'
import type { RunFields } from '../task/execution.ts'
import { bareHead } from '../task/request.ts'
import type { TaskDefinition } from '../task/task.ts'
import type { Tracer } from '../task/trace.ts'
import { uuid7 } from '../util/uuid.ts'

/** What an eager run needs of its app. */
export interface EagerParts {
  readonly tracer: Tracer
  readonly results: ResultHost
  readonly backend: ResultBackend
  /** Stands for the worker's node name. */
  readonly hostname: string
}

/** What changes from one attempt to the next. */
interface Attempt extends Given {
  readonly retries: number
}

/**
 * Run the task, and again as often as it asks to be retried, without waiting in between (as Celery does). The result has
 * the task's error where it failed; nothing is thrown.
 */
export async function runEagerly(
  definition: TaskDefinition,
  args: readonly unknown[],
  options: PublishOptions,
  parts: EagerParts,
): Promise<EagerResult> {
  const head = headOf(definition, options)
  const abort = new AbortController()
  const storing: Promise<void>[] = []
  const store = (result: EncodedResult): void => {
    storing.push(storeResult(parts.backend, result))
  }
  // What runs here is no part of a chord: whoever calls has the result.
  const control = { signal: abort.signal, store, endPart: () => undefined }
  let attempt: Attempt = { args, kwargs: options.kwargs ?? {}, retries: options.retries ?? 0 }
  for (;;) {
    const fields = fieldsOf(head, attempt, options, parts.hostname)
    const { state, value, traceback, plan } = await parts.tracer.runEagerly(fields, control)
    await Promise.all(storing.splice(0))
    if (state !== RETRY || plan === undefined)
      return new EagerResult(head.id, parts.results, { state, value, traceback })
    attempt = { args: plan.args ?? attempt.args, kwargs: plan.kwargs ?? attempt.kwargs, retries: attempt.retries + 1 }
  }
}

/** What a call is given. */
export interface Given {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/**
 * Arguments as a worker would get them. Rejects with `EncodeError` for those that cannot be sent: a program that is
 * tested without a broker shall not break with one.
 */
export async function asSent(given: Given, serializer: string, serialization: SerializationRegistry): Promise<Given> {
  await serialization.load([serializer])
  const message = serialization.encodeBody([given.args, given.kwargs], serializer)
  const decoded = serialization.decodeBody(message, undefined, serialization.acceptList([message.contentType]))
  const [args, kwargs] = decoded as [unknown[], Record<string, unknown>]
  return { args, kwargs }
}

/** As the message's head would be. */
function headOf(definition: TaskDefinition, options: PublishOptions): TaskHead {
  const { timeLimit, softTimeLimit } = definition.policy
  const parent = activeExecution()
  const id = options.taskId ?? uuid7()
  return {
    ...bareHead(definition.name, id),
    rootId: options.rootId ?? parent?.rootId ?? id,
    parentId: options.parentId ?? parent?.taskId,
    group: options.groupId,
    groupIndex: options.groupIndex,
    shadow: options.shadow,
    timelimit: [options.timeLimit ?? timeLimit, options.softTimeLimit ?? softTimeLimit],
    ignoreResult: options.ignoreResult ?? false,
    replacedTaskNesting: options.replacedTaskNesting ?? 0,
    stampedHeaders: options.stampedHeaders,
    stamps: options.stamps ?? {},
    custom: { ...options.headers },
  }
}

function fieldsOf(head: TaskHead, attempt: Attempt, options: PublishOptions, hostname: string): RunFields {
  const { args, kwargs, retries } = attempt
  const { exchange = '', routingKey = '', priority = null } = options
  return {
    head: { ...head, retries },
    args,
    kwargs,
    embed: embedOf(options),
    message: { properties: {} },
    deliveryInfo: { exchange, routing_key: routingKey, priority, redelivered: false },
    hostname,
  }
}

function embedOf(options: PublishOptions): TaskEmbed {
  return {
    callbacks: options.link === undefined ? null : linksOf(options.link),
    errbacks: options.linkError === undefined ? null : linksOf(options.linkError),
    chain: options.chain === undefined ? null : [...options.chain],
    chord: options.chord ?? null,
  }
}
