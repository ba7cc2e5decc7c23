import { describe, it } from 'vitest'
import { MemoryTransport } from '../../src/transport/memory.ts'
import { testTransport } from '../../src/testing/transport-suite.ts'
import { transportContext } from '../support/context.ts'

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
