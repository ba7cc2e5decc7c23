import { join } from 'node:path'
import { describe, it } from 'vitest'
import type { ResultBackend, StoringResult } from '../../src/backend/backend.ts'
import { MemoryBackendFactory } from '../../src/backend/memory.ts'
import { rpcBackend } from '../../src/backend/rpc.ts'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { BrokerConnection } from '../../src/messaging/connection.ts'
import type { ResultAddress } from '../../src/protocol/reply.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { TransportRegistry } from '../../src/transport/registry.ts'
import { backendContext, transportContext } from '../support/context.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

testBackend(
  { describe, it },
  {
    name: 'memory',
    setup: async () => {
      const factory = new MemoryBackendFactory()
      return {
        open: (resultExpiresMs) => factory.open('memory://', {}, backendContext({ resultExpiresMs })),
        remove: async () => undefined,
      }
    },
  },
)

for (const apart of [false, true]) {
  testBackend(
    { describe, it },
    {
      // Apart, as several processes have it: every backend opens the file for itself.
      name: apart ? 'sqlite, opened apart' : 'sqlite',
      setup: async () => {
        const url = `sqlite:///${join(temporaryDirectory(), 'results.db')}`
        const shared = new SqliteFiles()
        return {
          open: (resultExpiresMs) => {
            const sqlite = apart ? new SqliteFiles() : shared
            return sqliteBackend.open(url, {}, backendContext({ resultExpiresMs, sqlite }))
          },
          remove: async () => undefined,
        }
      },
    },
  )
}
testBackend(
  { describe, it },
  {
    name: 'rpc',
    oneReader: true,
    setup: async () => {
      const transports = new TransportRegistry()
      const context = transportContext()
      let count = 0
      return {
        open: async (resultExpiresMs) => {
          count += 1
          const backend = await rpcBackend.open(
            'rpc://',
            {},
            backendContext({
              resultExpiresMs,
              connect: () => new BrokerConnection({ urls: 'memory://', transports, context }),
              replyTo: `replies-${String(count)}`,
            }),
          )
          backend.replies?.expect([
            'nobody',
            'no-one',
            ...Array.from({ length: 500 }, (_, index) => `t${String(index)}`),
          ])
          return addressed(backend, { reply_to: 'replies-1' })
        },
        remove: async () => undefined,
      }
    },
  },
)

/** The same backend, whose results all go to one caller. */
function addressed(backend: ResultBackend, to: ResultAddress): ResultBackend {
  return new Proxy(backend, {
    get: (target, name) => {
      if (name === 'storeResult') {
        return (storing: StoringResult) => target.storeResult(Object.assign(storing, { to }))
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
