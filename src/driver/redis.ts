/**
 * Redis behind our own small interface. This is the door: it finds the server or servers that a URL means. What a client
 * can do is `redis/client.ts`; which package does the talking, `redis/library.ts`.
 */
import { ConnectionError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import { systemClock } from '../util/clock.ts'
import type { RedisClient } from './redis/client.ts'
import { openCluster } from './redis/cluster.ts'
import { openConnection } from './redis/connection.ts'
import { loadRedis } from './redis/library.ts'
import type { LinkParts } from './redis/link.ts'
import { readRedisOptions } from './redis/options.ts'
import type { RedisSettings } from './redis/options.ts'
import { openMaster } from './redis/sentinel.ts'
import type { RedisOptions } from './redis/values.ts'

export type {
  RedisArgument,
  RedisClient,
  RedisCommand,
  RedisListener,
  RedisReply,
  RedisReplyOptions,
  RedisScript,
  Unsubscribe,
} from './redis/client.ts'
export { mayPass, replyCode } from './redis/failure.ts'
export { readRedisOptions, splitRedisOptions } from './redis/options.ts'
export type { RedisSettings } from './redis/options.ts'
export type { RedisOptions } from './redis/values.ts'

/**
 * Connect to what `url` and the options beside it say (`readRedisOptions`, where both are read); a client that is in use
 * and whose server serves. `neededFor` begins the sentence of the error where the client package is missing: "The broker
 * redis://". Rejects with `ConnectionError` where nobody can be reached in time, `OperationalError` where the server
 * refuses (a wrong password, data that is still loading), `ImproperlyConfigured` for a wrong URL or option, `MissingDriver`.
 */
export async function connectRedis(
  url: string,
  options: RedisOptions,
  neededFor: string,
  clock: Clock = systemClock,
): Promise<RedisClient> {
  const settings = readRedisOptions(url, options)
  const parts = await partsOf(settings, neededFor, clock)
  if (settings.kind === 'sentinel') return openMaster(settings, parts)
  if (settings.kind === 'cluster') return openCluster(settings.addresses, parts)
  return openConnection(parts)
}

async function partsOf(settings: RedisSettings, neededFor: string, clock: Clock): Promise<LinkParts> {
  const { database, clientName, connectTimeoutMs, socketTimeoutMs, healthCheckMs } = settings
  const [address] = settings.addresses
  if (address === undefined) throw new ConnectionError(`No server is named in ${settings.place}`)
  return {
    library: await loadRedis(neededFor),
    clock,
    address,
    login: settings,
    database,
    clientName,
    connectTimeoutMs,
    socketTimeoutMs,
    healthCheckMs,
  }
}
