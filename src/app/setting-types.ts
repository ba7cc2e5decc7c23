/**
 * The types that settings may have: for each what TypeScript calls it, what an error calls it, and how a value is
 * checked and converted. Text is converted everywhere, for it is all that environment and command line can give.
 */
import { inspect } from 'node:util'
import type { RetryPolicy } from '../canvas/options.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { camelCase } from '../util/case.ts'
import { isRecord } from '../util/record.ts'
import { didYouMean } from '../util/suggest.ts'
import { isAnnotator, readAnnotation } from '../task/annotations.ts'
import type { Annotations } from '../task/annotations.ts'
import { isSecret, maskUrls } from './censor.ts'
import { defineEntry } from './entry.ts'
import type { EntryInput } from './entry.ts'
import { readQueues } from './queues.ts'
import type { TaskQueues } from './queues.ts'
import { readRoutes } from './routes.ts'
import type { TaskRoutes } from './routes.ts'

/** The order in which several broker URLs are tried. */
export type FailoverStrategy = 'round-robin' | 'shuffle' | ((urls: readonly string[]) => Iterable<string>)

/** What each type is in TypeScript. */
export interface SettingTypes {
  string: string
  int: number
  float: number
  bool: boolean
  seconds: number
  milliseconds: number
  kibibytes: number
  list: readonly string[]
  dict: Readonly<Record<string, unknown>>
  url: string | readonly string[]
  timezone: string
  rateLimit: string | number
  deliveryMode: 1 | 2
  tls: boolean | Readonly<Record<string, unknown>>
  user: string | number
  umask: number
  retryPolicy: RetryPolicy
  failover: FailoverStrategy
  queues: TaskQueues
  routes: TaskRoutes
  annotations: Annotations
  schedule: Readonly<Record<string, EntryInput>>
  component: string | object
  any: unknown
}

/** A type's name. */
export type SettingType = keyof SettingTypes

/** What the table says about the values of one setting. */
export interface ValueRules {
  readonly type: SettingType
  /** `null` also says that the setting may be null. */
  readonly default: unknown
  /** May be null although the default is not. */
  readonly nullable?: true
  /** Only these values. */
  readonly choices?: readonly (string | number)[]
  /** The smallest number. */
  readonly min?: number
}

/** Answers the converted value, or undefined for one that does not fit. May throw where it knows more. */
interface Converter<T> {
  readonly expects: string
  readonly convert: (value: unknown, key: string) => T | undefined
}

/**
 * Check one value and convert it. Throws `ImproperlyConfigured` that names the key, what was given and what is expected.
 */
export function convertValue(key: string, value: unknown, rules: ValueRules): unknown {
  const nullable = rules.nullable === true || rules.default === null
  const { expects, convert }: Converter<unknown> = CONVERTERS[rules.type]
  if (nullable && meansNull(value, rules.type)) return null
  const converted = convert(value, key)
  const fits =
    converted !== undefined &&
    (rules.choices === undefined || rules.choices.includes(converted as string)) &&
    (rules.min === undefined || (converted as number) >= rules.min)
  if (fits) return converted
  const choices =
    rules.choices === undefined ? expects : rules.choices.map((choice) => JSON.stringify(choice)).join(' or ')
  const smallest = rules.min === undefined ? '' : `, at least ${String(rules.min)}`
  const hint =
    typeof value === 'string' && rules.choices !== undefined ? didYouMean(value, rules.choices.map(String)) : ''
  throw new ImproperlyConfigured(
    `${key} must be ${choices}${smallest}${nullable ? ', or null' : ''}, not ${show(key, value)}${hint}`,
  )
}

const TEXTUAL: ReadonlySet<SettingType> = new Set(['string', 'url', 'user', 'timezone', 'component', 'any'])
const NUMERIC: ReadonlySet<SettingType> = new Set(['int', 'float', 'seconds', 'milliseconds', 'kibibytes'])

/** In text, None has to be written somehow; and where null is no limit, so is infinity. */
function meansNull(value: unknown, type: SettingType): boolean {
  if (value === null) return true
  if (value === Infinity) return NUMERIC.has(type)
  return typeof value === 'string' && !TEXTUAL.has(type) && /^\s*(none|null)?\s*$/i.test(value)
}

/** The value in an error, short, and without secrets. */
function show(key: string, value: unknown): string {
  if (isSecret(key)) return 'the value given'
  const text = inspect(value, {
    depth: 1,
    breakLength: Infinity,
    customInspect: false,
    maxArrayLength: 5,
    maxStringLength: 60,
  })
  return maskUrls(text.length > 120 ? `${text.slice(0, 120)}...` : text)
}

const TRUE = /^(y|yes|t|true|on|1)$/i
const FALSE = /^(n|no|f|false|off|0)$/i
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const RATE = /^\d+(\.\d+)?(\/[smh])?$/

const CONVERTERS: { readonly [K in SettingType]: Converter<SettingTypes[K]> } = {
  string: { expects: 'text', convert: toText },
  int: { expects: 'a whole number', convert: toInteger },
  float: { expects: 'a number', convert: toNumber },
  bool: { expects: 'true or false', convert: toBoolean },
  seconds: { expects: 'a number of seconds', convert: toNumber },
  milliseconds: { expects: 'a number of milliseconds', convert: toNumber },
  kibibytes: { expects: 'a whole number of KiB', convert: toInteger },
  list: { expects: 'a list of texts', convert: toList },
  dict: { expects: 'an object', convert: toDict },
  url: { expects: 'a URL or a list of URLs', convert: toUrl },
  timezone: { expects: 'an IANA time zone such as Europe/London', convert: toTimezone },
  rateLimit: { expects: 'a rate such as 10/s, 100/m or 5/h, or a number a second', convert: toRate },
  deliveryMode: { expects: '2 ("persistent") or 1 ("transient")', convert: toDeliveryMode },
  tls: { expects: 'true, false or an object of TLS options', convert: (value) => toBoolean(value) ?? toDict(value) },
  user: { expects: 'a name or a number', convert: toUser },
  umask: { expects: 'a umask such as "022"', convert: toUmask },
  retryPolicy: {
    expects: 'an object with maxRetries, intervalStart, intervalStep, intervalMax and timeout',
    convert: toRetryPolicy,
  },
  failover: { expects: '"round-robin", "shuffle" or a function', convert: toFailover },
  queues: { expects: 'a list of queues, or an object by name', convert: toQueues },
  routes: { expects: 'an object by task name, a list of pairs, a function, or a list of these', convert: toRoutes },
  annotations: {
    expects: 'an object by task name, or a list of these and of objects with annotate()',
    convert: toAnnotations,
  },
  schedule: { expects: 'an object of entries such as { task: "proj.add", schedule: 30 }', convert: toSchedule },
  component: { expects: 'a name or a class', convert: toComponent },
  any: { expects: 'anything', convert: (value) => value },
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && NUMBER.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function toInteger(value: unknown): number | undefined {
  const number = toNumber(value)
  return Number.isSafeInteger(number) ? number : undefined
}

function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const text = typeof value === 'string' ? value.trim() : value === 0 || value === 1 ? String(value) : ''
  if (TRUE.test(text)) return true
  return FALSE.test(text) ? false : undefined
}

/** One text is a list too: of what commas separate, or in JSON. */
function toList(value: unknown): readonly string[] | undefined {
  const items =
    typeof value === 'string' ? (fromJson(value) ?? splitCommas(value)) : value instanceof Set ? [...value] : value
  return Array.isArray(items) && items.every((item) => typeof item === 'string') ? items.slice() : undefined
}

function splitCommas(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function toDict(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const object = typeof value === 'string' ? fromJson(value) : value instanceof Map ? fromMap(value) : value
  return isRecord(object) ? { ...object } : undefined
}

function fromMap(map: ReadonlyMap<unknown, unknown>): unknown {
  return [...map.keys()].every((key) => typeof key === 'string') ? Object.fromEntries(map) : undefined
}

/** What a text in JSON holds; undefined where it is no JSON. */
function fromJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function toUrl(value: unknown): string | readonly string[] | undefined {
  if (typeof value === 'string' && fromJson(value) === undefined) return value.trim() === '' ? undefined : value.trim()
  const urls = toList(value)
  return urls === undefined || urls.length === 0 || urls.some((url) => url.trim() === '') ? undefined : urls
}

function toTimezone(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return value
  } catch {
    return undefined
  }
}

function toRate(value: unknown): string | number | undefined {
  if (typeof value === 'string') return RATE.test(value) ? value : undefined
  const rate = toNumber(value)
  return rate === undefined || rate < 0 ? undefined : rate
}

function toDeliveryMode(value: unknown): 1 | 2 | undefined {
  if (value === 'persistent') return 2
  if (value === 'transient') return 1
  const mode = toInteger(value)
  return mode === 1 || mode === 2 ? mode : undefined
}

function toUser(value: unknown): string | number | undefined {
  const id = toInteger(value)
  if (id !== undefined) return id >= 0 ? id : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function toUmask(value: unknown): number | undefined {
  const umask =
    typeof value === 'string' && /^(0o)?[0-7]{1,4}$/.test(value) ? parseInt(value.replace('0o', ''), 8) : value
  return typeof umask === 'number' && Number.isInteger(umask) && umask >= 0 && umask <= 0o7777 ? umask : undefined
}

const POLICY_KEYS = ['maxRetries', 'intervalStart', 'intervalStep', 'intervalMax', 'timeout'] as const

/** Both spellings; errors that are worth another attempt are known to the transport, so Python's list is ignored. */
function toRetryPolicy(value: unknown, key: string): RetryPolicy | undefined {
  const dict = toDict(value)
  if (dict === undefined) return undefined
  const policy: Partial<Record<(typeof POLICY_KEYS)[number], number | null>> = {}
  for (const [given, item] of Object.entries(dict)) {
    const name = POLICY_KEYS.find((known) => known === camelCase(given))
    if (name === undefined) {
      throw new ImproperlyConfigured(
        `${key} has no "${given}"${didYouMean(given, POLICY_KEYS) || `: it has ${POLICY_KEYS.join(', ')}`}`,
      )
    }
    const type = name === 'maxRetries' ? 'int' : 'seconds'
    const number = convertValue(`${key}.${name}`, item, { type, default: name === 'maxRetries' ? null : 0, min: 0 })
    policy[name] = number as number | null
  }
  return policy as RetryPolicy
}

function toFailover(value: unknown): FailoverStrategy | undefined {
  if (typeof value === 'function') return value as FailoverStrategy
  return value === 'round-robin' || value === 'shuffle' ? value : undefined
}

/** Checked here, and read again where they are used: what they mean depends on other settings. */
function toQueues(value: unknown): TaskQueues | undefined {
  const queues = typeof value === 'string' ? (fromJson(value) ?? splitCommas(value)) : value
  if (typeof queues !== 'object' || queues === null) return undefined
  readQueues(queues as TaskQueues)
  return queues as TaskQueues
}

function toRoutes(value: unknown): TaskRoutes | undefined {
  const routes = typeof value === 'string' ? fromJson(value) : value
  if (routes === null || (typeof routes !== 'object' && typeof routes !== 'function')) return undefined
  readRoutes(routes as TaskRoutes)
  return routes as TaskRoutes
}

function toAnnotations(value: unknown, key: string): Annotations | undefined {
  const annotations = typeof value === 'string' ? fromJson(value) : value
  const list: readonly unknown[] = Array.isArray(annotations) ? annotations : [annotations]
  for (const one of list) {
    if (isAnnotator(one)) continue
    if (!isRecord(one)) return undefined
    for (const [name, changes] of Object.entries(one)) {
      if (!isRecord(changes)) return undefined
      readAnnotation(`${key}["${name}"]`, changes)
    }
  }
  return annotations as Annotations
}

/** Checked here and now, so that a mistake is told of where it is made, and not by a beat that starts some day. */
function toSchedule(value: unknown): SettingTypes['schedule'] | undefined {
  const entries = toDict(value)
  if (entries === undefined) return undefined
  for (const [name, entry] of Object.entries(entries)) defineEntry(name, entry as EntryInput, 'app')
  return entries as SettingTypes['schedule']
}

function toComponent(value: unknown): string | object | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? value : undefined
}
