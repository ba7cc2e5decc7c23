import { expect, it } from 'vitest'
import type { StoringResult } from '../../../src/backend/backend.ts'
import { storeResult } from '../../../src/backend/storing.ts'

const result = { taskId: 'a', status: 'SUCCESS', body: '{}' }

it('storing one document rejects with what keeps it from being stored', async () => {
  const seen: unknown[] = []
  const backend = (error: Error | undefined) => ({
    storeResult: async (storing: StoringResult) => {
      seen.push([storing.result, storing.to])
      storing.error = error
    },
  })
  await storeResult(backend(undefined), result, { reply_to: 'me' })
  await expect(storeResult(backend(new Error('full')), result)).rejects.toThrow('full')
  expect(seen).toEqual([
    [result, { reply_to: 'me' }],
    [result, undefined],
  ])
})
