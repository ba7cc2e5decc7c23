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

testTransport(
  { describe, it },
  {
    // As several processes have it: every connection opens the file for itself.
    name: 'sqlite, opened apart',
    setup: async () => {
      const url = `sqlite:///${join(temporaryDirectory(), 'broker.db')}`
      return {
        connect: () => sqliteTransport.connect(url, {}, transportContext({ sqlite: new SqliteFiles() })),
        remove: async () => undefined,
      }
    },
  },
)

testTransport(
  { describe, it },
  {
    name: 'sqlite',
    setup: async () => {
      const url = `sqlite:///${join(temporaryDirectory(), 'broker.db')}`
      const context = transportContext({ sqlite: new SqliteFiles() })
      return {
        connect: () => sqliteTransport.connect(url, {}, context),
        remove: async () => undefined,
      }
    },
  },
)
