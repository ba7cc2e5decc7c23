/** What every result backend promises, kept by the one over Redis: as text and as bytes, by one server and by a cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend } from '../../src/backend/redis.ts'
import { json } from '../../src/serialization/json.ts'
import { pickle } from '../../src/serialization/pickle.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { backendContext } from '../support/context.ts'
import { describeWithRedis, startRedis, startRedisCluster } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

for (const { scheme, serializer, start } of [
  { scheme: 'redis', serializer: json, start: startRedis },
  { scheme: 'redis', serializer: pickle, start: startRedis },
  { scheme: 'rediscluster', serializer: json, start: startRedisCluster },
]) {
  describeWithRedis(`${scheme} with ${serializer.name}`, () => {
    let server: RedisServer

    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      await server.stop()
    })

    testBackend(
      { describe, it },
      {
        name: scheme,
        setup: async () => ({
          open: (resultExpiresMs) => {
            const url = server.url.replace(/^redis/, scheme)
            return redisBackend.open(url, {}, backendContext({ resultExpiresMs, serializer }))
          },
          remove: async () => {
            await waitFor(async () => (await server.ask('PUBSUB', 'CHANNELS')) === '')
            expect(await server.ask('FLUSHALL')).toBe('OK')
          },
        }),
      },
    )
  })
}
