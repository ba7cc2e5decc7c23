/** What every result backend promises, kept by the one over Redis: as text and as bytes, by one server and by a cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend } from '../../src/backend/redis.ts'
import { json } from '../../src/serialization/json.ts'
import { pickle } from '../../src/serialization/pickle.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { backendContext } from '../support/context.ts'
import { findFreePort } from '../support/ports.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

/** A cluster of one node. */
async function startCluster(): Promise<RedisServer> {
  const server = await startRedis({
    args: ['--cluster-enabled', 'yes', '--cluster-port', String(await findFreePort())],
  })
  await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await waitFor(async () => (await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  return server
}

for (const { scheme, serializer, start } of [
  { scheme: 'redis', serializer: json, start: startRedis },
  { scheme: 'redis', serializer: pickle, start: startRedis },
  { scheme: 'rediscluster', serializer: json, start: startCluster },
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
