import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { MemoryTransport } from '../../src/transport/memory.ts'
import { redisTransport } from '../../src/transport/redis/transport.ts'
import { sqliteTransport } from '../../src/transport/sqlite/transport.ts'
import { transportContext } from '../support/context.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { findFreePort } from '../support/ports.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

testTransport(
  { describe, it },
  {
    name: 'memory',
    setup: async () => {
      const transport = new MemoryTransport()
      return {
        connect: () => transport.connect('memory://', {}, transportContext()),
        remove: async () => undefined,
      }
    },
  },
)

for (const apart of [false, true]) {
  testTransport(
    { describe, it },
    {
      // Apart, as several processes have it: every connection opens the file for itself.
      name: apart ? 'sqlite, opened apart' : 'sqlite',
      setup: async () => {
        const url = `sqlite:///${join(temporaryDirectory(), 'broker.db')}`
        const shared = new SqliteFiles()
        return {
          connect: () => {
            const sqlite = apart ? new SqliteFiles() : shared
            return sqliteTransport.connect(url, {}, transportContext({ sqlite }))
          },
          remove: async () => undefined,
        }
      },
    },
  )
}

describeWithRedis('over a server', () => {
  const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf']
  for (const [name, args] of [
    ['redis', []],
    ['redis, a cluster', CLUSTER],
  ] as const) {
    let server: RedisServer
    let brokers = 0
    beforeAll(async () => {
      server = await startRedis({ args: [...args, ...(await clusterPort(args))] })
      if (args.length === 0) return
      await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
      await waitFor(async () => (await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    })
    afterAll(() => server.stop())
    testTransport(
      { describe, it },
      {
        name,
        setup: async () => {
          brokers += 1
          const url = args.length === 0 ? server.url : server.url.replace('redis:', 'rediscluster:')
          const globalKeyprefix = `{broker${String(brokers)}}`
          return {
            connect: () => redisTransport.connect(url, { globalKeyprefix }, transportContext()),
            remove: async () => {
              const keys = await server.ask('KEYS', `${globalKeyprefix}*`)
              // Nobody is there any more, so nobody holds anything.
              assert.doesNotMatch(keys, /unacked|owner/)
            },
          }
        },
      },
    )
  }
})

/** Besides its own port a node of a cluster needs one for the other nodes. */
async function clusterPort(args: readonly string[]): Promise<string[]> {
  return args.length === 0 ? [] : ['--cluster-port', String(await findFreePort())]
}
