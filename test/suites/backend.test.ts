import { describe, it } from 'vitest'
import { MemoryBackendFactory } from '../../src/backend/memory.ts'
import { testBackend } from '../../src/testing/backend-suite.ts'
import { backendContext } from '../support/context.ts'

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
