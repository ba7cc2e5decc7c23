/** The shared suites over the embedded store. */
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { sqliteTransport } from '../../src/transport/sqlite/transport.ts'
import { backendContext, transportContext } from '../support/context.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

testTransport(
  { describe, it },
  {
    name: 'sqlite',
    setup: async () => {
      const url = `sqlite:///${join(temporaryDirectory(), 'broker.db')}`
      // Each connection has its own registry, so that they share nothing but the file, as processes do.
      return {
        connect: () => sqliteTransport.connect(url, {}, transportContext({ sqlite: new SqliteFiles() })),
        remove: async () => undefined,
      }
    },
  },
)

testBackend(
  { describe, it },
  {
    name: 'sqlite',
    setup: async () => {
      const url = `sqlite:///${join(temporaryDirectory(), 'results.db')}`
      return {
        open: (resultExpiresMs) =>
          sqliteBackend.open(url, {}, backendContext({ sqlite: new SqliteFiles(), resultExpiresMs })),
        remove: async () => undefined,
      }
    },
  },
)
