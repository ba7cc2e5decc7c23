/** What a Redis URL and the options beside it say to the result backend; what they say to the connection is the driver's. */
import { splitRedisOptions } from '../../driver/redis.ts'
import type { RedisOptions } from '../../driver/redis.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import type { GrowingWait } from '../../util/backoff.ts'
import { camelCase } from '../../util/case.ts'

/** All of it, checked. */
export interface RedisBackendSettings {
  /** What all keys begin with (`globalKeyprefix`). Default: nothing. */
  readonly keyPrefix: string
  readonly retry: RetryPolicy
  /** What is left for the driver. */
  readonly connection: RedisOptions
}

/** How often, and after which waits, what was asked is asked again when the connection is lost (`retryPolicy`). */
export interface RetryPolicy extends GrowingWait {
  readonly maxRetries: number
}

/** Celery's: at once, and then every second. */
const RETRY_DEFAULTS = { maxRetries: 20, intervalStart: 0, intervalStep: 1, intervalMax: 1 }

/** Names that belong to this backend. The last two are for other uses of the same options, and for Python. */
const OWN = ['globalKeyprefix', 'retryPolicy', 'visibilityTimeout', 'additionalConnectionErrors'] as const

/**
 * Read Celery's options, in camelCase or as Python writes them: `globalKeyprefix` and `retryPolicy` (`maxRetries`, null is
 * for ever; `intervalStart`, `intervalStep` and `intervalMax` in seconds). Throws `ImproperlyConfigured` for a value that
 * makes no sense, and for an option that neither this backend nor the driver knows.
 */
export function readRedisBackendOptions(url: string, options: RedisOptions): RedisBackendSettings {
  const { own, connection } = splitRedisOptions(url, options, OWN)
  return { keyPrefix: readPrefix(own.globalKeyprefix), retry: readRetryPolicy(own.retryPolicy), connection }
}

function readPrefix(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw new ImproperlyConfigured(`The option "globalKeyprefix" of results in Redis is a text; it is ${String(value)}`)
}

function readRetryPolicy(value: unknown): RetryPolicy {
  const policy: Record<string, unknown> = { ...RETRY_DEFAULTS }
  for (const [name, part] of Object.entries((value ?? {}) as RedisOptions)) policy[camelCase(name)] = part
  return {
    maxRetries: policy['maxRetries'] === null ? Infinity : readNumber('maxRetries', policy['maxRetries']),
    startMs: readNumber('intervalStart', policy['intervalStart']) * 1000,
    stepMs: readNumber('intervalStep', policy['intervalStep']) * 1000,
    maxMs: readNumber('intervalMax', policy['intervalMax']) * 1000,
  }
}

function readNumber(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new ImproperlyConfigured(`In "retryPolicy", "${name}" is a number, at least 0; it is ${String(value)}`)
}
