/**
 * Events: what happens to tasks and workers, told on the event exchange (`celery/events/event.py`). Types, fields and
 * routing keys; what a cluster looks like from them is `events/state.ts`.
 */
import { DecodeError } from '../errors.ts'
import { isRecord } from '../util/record.ts'
import { repr } from '../util/repr.ts'
import type { Message } from './message.ts'

/** The groups of Celery's own events: what happens to tasks, and to workers. */
export const TASK_GROUP = 'task'
export const WORKER_GROUP = 'worker'

/** What every event says, whoever sends it. */
export interface EventCommon {
  /** The node that sent it. */
  readonly hostname: string
  /** Unix time in seconds. */
  readonly timestamp: number
  /** Whole hours that the sender is west of UTC. */
  readonly utcoffset?: number
  readonly pid?: number
  /** The sender's logical clock; null where it has none. */
  readonly clock?: number | null
  readonly [name: string]: unknown
}

/** The fields of each event of a task, besides `uuid`, the task's id. Texts of values are Python-like. */
export interface TaskEventFields {
  'task-sent': TaskCallFields & {
    readonly queue?: string
    readonly exchange?: string
    readonly routing_key?: string
  }
  'task-received': TaskCallFields
  'task-started': object
  /** `runtime` in seconds. */
  'task-succeeded': { readonly result?: string; readonly runtime?: number }
  'task-failed': { readonly exception?: string; readonly traceback?: string }
  'task-rejected': { readonly requeue?: boolean }
  'task-revoked': {
    readonly terminated?: boolean
    readonly signum?: string | number | null
    readonly expired?: boolean
  }
  'task-retried': { readonly exception?: string; readonly traceback?: string }
  'task-cancelled': object
}

/** How the task was called. */
export interface TaskCallFields {
  readonly name?: string
  readonly args?: string
  readonly kwargs?: string
  readonly root_id?: string | null
  readonly parent_id?: string | null
  readonly retries?: number
  readonly eta?: string | null
  readonly expires?: string | null
}

/** The fields of each event of a worker. */
export interface WorkerEventFields {
  'worker-online': WorkerStatusFields
  'worker-heartbeat': WorkerStatusFields
  'worker-offline': WorkerStatusFields
  'worker-elect': { readonly id?: string; readonly topic?: string; readonly action?: unknown; readonly cver?: number }
  'worker-elect-ack': { readonly id?: string }
}

/** How a worker is doing. */
export interface WorkerStatusFields {
  /** Seconds between its heartbeats. */
  readonly freq?: number
  /** How many tasks it runs now. */
  readonly active?: number
  /** How many it has run since it started. */
  readonly processed?: number
  readonly loadavg?: readonly number[]
  readonly sw_ident?: string
  readonly sw_ver?: string
  readonly sw_sys?: string
}

export type TaskEventType = keyof TaskEventFields
export type WorkerEventType = keyof WorkerEventFields

/** What a sender says of an event, by its type. */
export type EventFields<T extends string> = T extends TaskEventType
  ? { readonly uuid: string } & TaskEventFields[T]
  : T extends WorkerEventType
    ? WorkerEventFields[T]
    : Readonly<Record<string, unknown>>

/** An event of one type. */
export type EventOf<T extends string> = EventCommon & { readonly type: T } & EventFields<T>
export type TaskEvent = { [T in TaskEventType]: EventOf<T> }[TaskEventType]
export type WorkerEvent = { [T in WorkerEventType]: EventOf<T> }[WorkerEventType]
/** An event of a type that a user made up. */
export type CustomEvent = EventCommon & { readonly type: string }
/** One event under its wire names. Unknown fields are kept. */
export type Event = TaskEvent | WorkerEvent | CustomEvent

/** Who sends an event, and when. */
export interface EventSource {
  readonly hostname: string
  readonly pid: number
  /** The logical clock, moved on for this event; undefined where the sender has none, and receivers put in their own. */
  readonly clock: number | null | undefined
  /** Whole hours west of UTC: `utcOffset()`. */
  readonly utcoffset: number
  /** Unix time in seconds. */
  readonly timestamp: number
}

/** What sort of value a field of a known type holds. */
type FieldKind = 'text' | 'textOrNull' | 'number' | 'numberOrNull' | 'numbers' | 'boolean' | 'any'

const CALL_FIELDS: Readonly<Record<string, FieldKind>> = {
  name: 'text',
  args: 'text',
  kwargs: 'text',
  root_id: 'textOrNull',
  parent_id: 'textOrNull',
  retries: 'number',
  eta: 'textOrNull',
  expires: 'textOrNull',
}
const STATUS_FIELDS: Readonly<Record<string, FieldKind>> = {
  freq: 'number',
  active: 'number',
  processed: 'number',
  loadavg: 'numbers',
  sw_ident: 'text',
  sw_ver: 'text',
  sw_sys: 'text',
}
const FAILURE_FIELDS: Readonly<Record<string, FieldKind>> = { exception: 'text', traceback: 'text' }

/** The fields of each type, as the types above say them. */
const FIELDS: Readonly<Record<TaskEventType | WorkerEventType, Readonly<Record<string, FieldKind>>>> = {
  'task-sent': { ...CALL_FIELDS, queue: 'text', exchange: 'text', routing_key: 'text' },
  'task-received': CALL_FIELDS,
  'task-started': {},
  'task-succeeded': { result: 'text', runtime: 'number' },
  'task-failed': FAILURE_FIELDS,
  'task-rejected': { requeue: 'boolean' },
  'task-revoked': { terminated: 'boolean', signum: 'any', expired: 'boolean' },
  'task-retried': FAILURE_FIELDS,
  'task-cancelled': {},
  'worker-online': STATUS_FIELDS,
  'worker-heartbeat': STATUS_FIELDS,
  'worker-offline': STATUS_FIELDS,
  'worker-elect': { id: 'text', topic: 'text', action: 'any', cver: 'number' },
  'worker-elect-ack': { id: 'text' },
}

/** An event as it goes out, with its fields in Celery's order. */
export function encodeEvent<T extends string>(type: T, fields: EventFields<T>, source: EventSource): EventOf<T> {
  const { hostname, utcoffset, pid, clock, timestamp } = source
  const event = { hostname, utcoffset, pid }
  // Not a spread: with fields behind it that costs three times as much.
  Object.assign(event, clock === undefined ? fields : { clock, ...fields }, { timestamp, type })
  return event as EventOf<T>
}

/** What is the same in all events of a sender for a while: the beginning of each as JSON, for `encodeEventText`. */
export function encodeEventStart({ hostname, utcoffset, pid }: Omit<EventSource, 'clock' | 'timestamp'>): string {
  return JSON.stringify({ hostname, utcoffset, pid }).slice(0, -1)
}

/**
 * An event as JSON at once: an event of a task is written three times for each, and this costs a third of the time. `type`
 * and the names and values of `fields` are those of the types above, which need no check.
 */
export function encodeEventText<T extends TaskEventType>(
  type: T,
  fields: EventFields<T>,
  start: string,
  clock: EventSource['clock'],
  timestamp: string,
): string {
  const own = JSON.stringify(fields)
  const time = clock === undefined ? '' : `,"clock":${String(clock)}`
  return `${start}${time},${own.slice(1, -1)},"timestamp":${timestamp},"type":"${type}"}`
}

/** The body of a message with events that `encodeEventText` has written. */
export function encodeEventList(texts: readonly string[]): Pick<Message, 'body' | 'contentType' | 'contentEncoding'> {
  return { body: `[${texts.join(',')}]`, contentType: 'application/json', contentEncoding: 'utf-8' }
}

/**
 * Read a message's body: one event, or a list of them as workers send them. A field that should be text and is not
 * becomes its text, any other field of the wrong kind is left out; unknown fields are kept. Throws `DecodeError` where
 * type, host name, time or a task's id is missing; with `onBad`, such events are left out and told there.
 */
export function decodeEvent(body: unknown, onBad?: (error: DecodeError) => void): Event[] {
  const events: Event[] = []
  for (const item of Array.isArray(body) ? (body as unknown[]) : [body]) {
    try {
      events.push(readEvent(item))
    } catch (error) {
      if (onBad === undefined || !(error instanceof DecodeError)) throw error
      onBad(error)
    }
  }
  return events
}

/** Is it one of the known events about a task? */
export function isTaskEvent(event: Event): event is TaskEvent {
  return Object.hasOwn(FIELDS, event.type) && eventGroup(event.type) === 'task'
}

/** Is it one of the known events about a worker? */
export function isWorkerEvent(event: Event): event is WorkerEvent {
  return Object.hasOwn(FIELDS, event.type) && eventGroup(event.type) === 'worker'
}

/** The group of a type: `task` of `task-sent`. */
export function eventGroup(type: string): string {
  const dash = type.indexOf('-')
  return dash === -1 ? type : type.slice(0, dash)
}

/** The routing key of one event: `task.sent`. */
export function eventRoutingKey(type: string): string {
  return type.replaceAll('-', '.')
}

/** The routing key of a list of events of one group: `task.multi`. */
export function multiEventRoutingKey(group: string): string {
  return `${group}.multi`
}

/** Whole hours that this machine is west of UTC at a time: New York is 5, or 4 in summer; India is -6 (rounded down). */
export function utcOffset(at: Date = new Date()): number {
  // Zero is never negative on the wire.
  return Math.floor(at.getTimezoneOffset() / 60) + 0
}

/** An event's time in the clock of a reader who is `localOffset` hours west of UTC (`adjust_timestamp`). */
export function localTimestamp(event: EventCommon, localOffset: number): number {
  if (event.utcoffset === undefined) return event.timestamp
  return event.timestamp - (event.utcoffset - localOffset) * 3600
}

function readEvent(value: unknown): Event {
  if (!isRecord(value)) throw notEvent('It is', value, 'an object')
  const { type, hostname, timestamp, uuid } = value
  if (typeof type !== 'string' || type === '') throw notEvent('Its "type" is', type, 'a name')
  if (typeof hostname !== 'string') throw notEvent('Its "hostname" is', hostname, 'a node name')
  if (typeof timestamp !== 'number') throw notEvent('Its "timestamp" is', timestamp, 'a time in seconds')
  const kinds = Object.hasOwn(FIELDS, type) ? FIELDS[type as keyof typeof FIELDS] : undefined
  if (kinds !== undefined && eventGroup(type) === 'task' && typeof uuid !== 'string') {
    throw notEvent('Its "uuid" is', uuid, 'a task id')
  }
  return mend(mend(value, { utcoffset: 'number', pid: 'number', clock: 'numberOrNull' }), kinds ?? {}) as Event
}

/** The event with known fields of their kind. Nearly always that is the event itself. */
function mend(event: Record<string, unknown>, kinds: Readonly<Record<string, FieldKind>>): Record<string, unknown> {
  let mended = event
  for (const name in kinds) {
    const value = event[name]
    const kind = kinds[name]
    if (value === undefined || kind === undefined || isOfKind(value, kind)) continue
    if (mended === event) mended = { ...event }
    if (kind === 'text' || kind === 'textOrNull') mended[name] = repr(value)
    else Reflect.deleteProperty(mended, name)
  }
  return mended
}

function isOfKind(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'textOrNull':
      return typeof value === 'string' || value === null
    case 'number':
      return typeof value === 'number'
    case 'numberOrNull':
      return typeof value === 'number' || value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'numbers':
      return Array.isArray(value) && value.every((item) => typeof item === 'number')
    case 'any':
      return true
  }
}

function notEvent(what: string, value: unknown, wanted: string): DecodeError {
  return new DecodeError(`This is no event. ${what} ${repr(value, { maxLength: 100 })}, not ${wanted}`)
}
