import { join } from 'node:path'
import { describe, it } from 'vitest'
import { MemoryBackendFactory } from '../../src/backend/memory.ts'
import { sqliteBackend } from '../../src/backend/sqlite.ts'
import { SqliteFiles } from '../../src/driver/sqlite.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { backendContext } from '../support/context.ts'
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
