/** What the beat stores promise, for each of them. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { redisBeatStore } from '../../src/beat/store/redis.ts'
import { sqliteBeatStore } from '../../src/beat/store/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { MemoryBeatStoreFactory } from '../../src/beat/store/memory.ts'
import { testBeatStore } from '../../src/testing/beat-store-suite.ts'
import { beatStoreContext } from '../support/beat.ts'
import { findFreePort } from '../support/ports.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

testBeatStore(
  { describe, it },
  {
    name: 'memory',
    setup: async () => {
      const factory = new MemoryBeatStoreFactory()
      const context = beatStoreContext('memory://')
      return { open: () => factory.open('memory://', context), remove: async () => undefined }
    },
  },
)

testBeatStore(
  { describe, it },
  {
    name: 'sqlite',
    setup: async () => {
      const url = `sqlite:///${join(temporaryDirectory(), 'beat.db')}`
      return {
        // As several processes have it: each opens the file for itself.
        open: () => sqliteBeatStore.open(url, beatStoreContext(url, { sqlite: new SqliteFiles() })),
        remove: async () => undefined,
      }
    },
  },
)

describeWithRedis('over a server', () => {
  let servers: readonly RedisServer[] = []
  let labs = 0
  beforeAll(async () => {
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(await findFreePort())]
    servers = await Promise.all([startRedis(), startRedis({ args: cluster })])
    await servers[1]?.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await waitFor(async () => (await servers[1]?.ask('CLUSTER', 'INFO'))?.includes('cluster_state:ok') === true)
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })
  for (const [index, [name, scheme]] of Object.entries([
    ['redis', 'redis'],
    ['redis, a cluster', 'rediscluster'],
  ])) {
    testBeatStore(
      { describe, it },
      {
        name: String(name),
        setup: async () => {
          const url = `${String(scheme)}://127.0.0.1:${String(servers[Number(index)]?.port)}`
          labs += 1
          const context = { ...beatStoreContext(url), scope: `app ${String(labs)}` }
          return { open: () => redisBeatStore.open(url, context), remove: async () => undefined }
        },
      },
    )
  }
})
