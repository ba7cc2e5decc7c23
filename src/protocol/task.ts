/**
 * Task message v2 to and from plain data; v1 at the edge (`celery/app/amqp.py`, protocol pages of Celery's docs). Headers
 * say all that a worker needs before it runs the task; bodies are decoded by `serialization/`, and read here.
 */
import { InvalidTaskError } from '../errors.ts'
import { formatIso8601, parseIso8601 } from '../util/iso8601.ts'
import { isRecord, setField } from '../util/record.ts'
import { repr, reprArgs, reprKwargs } from '../util/repr.ts'
import type { EventFields } from './event.ts'
import type { Headers, Properties } from './message.ts'
import { COMPRESSION_HEADER, REDELIVERED_HEADER } from './names.ts'
import { readSignature } from './signature.ts'
import type { SignatureData } from './signature.ts'

/** The third part of a v2 body: what happens after the task. */
export interface TaskEmbed {
  callbacks: SignatureData[] | null
  errbacks: SignatureData[] | null
  /** Reversed: the last element is the next task. */
  chain: SignatureData[] | null
  /** The body of the chord that this task is a part of. */
  chord: SignatureData | null
  [name: string]: unknown
}

/** The decoded body of a v2 message. */
export type TaskBody = [args: unknown[], kwargs: Record<string, unknown>, embed: TaskEmbed]

/** One call as a publisher describes it. Absent is the same as null on the wire. */
export interface TaskCall {
  readonly id: string
  readonly name: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Unix time in milliseconds; text is passed on as it is. */
  readonly eta?: number | string | undefined
  readonly expires?: number | string | undefined
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
  readonly groupId?: string | undefined
  readonly groupIndex?: number | undefined
  readonly shadow?: string | undefined
  readonly retries?: number | undefined
  /** Seconds. */
  readonly timeLimit?: number | undefined
  readonly softTimeLimit?: number | undefined
  readonly argsrepr?: string | undefined
  readonly kwargsrepr?: string | undefined
  readonly origin: string
  readonly ignoreResult?: boolean | undefined
  readonly replacedTaskNesting?: number | undefined
  readonly stampedHeaders?: readonly string[] | undefined
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
  /** Custom headers; they win over ours. */
  readonly headers?: Readonly<Headers> | undefined
  readonly callbacks?: readonly SignatureData[] | undefined
  readonly errbacks?: readonly SignatureData[] | undefined
  readonly chain?: readonly SignatureData[] | undefined
  readonly chord?: SignatureData | undefined
  readonly replyTo?: string | undefined
}

/** A call in wire form, body not serialized yet. */
export interface EncodedTask {
  readonly headers: Headers
  readonly properties: Properties
  readonly body: unknown
}

/** What the headers of a task message say, in our words. All that a worker needs before it decodes the body. */
export interface TaskHead {
  readonly id: string
  readonly name: string
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly group: string | undefined
  readonly groupIndex: number | undefined
  readonly shadow: string | undefined
  /** Unix time in milliseconds. */
  readonly etaMs: number | undefined
  readonly expiresMs: number | undefined
  /** The texts as they came, for requests and events. */
  readonly eta: string | undefined
  readonly expires: string | undefined
  readonly retries: number
  /** Seconds, hard limit first (as on the wire). */
  readonly timelimit: readonly [hard: number | undefined, soft: number | undefined]
  readonly argsrepr: string
  readonly kwargsrepr: string
  readonly origin: string | undefined
  readonly ignoreResult: boolean
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  /** Headers that are no part of the protocol. */
  readonly custom: Headers
}

/** A task message that was read whole: what protocol 1 gives at once. */
export interface DecodedTask extends DecodedBody {
  readonly head: TaskHead
}

/** A decoded body in its parts. */
export interface DecodedBody {
  readonly args: unknown[]
  readonly kwargs: Record<string, unknown>
  readonly embed: TaskEmbed
}

/** What encoding and decoding need to know besides the message. */
export interface EncodeOptions {
  /** Unix time in milliseconds from which `expiration` is counted. Default: now. */
  readonly nowMs?: number
}

export interface DecodeV1Options {
  /** The message's headers: all of them are custom ones. */
  readonly headers?: Headers
  /** The IANA zone of times without an offset where the message says that they are not UTC. Default UTC. */
  readonly zone?: string
}

/** Who wrote the message; free text. */
const LANG = 'js'

/** Headers of the protocol, of brokers and of transports. All others are custom: they belong to the user. */
const KNOWN_HEADERS: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'shadow',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'meth',
  'utc',
  COMPRESSION_HEADER,
  REDELIVERED_HEADER,
  // What RabbitMQ notes on a message that was dead-lettered or given back. It is about one delivery: a new attempt must
  // not carry it along.
  'x-death',
  'x-delivery-count',
  'x-acquired-count',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
])

// Shared by all messages that have none, for most have none.
const NO_FIELDS: Readonly<Record<string, unknown>> = Object.freeze({})
const NO_LIMITS: readonly [undefined, undefined] = Object.freeze([undefined, undefined] as const)

/**
 * A call as a message of protocol 2. Arguments are not copied. Throws `InvalidTaskError` where `eta` or `expires` is a
 * text that is no time, `EncodeError` where it is a number that is none.
 */
export function encodeTask(call: TaskCall, options?: EncodeOptions): EncodedTask {
  const headers: Headers = {
    lang: LANG,
    task: call.name,
    id: call.id,
    shadow: call.shadow ?? null,
    eta: timeText('eta', call.eta),
    expires: timeText('expires', call.expires),
    group: call.groupId ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    argsrepr: call.argsrepr ?? reprArgs(call.args),
    kwargsrepr: call.kwargsrepr ?? reprKwargs(call.kwargs),
    origin: call.origin,
    ignore_result: call.ignoreResult ?? false,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: call.stampedHeaders ?? null,
    stamps: call.stamps ?? {},
  }
  for (const name in call.headers) setField(headers, name, call.headers[name])
  const embed: TaskEmbed = {
    callbacks: (call.callbacks as SignatureData[] | undefined) ?? null,
    errbacks: (call.errbacks as SignatureData[] | undefined) ?? null,
    chain: (call.chain as SignatureData[] | undefined) ?? null,
    chord: call.chord ?? null,
  }
  return { headers, properties: encodeProperties(call, options), body: [call.args, call.kwargs, embed] }
}

/**
 * A call as a message of protocol 1, for workers older than Celery 4. It has no room for a chain, stamps, a shadow name,
 * root and parent: they are left out. Throws as `encodeTask` does.
 */
export function encodeTaskV1(call: TaskCall, options?: EncodeOptions): EncodedTask {
  const body = {
    task: call.name,
    id: call.id,
    args: call.args,
    kwargs: call.kwargs,
    group: call.groupId ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    eta: timeText('eta', call.eta),
    expires: timeText('expires', call.expires),
    utc: true,
    callbacks: call.callbacks ?? null,
    errbacks: call.errbacks ?? null,
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    taskset: call.groupId ?? null,
    chord: call.chord ?? null,
  }
  return { headers: { ...call.headers }, properties: encodeProperties(call, options), body }
}

/** Protocol 2 has the task's name in the headers; protocol 1 has it in the body, if it is a task at all. */
export function isTaskV2(headers: Readonly<Headers>): boolean {
  return headers['task'] !== undefined
}

/**
 * Read the headers of a protocol 2 message. A missing id is the correlation id, missing fields have their defaults, and
 * headers that are not the protocol's are kept in `custom`. Times without an offset are in `zone`, an IANA name; default
 * UTC. Throws `InvalidTaskError` that names the first header that cannot be, and its value.
 */
export function decodeTaskHead(headers: Readonly<Headers>, properties: Properties, zone?: string): TaskHead {
  const id = headers['id'] ?? properties.correlation_id
  if (typeof id !== 'string' || id === '') throw invalid('id', id, 'a task id')
  const name = headers['task']
  if (typeof name !== 'string' || name === '') throw invalid('task', name, 'a task name')
  const eta = readText(headers, 'eta')
  const expires = readText(headers, 'expires')
  return {
    id,
    name,
    rootId: readText(headers, 'root_id'),
    parentId: readText(headers, 'parent_id'),
    group: readText(headers, 'group'),
    groupIndex: readCount(headers, 'group_index'),
    shadow: readText(headers, 'shadow'),
    etaMs: eta === undefined ? undefined : readTime('eta', eta, zone),
    expiresMs: expires === undefined ? undefined : readTime('expires', expires, zone),
    eta,
    expires,
    retries: readCount(headers, 'retries') ?? 0,
    timelimit: readLimits(headers['timelimit']),
    argsrepr: readText(headers, 'argsrepr') ?? '',
    kwargsrepr: readText(headers, 'kwargsrepr') ?? '',
    origin: readText(headers, 'origin'),
    ignoreResult: readFlag(headers, 'ignore_result'),
    replacedTaskNesting: readCount(headers, 'replaced_task_nesting') ?? 0,
    stampedHeaders: readNames(headers, 'stamped_headers'),
    stamps: readFields(headers, 'stamps'),
    custom: customHeaders(headers),
  }
}

/**
 * Read the decoded body of a protocol 2 message. Missing parts are empty. A protocol 1 body is understood too, for some
 * clients send it below protocol 2 headers; only arguments and followers are taken from it, for the headers win. Throws
 * `InvalidTaskError` where it is neither.
 */
export function decodeTaskBody(body: unknown): DecodedBody {
  if (Array.isArray(body)) {
    const [args, kwargs, embed] = body as unknown[]
    return { args: readArgs(args), kwargs: readKwargs(kwargs), embed: readEmbed(embed) }
  }
  if (!isRecord(body) || !('args' in body || 'kwargs' in body || 'task' in body)) {
    throw new InvalidTaskError(`The body is ${short(body)}, which is no list of args, kwargs and embed`)
  }
  const { args, kwargs, callbacks, errbacks, chord } = body
  return {
    args: readArgs(args),
    kwargs: readKwargs(kwargs),
    embed: readEmbed({ callbacks, errbacks, chain: null, chord }),
  }
}

/** Read the decoded body of a protocol 1 message, which holds everything. Throws `InvalidTaskError` as the others do. */
export function decodeTaskV1(body: unknown, properties: Properties, options: DecodeV1Options = {}): DecodedTask {
  if (!isRecord(body) || body['task'] === undefined) {
    throw new InvalidTaskError(`The body is ${short(body)}, which is no task message: it has no "task"`)
  }
  const { args, kwargs, embed } = decodeTaskBody(body)
  const { task, id, retries, eta, expires, timelimit, group_index: groupIndex } = body
  // Very old peers say `taskset`; where both are there it wins, as in Celery.
  const group = body['taskset'] === undefined ? body['group'] : body['taskset']
  const argsrepr = reprArgs(args)
  const kwargsrepr = reprKwargs(kwargs)
  const head = decodeTaskHead(
    { task, id, retries, eta, expires, timelimit, group, group_index: groupIndex, argsrepr, kwargsrepr },
    properties,
    body['utc'] === false ? options.zone : undefined,
  )
  return { head: { ...head, custom: options.headers ?? NO_FIELDS }, args, kwargs, embed }
}

/**
 * What events say of a call, under the wire's names: from the headers of a protocol 2 message, else from the decoded body
 * of a protocol 1 one. As they are written: whoever has read the message has checked them.
 */
export function readCallFields(uuid: string, headers: Readonly<Headers>, body?: unknown): EventFields<'task-received'> {
  const v1 = isTaskV2(headers) || !isRecord(body) ? undefined : body
  const { task, shadow, argsrepr, kwargsrepr, root_id = null, parent_id = null } = headers
  const { retries = 0, eta = null, expires = null } = v1 ?? headers
  const fields = {
    uuid,
    name: v1?.['task'] ?? shadow ?? task,
    args: v1 === undefined ? argsrepr : reprArgs(readArgs(v1['args'])),
    kwargs: v1 === undefined ? kwargsrepr : reprKwargs(readKwargs(v1['kwargs'])),
    root_id,
    parent_id,
    retries,
    eta,
    expires,
  }
  return fields as EventFields<'task-received'>
}

function encodeProperties(call: TaskCall, options: EncodeOptions | undefined): Properties {
  const properties: Properties = { correlation_id: call.id, reply_to: call.replyTo ?? '' }
  if (call.expires !== undefined) {
    const expiresMs = typeof call.expires === 'number' ? call.expires : readTime('expires', call.expires, undefined)
    properties.expiration = String(Math.max(0, Math.trunc(expiresMs - (options?.nowMs ?? Date.now()))))
  }
  return properties
}

/** A time as the wire has it. A text stays as it is, but must be a time: no worker would take the task otherwise. */
function timeText(field: string, time: number | string | undefined): string | null {
  if (time === undefined) return null
  if (typeof time === 'number') return formatIso8601(time)
  readTime(field, time, undefined)
  return time
}

function readTime(field: string, text: string, zone: string | undefined): number {
  const timeMs = parseIso8601(text, zone)
  if (timeMs === undefined) throw invalid(field, text, 'a time in ISO 8601')
  return timeMs
}

function readText(headers: Readonly<Headers>, field: string): string | undefined {
  const value = headers[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(field, value, 'text')
  return value
}

function readCount(headers: Readonly<Headers>, field: string): number | undefined {
  const value = headers[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw invalid(field, value, 'a count')
  return value
}

function readFlag(headers: Readonly<Headers>, field: string): boolean {
  const value = headers[field]
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw invalid(field, value, 'true or false')
  return value
}

function readNames(headers: Readonly<Headers>, field: string): readonly string[] | undefined {
  const value = headers[field]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    throw invalid(field, value, 'a list of names')
  }
  return value
}

function readFields(headers: Readonly<Headers>, field: string): Readonly<Record<string, unknown>> {
  const value = headers[field]
  if (value === undefined || value === null) return NO_FIELDS
  if (!isRecord(value)) throw invalid(field, value, 'an object')
  return value
}

function readLimits(value: unknown): readonly [number | undefined, number | undefined] {
  if (value === undefined || value === null) return NO_LIMITS
  if (!Array.isArray(value) || value.length > 2) throw invalid('timelimit', value, 'a hard and a soft limit')
  const hard = readLimit(value[0], value)
  const soft = readLimit(value[1], value)
  return hard === undefined && soft === undefined ? NO_LIMITS : [hard, soft]
}

/** Seconds. Python takes 0 for no limit. */
function readLimit(limit: unknown, limits: unknown): number | undefined {
  if (limit === undefined || limit === null || limit === 0) return undefined
  if (typeof limit !== 'number' || !(limit > 0))
    throw invalid('timelimit', limits, 'a hard and a soft limit in seconds')
  return limit
}

function customHeaders(headers: Readonly<Headers>): Headers {
  let custom: Headers | undefined
  for (const name in headers) {
    if (!KNOWN_HEADERS.has(name)) setField((custom ??= {}), name, headers[name])
  }
  return custom ?? NO_FIELDS
}

function readArgs(args: unknown): unknown[] {
  if (args === undefined || args === null) return []
  if (!Array.isArray(args)) throw new InvalidTaskError(`The task's args are ${short(args)}, which is no list`)
  return args
}

function readKwargs(kwargs: unknown): Record<string, unknown> {
  if (kwargs === undefined || kwargs === null) return {}
  if (!isRecord(kwargs)) throw new InvalidTaskError(`The task's kwargs are ${short(kwargs)}, which is no object`)
  return kwargs
}

function readEmbed(embed: unknown): TaskEmbed {
  if (embed === undefined || embed === null) return { callbacks: null, errbacks: null, chain: null, chord: null }
  if (!isRecord(embed)) throw new InvalidTaskError(`The task's embed is ${short(embed)}, which is no object`)
  const { callbacks, errbacks, chain, chord } = embed
  return {
    ...embed,
    callbacks: readSignatures(callbacks),
    errbacks: readSignatures(errbacks),
    chain: readSignatures(chain),
    chord: chord === undefined || chord === null ? null : readSignature(chord),
  }
}

/** A list of signatures; a single one counts as a list of it. */
function readSignatures(value: unknown): SignatureData[] | null {
  if (value === undefined || value === null) return null
  return Array.isArray(value) ? value.map(readSignature) : [readSignature(value)]
}

function short(value: unknown): string {
  return repr(value, { maxLength: 100 })
}

function invalid(field: string, value: unknown, wanted: string): InvalidTaskError {
  return new InvalidTaskError(`The task message's "${field}" is ${short(value)}, which is not ${wanted}`)
}
