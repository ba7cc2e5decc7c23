/** The shared suites over the embedded store. */
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { sqliteTransport } from '../../src/transport/sqlite/transport.ts'
import { transportContext } from '../support/context.ts'
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
