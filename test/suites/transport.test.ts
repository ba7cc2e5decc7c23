import { join } from 'node:path'
import { describe, it } from 'vitest'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { MemoryTransport } from '../../src/transport/memory.ts'
import { sqliteTransport } from '../../src/transport/sqlite/transport.ts'
import { transportContext } from '../support/context.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

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
