/** What the beat stores promise, for each of them. */
import { describe, it } from 'vitest'
import type { BeatStoreContext } from '../../src/beat/store.ts'
import { MemoryBeatStoreFactory } from '../../src/beat/store/memory.ts'
import { testBeatStore } from '../../src/testing/beat-store-suite.ts'
import { beatStoreContext } from '../support/beat.ts'

testBeatStore(
  { describe, it },
  {
    name: 'memory',
    setup: async () => {
      const factory = new MemoryBeatStoreFactory()
      const context: BeatStoreContext = beatStoreContext('memory://')
      return { open: () => factory.open('memory://', context), remove: async () => undefined }
    },
  },
)
