import { expect, it } from 'vitest'
import type { ResultBackend } from '../../../src/backend/backend.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { successFinder } from '../../../src/worker/duplicates.ts'
import type { FindSuccess } from '../../../src/worker/duplicates.ts'

const lines: string[] = []
const logger = createLogger({ level: 'DEBUG', write: ({ message }) => lines.push(message) })

function finder(persistent: boolean, getMeta: (id: string) => unknown): FindSuccess | undefined {
  const backend = { features: { persistent }, getMeta: async (id: string) => getMeta(id) }
  return successFinder(backend as unknown as ResultBackend, logger)
}

it('finds what was stored as a success, and nothing else', async () => {
  const find = finder(true, (id) => (id === 'none' ? undefined : { task_id: id, status: id }))
  expect(await find?.('SUCCESS')).toMatchObject({ task_id: 'SUCCESS' })
  for (const id of ['FAILURE', 'STARTED', 'none']) expect(await find?.(id)).toBeUndefined()
})

it('lets a task run where the backend cannot say', async () => {
  const find = finder(true, () => {
    throw new Error('away')
  })
  expect(await find?.('id')).toBeUndefined()
  expect(lines).toEqual(['Whether task id has succeeded before cannot be found out, so it runs'])
  expect(finder(false, () => undefined)).toBeUndefined()
})
