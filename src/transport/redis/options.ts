/** What a Redis URL and the transport options beside it say to the transport; what they say to the connection is the driver's. */
import { ImproperlyConfigured } from '../../errors.ts'
import { readRedisOptions, splitRedisOptions } from '../../driver/redis.ts'
import type { RedisOptions } from '../../driver/redis.ts'
import { CLUSTER_PREFIX, DEFAULT_NAMES, fanoutPrefix } from './keys.ts'
import type { KeyNames } from './keys.ts'

/** Which queue is asked first: each in its turn, always in the order of consuming, or by name (kombu's strategies). */
export type QueueOrder = 'round_robin' | 'priority' | 'sorted'

export interface RedisTransportSettings {
  readonly names: KeyNames
  /** For how long a process that says nothing keeps what it has taken, in seconds. Default 30, at least 1. */
  readonly lease: number
  /** For how long a Python worker may hold a message, in seconds. Default 3600, at least 1. */
  readonly visibilityTimeout: number
  /** Default `round_robin`. */
  readonly queueOrder: QueueOrder
  /** How bodies are written. Default `base64`. */
  readonly bodyEncoding: 'base64' | 'utf-8'
  /** What is left for the driver. */
  readonly connection: RedisOptions
}

/** The names of the options that belong to this transport; the others are the connection's. */
const OWN_OPTIONS = [
  ...['lease', 'visibilityTimeout', 'globalKeyprefix', 'sep', 'unackedKey', 'unackedIndexKey'],
  ...['fanoutPrefix', 'fanoutPatterns', 'prioritySteps', 'queueOrderStrategy', 'bodyEncoding', 'ackEmulation'],
  // Of kombu's own way to restore messages, which needs a lock and a rhythm; ours needs neither.
  ...['unackedMutexKey', 'unackedMutexExpire', 'unackedRestoreLimit', 'unackedRestoreInterval'],
  ...['unackedRestoreThrottle', 'pollingInterval'],
] as const

/**
 * Read kombu's transport options, in camelCase or as Python writes them, and `lease`. Throws `ImproperlyConfigured` for a
 * value that makes no sense, and for an option that neither this transport nor the driver knows.
 */
export function readRedisTransportOptions(url: string, options: RedisOptions, place: Place): RedisTransportSettings {
  const { own, connection } = splitRedisOptions(url, options, OWN_OPTIONS)
  if (own.ackEmulation !== undefined && !readSwitch('ackEmulation', own.ackEmulation)) {
    throw new ImproperlyConfigured('What is unacknowledged is always kept in Redis: remove the option "ackEmulation"')
  }
  return {
    names: {
      prefix: readPrefix(own.globalKeyprefix, place),
      separator: readText('sep', own.sep, DEFAULT_NAMES.separator),
      unacked: readText('unackedKey', own.unackedKey, DEFAULT_NAMES.unacked),
      unackedIndex: readText('unackedIndexKey', own.unackedIndexKey, DEFAULT_NAMES.unackedIndex),
      fanoutPrefix: fanoutPrefix(readFanoutPrefix(own.fanoutPrefix), place.database),
      fanoutPatterns: readSwitch('fanoutPatterns', own.fanoutPatterns ?? DEFAULT_NAMES.fanoutPatterns),
      prioritySteps: readSteps(own.prioritySteps),
    },
    lease: readSeconds('lease', own.lease, 30),
    visibilityTimeout: readSeconds('visibilityTimeout', own.visibilityTimeout, 3600),
    queueOrder: readOneOf('queueOrderStrategy', own.queueOrderStrategy, ['round_robin', 'priority', 'sorted']),
    bodyEncoding: readOneOf('bodyEncoding', own.bodyEncoding, ['base64', 'utf-8']),
    connection,
  }
}

/** What a URL and the options beside it say to transport and driver; `useSsl` is the setting, weaker than both. */
export function readRedisBroker(
  url: string,
  options: RedisOptions,
  useSsl: unknown,
): { readonly settings: RedisTransportSettings; readonly clientName: string | undefined } {
  const given = { ssl: useSsl, ...options }
  const { kind, database, clientName } = readRedisOptions(url, given)
  return { settings: readRedisTransportOptions(url, given, { database, isCluster: kind === 'cluster' }), clientName }
}

/** Where the keys will lie. */
export interface Place {
  readonly database: number
  readonly isCluster: boolean
}

function readPrefix(value: unknown, { isCluster }: Place): string {
  const prefix = readText('globalKeyprefix', value, DEFAULT_NAMES.prefix)
  return isCluster && !/\{[^}]+\}/.test(prefix) ? CLUSTER_PREFIX + prefix : prefix
}

function readFanoutPrefix(value: unknown): boolean | string {
  if (typeof value === 'string' && !['true', 'false'].includes(value.toLowerCase())) return value
  return readSwitch('fanoutPrefix', value ?? true)
}

function readSteps(value: unknown): readonly number[] {
  if (value === undefined || value === null) return DEFAULT_NAMES.prioritySteps
  const steps = Array.isArray(value) ? value.map(Number) : []
  const ascending = steps.every((step, index) => Number.isInteger(step) && step >= 0 && step > (steps[index - 1] ?? -1))
  if (steps.length > 0 && ascending) return steps
  throw new ImproperlyConfigured(
    `The Redis option "prioritySteps" is a list of ascending whole numbers such as [0, 3, 6, 9]; it is ${String(value)}`,
  )
}

function readText(name: string, value: unknown, usual: string): string {
  if (value === undefined || value === null) return usual
  if (typeof value === 'string') return value
  throw new ImproperlyConfigured(`The Redis option "${name}" is a text; it is ${String(value)}`)
}

function readSeconds(name: string, value: unknown, usual: number): number {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : (value ?? usual)
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 1) return seconds
  throw new ImproperlyConfigured(
    `The Redis option "${name}" is a number of seconds, at least 1; it is ${String(value)}`,
  )
}

function readSwitch(name: string, value: unknown): boolean {
  const text = String(value).toLowerCase()
  if (text === 'true' || text === 'false') return text === 'true'
  throw new ImproperlyConfigured(`The Redis option "${name}" is true or false; it is ${String(value)}`)
}

function readOneOf<Value extends string>(name: string, value: unknown, values: readonly [Value, ...Value[]]): Value {
  if (value === undefined || value === null) return values[0]
  const found = values.find((known) => known === value)
  if (found !== undefined) return found
  throw new ImproperlyConfigured(`The Redis option "${name}" is one of ${values.join(', ')}; it is ${String(value)}`)
}
