/**
 * Publish options: what a caller may say about one call, and the same under the names that signatures use on the wire.
 * The table below is the one place where the two meet.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { formatIso8601 } from '../util/iso8601.ts'
import { didYouMean } from '../util/suggest.ts'
import type { RetryPolicy } from '../messaging/producer.ts'
import type { Headers } from '../protocol/message.ts'
import type { SignatureData, SignatureOptions } from '../protocol/signature.ts'

/** A signature object: whatever can say its plain data. */
export interface SignatureObject {
  toJSON(): SignatureData
}

/** A signature object, or the plain data of one. */
export type SignatureLike = SignatureData | SignatureObject

export type { RetryPolicy }

/** What a caller may say about one call. Durations are seconds. */
export interface PublishOptions {
  /** Named arguments, for tasks whose parameters have names on both sides. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** Run no sooner than so many seconds from now. */
  readonly countdown?: number
  /** Run no sooner than this. */
  readonly eta?: Date
  /** Revoke the task if it has not started by then: seconds from now, or a time. */
  readonly expires?: number | Date
  /** Try again when the broker is away. Default: `taskPublishRetry`. */
  readonly retry?: boolean
  readonly retryPolicy?: RetryPolicy
  /** `json`, `yaml`, `msgpack`, `pickle` or a registered one. */
  readonly serializer?: string
  readonly compression?: string
  readonly queue?: string
  readonly exchange?: string
  readonly exchangeType?: string
  readonly routingKey?: string
  /** 0 to 9; which end comes first is the broker's matter: 9 on the embedded store and RabbitMQ, 0 on Redis. */
  readonly priority?: number
  /** Custom message headers. */
  readonly headers?: Readonly<Headers>
  /** Called with the result when the task succeeds. */
  readonly link?: SignatureLike | readonly SignatureLike[]
  /** Called when the task fails. */
  readonly linkError?: SignatureLike | readonly SignatureLike[]
  /** Default: a new UUID. */
  readonly taskId?: string
  /** Store no result for this call. */
  readonly ignoreResult?: boolean
  /** Kill the task after so many seconds. */
  readonly timeLimit?: number
  /** Warn the task after so many seconds: its `signal` is aborted. */
  readonly softTimeLimit?: number
  readonly replyTo?: string
  /** Another name, for logs and monitors. */
  readonly shadow?: string
  /** Route it as the task of this name would be. Default: its own name. */
  readonly routeName?: string
  /** 1 is transient, 2 persistent. */
  readonly deliveryMode?: 1 | 2
  /** Fail when no queue takes the message. */
  readonly mandatory?: boolean
  readonly groupId?: string
  readonly groupIndex?: number
  readonly rootId?: string
  readonly parentId?: string
  /** Give up publishing with the signal's reason. */
  readonly signal?: AbortSignal
  /** Short texts of the arguments for logs and events, in place of the real ones: hide secrets with them. */
  readonly argsrepr?: string
  readonly kwargsrepr?: string
  /** Note the call among the children of the task that makes it. Default true. */
  readonly addToParent?: boolean
  /** The rest is what work-flows and retries add. */
  readonly chain?: readonly SignatureData[]
  readonly chord?: SignatureData
  readonly retries?: number
  readonly replacedTaskNesting?: number
  readonly stampedHeaders?: readonly string[]
  readonly stamps?: Readonly<Record<string, unknown>>
}

type PlainOption = Exclude<keyof PublishOptions, 'kwargs' | 'signal' | 'stamps'>

/** Our name and the wire's. `kwargs` is its own field of a signature, stamps lie flat among the options. */
const WIRE_NAMES: Readonly<Record<PlainOption, string>> = {
  countdown: 'countdown',
  eta: 'eta',
  expires: 'expires',
  retry: 'retry',
  retryPolicy: 'retry_policy',
  serializer: 'serializer',
  compression: 'compression',
  queue: 'queue',
  exchange: 'exchange',
  exchangeType: 'exchange_type',
  routingKey: 'routing_key',
  priority: 'priority',
  headers: 'headers',
  link: 'link',
  linkError: 'link_error',
  taskId: 'task_id',
  ignoreResult: 'ignore_result',
  timeLimit: 'time_limit',
  softTimeLimit: 'soft_time_limit',
  replyTo: 'reply_to',
  shadow: 'shadow',
  routeName: 'route_name',
  deliveryMode: 'delivery_mode',
  mandatory: 'mandatory',
  groupId: 'group_id',
  groupIndex: 'group_index',
  rootId: 'root_id',
  parentId: 'parent_id',
  argsrepr: 'argsrepr',
  kwargsrepr: 'kwargsrepr',
  addToParent: 'add_to_parent',
  chain: 'chain',
  chord: 'chord',
  retries: 'retries',
  replacedTaskNesting: 'replaced_task_nesting',
  stampedHeaders: 'stamped_headers',
}

const OUR_NAMES: ReadonlyMap<string, PlainOption> = new Map(
  Object.entries(WIRE_NAMES).map(([ours, wire]) => [wire, ours as PlainOption]),
)

/** `given` over `base`: what is undefined in `given` was not given. */
export function mergeOptions(base: PublishOptions, given: PublishOptions): PublishOptions {
  let merged: Record<string, unknown> | undefined
  for (const name in given) {
    const value = given[name as keyof PublishOptions]
    if (value !== undefined) (merged ??= { ...base })[name] = value
  }
  return merged ?? base
}

/** Options as they stand in a signature. Throws `ImproperlyConfigured` for one that there is not. */
export function toWireOptions(options: PublishOptions): SignatureOptions {
  const wire: SignatureOptions = {}
  for (const [name, value] of Object.entries(options) as [keyof PublishOptions, unknown][]) {
    if (value === undefined || name === 'kwargs' || name === 'signal') continue
    if (name === 'stamps') Object.assign(wire, value)
    else wire[wireNameOf(name)] = toWireValue(name, value)
  }
  return wire
}

/** Options of a signature as publish options. Keys that mean nothing to us are left out. */
export function fromWireOptions(wire: SignatureOptions): PublishOptions {
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(wire)) {
    const ours = OUR_NAMES.get(name)
    if (ours === undefined || value === undefined || value === null) continue
    options[ours] = fromWireValue(ours, value)
  }
  const stamped = wire['stamped_headers']
  if (Array.isArray(stamped)) {
    options['stamps'] = Object.fromEntries(
      stamped.filter((key): key is string => typeof key === 'string' && key in wire).map((key) => [key, wire[key]]),
    )
  }
  return options
}

/**
 * Options as they stand in settings, under our names or the wire's. Throws `ImproperlyConfigured` for one that there is
 * not.
 */
export function readOptions(given: Readonly<Record<string, unknown>>): PublishOptions {
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const ours = OUR_NAMES.get(name)
    if (ours === undefined) wireNameOf(name as PlainOption)
    options[ours ?? name] = ours === undefined || value === null ? value : fromWireValue(ours, value)
  }
  return options
}

/** Links as a list of plain data. */
export function linksOf(links: SignatureLike | readonly SignatureLike[] | undefined): SignatureData[] {
  return listOf(links).map(dataOf)
}

/** Links as a list of what they are. */
export function listOf(links: SignatureLike | readonly SignatureLike[] | undefined): SignatureLike[] {
  if (links === undefined) return []
  return isList(links) ? [...links] : [links]
}

function isList(links: SignatureLike | readonly SignatureLike[]): links is readonly SignatureLike[] {
  return Array.isArray(links)
}

/** The plain data of a signature, whichever form it has. */
export function dataOf(link: SignatureLike): SignatureData {
  return isObject(link) ? link.toJSON() : link
}

function isObject(link: SignatureLike): link is SignatureObject {
  return typeof link.toJSON === 'function'
}

function wireNameOf(name: PlainOption): string {
  if (Object.hasOwn(WIRE_NAMES, name)) return WIRE_NAMES[name]
  throw new ImproperlyConfigured(`There is no option "${name}" of a call${didYouMean(name, Object.keys(WIRE_NAMES))}`)
}

function toWireValue(name: PlainOption, value: unknown): unknown {
  if (name === 'link' || name === 'linkError') return listOf(value as SignatureLike)
  if (name === 'retryPolicy') return wirePolicyOf(value as RetryPolicy)
  if (value instanceof Date) return formatIso8601(value.getTime())
  return value
}

function fromWireValue(name: PlainOption, value: unknown): unknown {
  if (name === 'chord') return dataOf(value as SignatureLike)
  if (name === 'chain') return (value as readonly SignatureLike[]).map(dataOf)
  if ((name === 'eta' || name === 'expires') && typeof value === 'string') return dateOf(name, value)
  if (name === 'retryPolicy') return retryPolicyOf(value as Record<string, number | null>)
  return value
}

function dateOf(name: string, text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) throw new ImproperlyConfigured(`${name} is not a time: ${JSON.stringify(text)}`)
  return date
}

function wirePolicyOf({ maxRetries, intervalStart, intervalStep, intervalMax }: RetryPolicy): unknown {
  const wire = {
    max_retries: maxRetries,
    interval_start: intervalStart,
    interval_step: intervalStep,
    interval_max: intervalMax,
  }
  return Object.fromEntries(Object.entries(wire).filter(([, value]) => value !== undefined))
}

function retryPolicyOf(wire: Readonly<Record<string, number | null>>): RetryPolicy {
  const pick = (name: string): number | undefined => wire[name] ?? undefined
  return {
    ...('max_retries' in wire ? { maxRetries: wire['max_retries'] ?? null } : {}),
    intervalStart: pick('interval_start') ?? 0,
    intervalStep: pick('interval_step') ?? 0.2,
    intervalMax: pick('interval_max') ?? 1,
  }
}
