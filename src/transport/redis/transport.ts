/**
 * `redis://`: queues in Redis, with kombu's keys, so that Python's Celery may use them too. Reads the URL and the options
 * and connects; everything else is `store.ts` and the virtual channel.
 */
import { ConnectionError, OperationalError } from '../../errors.ts'
import { connectRedis } from '../../driver/redis.ts'
import type { RedisClient, RedisOptions } from '../../driver/redis.ts'
import type { Clock } from '../../util/clock.ts'
import { schemeOf } from '../../util/url.ts'
import type { Connection, Transport, TransportContext, TransportOptions } from '../transport.ts'
import { VirtualConnection } from '../virtual/connection.ts'
import { Keys } from './keys.ts'
import { readRedisBroker } from './options.ts'
import { RedisStore } from './store.ts'

export const redisTransport: Transport = {
  name: 'redis',
  async connect(url: string, options: TransportOptions, context: TransportContext): Promise<Connection> {
    const { settings, clientName } = readRedisBroker(url, options, context.settings?.useSsl)
    const client = await connect(url, settings.connection, context.clock)
    return new VirtualConnection(
      new RedisStore(client, {
        keys: new Keys(settings.names),
        clock: context.clock,
        logger: context.logger,
        leaseMs: settings.lease * 1000,
        visibilityTimeoutMs: settings.visibilityTimeout * 1000,
        clientName,
        queueOrder: settings.queueOrder,
        bodyEncoding: settings.bodyEncoding,
      }),
    )
  },
}

async function connect(url: string, options: RedisOptions, clock: Clock): Promise<RedisClient> {
  try {
    return await connectRedis(url, options, `The broker ${schemeOf(url)}://`, clock)
  } catch (error) {
    if (!(error instanceof OperationalError) || error instanceof ConnectionError) throw error
    throw new ConnectionError(error.message, { cause: error })
  }
}
