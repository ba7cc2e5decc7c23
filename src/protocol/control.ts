/**
 * Remote control as plain data: commands, whom they concern, and replies (kombu's `pidbox`). Which commands there are
 * and what they do is `worker/commands/`; sending and gathering is `messaging/mailbox.ts`.
 */
import { uptime as systemUptime } from 'node:os'
import { DecodeError } from '../errors.ts'
import { isRecord } from '../util/record.ts'
import { repr } from '../util/repr.ts'
import type { Headers } from './message.ts'
import { CLOCK_HEADER, EXPIRES_HEADER, TICKET_HEADER } from './names.ts'

/** How a pattern is read: `glob` is a shell's, over the whole name; `pcre` a regular expression at its beginning. */
export type Matcher = 'glob' | 'pcre'

/** Where the replies of one client go. */
export interface ReplyAddress {
  readonly exchange: string
  readonly routingKey: string
}

/** One command to some nodes or to all. */
export interface ControlRequest {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Names of the nodes that are meant. Without it, and without a pattern and a matcher, all are. */
  readonly destination?: readonly string[] | undefined
  readonly pattern?: string | undefined
  readonly matcher?: Matcher | undefined
  /** Tells the replies of this request from those of others. */
  readonly ticket?: string | undefined
  /** No reply is wanted without it. */
  readonly replyTo?: ReplyAddress | undefined
}

/** What stands in the headers of requests and replies. */
export interface ControlHead {
  /** The sender's logical clock. */
  readonly clock: number
  /** Which request it is a reply to. */
  readonly ticket?: string | undefined
  /** Unix time in seconds after which nobody needs it; undefined is never. */
  readonly expires?: number | undefined
}

/** A command was done; `ok` says what. */
export interface OkReply {
  readonly ok: unknown
}

/** A command could not be done. */
export interface ErrorReply {
  readonly error: string
}

/** One task that a worker knows, as `active`, `reserved`, `scheduled` and `query_task` tell of it. */
export interface RequestInfo {
  readonly id: string
  readonly name: string
  readonly args: unknown
  readonly kwargs: unknown
  readonly type: string
  readonly hostname: string
  /** Unix time in seconds; null before it starts. */
  readonly time_start: number | null
  readonly acknowledged: boolean
  readonly delivery_info: {
    readonly exchange: string
    readonly routing_key: string
    readonly priority: number | null
    readonly redelivered: boolean
  }
  /** The process that runs it. */
  readonly worker_pid: number | null
}

/** One entry of `scheduled`. */
export interface ScheduledInfo {
  /** ISO 8601. */
  readonly eta: string
  readonly priority: number
  readonly request: RequestInfo
}

/** One entry of `active_queues`. Durations in seconds. */
export interface QueueInfo {
  readonly name: string
  readonly exchange: {
    readonly name: string
    readonly type: string
    readonly arguments: Readonly<Record<string, unknown>> | null
    readonly durable: boolean
    readonly passive: boolean
    readonly auto_delete: boolean
    readonly delivery_mode: number | null
    readonly no_declare: boolean
  }
  readonly routing_key: string
  readonly queue_arguments: Readonly<Record<string, unknown>> | null
  readonly binding_arguments: Readonly<Record<string, unknown>> | null
  readonly consumer_arguments: Readonly<Record<string, unknown>> | null
  readonly durable: boolean
  readonly exclusive: boolean
  readonly auto_delete: boolean
  readonly no_ack: boolean
  readonly alias: string | null
  readonly bindings: readonly unknown[]
  readonly no_declare: boolean | null
  readonly expires: number | null
  readonly message_ttl: number | null
  readonly max_length: number | null
  readonly max_length_bytes: number | null
  readonly max_priority: number | null
}

/** The answer to `stats`. */
export interface StatsInfo {
  /** How often each task ran. */
  readonly total: Readonly<Record<string, number>>
  readonly pid: number
  /** The logical clock, as text. */
  readonly clock: string
  /** Seconds. */
  readonly uptime: number
  readonly pool: Readonly<Record<string, unknown>>
  /** Where the broker is, without its password. */
  readonly broker: Readonly<Record<string, unknown>>
  readonly prefetch_count: number
  readonly rusage: Readonly<Record<string, number>> | 'N/A'
  /** Where there is one: `max`, `min`, `current` and `qty`, how many tasks are in hand. */
  readonly autoscaler?: Readonly<Record<string, number>>
}

/** A request's body, with its fields in kombu's order. */
export function encodeControlRequest(request: ControlRequest): Record<string, unknown> {
  const { method, destination, pattern, matcher, ticket, replyTo } = request
  const body: Record<string, unknown> = {
    method,
    arguments: request.arguments,
    destination: destination ?? null,
    pattern: pattern ?? null,
    matcher: matcher ?? null,
  }
  if (replyTo !== undefined) {
    body['ticket'] = ticket ?? null
    body['reply_to'] = { exchange: replyTo.exchange, routing_key: replyTo.routingKey }
  }
  return body
}

/** Read a request's body. Missing arguments are none. Throws `DecodeError` where it is no request. */
export function decodeControlRequest(body: unknown): ControlRequest {
  if (!isRecord(body)) throw notRequest('It is', body, 'an object')
  const { method, arguments: args, ticket, reply_to: replyTo } = body
  if (typeof method !== 'string' || method === '') throw notRequest('Its "method" is', method, 'a name')
  if (!isMissing(args) && !isRecord(args)) throw notRequest('Its "arguments" are', args, 'an object')
  if (!isMissing(ticket) && typeof ticket !== 'string') throw notRequest('Its "ticket" is', ticket, 'text')
  return {
    method,
    arguments: args ?? {},
    destination: readDestination(body['destination']),
    pattern: readPattern(body['pattern']),
    matcher: readMatcher(body['matcher']),
    ticket: ticket ?? undefined,
    replyTo: readAddress(replyTo),
  }
}

/**
 * Is this node meant? Throws `DecodeError` for a regular expression that cannot be read here: Python's and JavaScript's
 * differ in the rarer parts.
 */
export function concernsNode(request: ControlRequest, nodename: string): boolean {
  const { destination, pattern, matcher } = request
  if (destination !== undefined && destination.length > 0) return destination.includes(nodename)
  if (pattern === undefined || pattern === '' || matcher === undefined) return true
  return matchesPattern(nodename, pattern, matcher)
}

/** Does the text match? See `Matcher`. Throws `DecodeError` for a regular expression that cannot be read here. */
export function matchesPattern(text: string, pattern: string, matcher: Matcher): boolean {
  if (matcher === 'glob') return matchesGlob(text, pattern)
  try {
    // The v flag is left out: it refuses escapes that Python allows.
    return new RegExp(`^(?:${pattern})`).test(text)
  } catch (cause) {
    throw new DecodeError(`The pattern ${repr(pattern)} is no regular expression that JavaScript knows`, { cause })
  }
}

/** A reply's body: this node's answer under its name. */
export function encodeControlReply(nodename: string, answer: unknown): Record<string, unknown> {
  return { [nodename]: answer === undefined ? null : answer }
}

/** Read a reply's body: answers by node name, nearly always one. Throws `DecodeError` where it is no reply. */
export function decodeControlReply(body: unknown): [nodename: string, answer: unknown][] {
  if (!isRecord(body))
    throw new DecodeError(`This is no reply: ${short(body)} is not an object of answers by node name`)
  return Object.entries(body)
}

/** The headers of a request (with `expires`) or a reply (with `ticket`). */
export function encodeControlHead(head: ControlHead): Headers {
  if (head.ticket !== undefined) return { [TICKET_HEADER]: head.ticket, [CLOCK_HEADER]: head.clock }
  return { [CLOCK_HEADER]: head.clock, [EXPIRES_HEADER]: head.expires ?? 0 }
}

/** Read the headers of a request or a reply. What is missing or cannot be is as if it were not there. */
export function decodeControlHead(headers: Readonly<Headers>): ControlHead {
  const { [CLOCK_HEADER]: clock, [TICKET_HEADER]: ticket, [EXPIRES_HEADER]: expires } = headers
  return {
    clock: typeof clock === 'number' ? clock : 0,
    ticket: typeof ticket === 'string' ? ticket : undefined,
    expires: typeof expires === 'number' && expires !== 0 ? expires : undefined,
  }
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

/** A single name counts as a list of it. */
function readDestination(value: unknown): readonly string[] | undefined {
  if (isMissing(value)) return undefined
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value
  throw notRequest('Its "destination" is', value, 'a list of node names')
}

function readPattern(value: unknown): string | undefined {
  if (isMissing(value)) return undefined
  if (typeof value === 'string') return value
  throw notRequest('Its "pattern" is', value, 'text')
}

function readMatcher(value: unknown): Matcher | undefined {
  if (isMissing(value) || value === '') return undefined
  if (value === 'glob' || value === 'pcre') return value
  throw notRequest('Its "matcher" is', value, '"glob" or "pcre"')
}

function readAddress(value: unknown): ReplyAddress | undefined {
  if (isMissing(value)) return undefined
  const { exchange, routing_key: routingKey } = isRecord(value) ? value : {}
  if (typeof exchange === 'string' && typeof routingKey === 'string') return { exchange, routingKey }
  throw notRequest('Its "reply_to" is', value, 'an exchange and a routing key')
}

/**
 * A shell's pattern, as Python's `fnmatch`: `*`, `?`, `[abc]`, `[!a-z]`. Walks text and pattern side by side and goes
 * back to the last `*` only, so that no pattern takes long.
 */
function matchesGlob(text: string, pattern: string): boolean {
  let at = 0
  let inText = 0
  let star = -1
  let starText = 0
  while (inText < text.length) {
    const step = pattern[at] === '*' ? 0 : globStep(pattern, at, text.charAt(inText))
    if (pattern[at] === '*') {
      star = at
      starText = inText
      at += 1
    } else if (step > 0) {
      at += step
      inText += 1
    } else if (star !== -1) {
      starText += 1
      at = star + 1
      inText = starText
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}

/** How much of the pattern one character matches; 0 where it does not. */
function globStep(pattern: string, at: number, character: string): number {
  const first = pattern[at]
  if (first === undefined) return 0
  if (first === '?') return 1
  if (first !== '[') return first === character ? 1 : 0
  const negated = pattern[at + 1] === '!'
  const start = at + (negated ? 2 : 1)
  // A bracket that comes first is one of the characters.
  const end = pattern.indexOf(']', start + 1)
  if (end === -1) return character === '[' ? 1 : 0
  return isInSet(pattern.slice(start, end), character) === negated ? 0 : end + 1 - at
}

/** `abc`, `a-z`: is the character among them? */
function isInSet(set: string, character: string): boolean {
  for (let at = 0; at < set.length; at += 1) {
    const from = set.charAt(at)
    const isRange = set[at + 1] === '-' && at + 2 < set.length
    const to = isRange ? set.charAt(at + 2) : from
    if (character >= from && character <= to) return true
    if (isRange) at += 2
  }
  return false
}

function short(value: unknown): string {
  return repr(value, { maxLength: 100 })
}

function notRequest(what: string, value: unknown, wanted: string): DecodeError {
  return new DecodeError(`This is no remote control request. ${what} ${short(value)}, not ${wanted}`)
}

/**
 * Revoked ids as workers tell them to each other (`hello`): each with the time at which it was revoked, on a clock that
 * counts from the start of the machine, as Python's do. A float, which Python insists on.
 */
export function encodeRevoked(
  ids: readonly string[],
  uptime: number = systemUptime(),
): Record<string, [number, string]> {
  const time = Math.floor(uptime) + 0.5
  return Object.fromEntries(ids.map((id) => [id, [time, id]]))
}

/** The ids of such a table; a list of ids is understood too, and of anything else nothing. */
export function decodeRevoked(value: unknown): string[] {
  const ids: unknown[] = Array.isArray(value) ? value : isRecord(value) ? Object.keys(value) : []
  return ids.filter((id) => typeof id === 'string')
}
