import { describe, expect, it } from 'vitest'
import type { StoringResult } from '../../../../src/backend/backend.ts'
import { Writes } from '../../../../src/backend/sqlite/writes.ts'
import { BackendStoreError } from '../../../../src/errors.ts'
import { ensureSchema } from '../../../../src/transport/sqlite/schema.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { openDatabase, openRaw, query, temporaryFile } from '../../../support/sqlite.ts'

async function fixture() {
  const file = temporaryFile()
  const database = openDatabase(file, { busyTimeoutMs: 20 })
  await ensureSchema(database)
  const writes = new Writes({ database, clock: fakeClock(), expiresMs: () => null })
  const stored = (): unknown[] => query(file, 'SELECT id FROM celeriac_result ORDER BY seq').map(({ id }) => id)
  return { file, writes, stored }
}

function storing(taskId: string): StoringResult {
  return { result: { taskId, status: 'SUCCESS', body: '{}' }, error: undefined }
}

describe('writing results', () => {
  it('is one promise for all of a turn, and another for the next', async () => {
    const { writes, stored } = await fixture()
    const first = writes.store(storing('a'))
    expect(writes.store(storing('b'))).toBe(first)
    await first
    const second = writes.store(storing('c'))
    expect(second).not.toBe(first)
    await second
    expect(stored()).toEqual(['a', 'b', 'c'])
  })

  it('fails for the document that cannot be written, not for its neighbours', async () => {
    const { writes, stored } = await fixture()
    const all = [storing('a'), storing({} as string), storing('c')]
    await Promise.all(all.map((one) => writes.store(one)))
    expect(all.map(({ error }) => error instanceof Error)).toEqual([false, true, false])
    expect(stored()).toEqual(['a', 'c'])
  })

  it('says that the file was locked for too long, and goes on when it is not', async () => {
    const { file, writes, stored } = await fixture()
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    const late = storing('late')
    await writes.store(late)
    expect(late.error).toBeInstanceOf(BackendStoreError)
    shell.exec('COMMIT')
    await writes.store(storing('a'))
    expect(stored()).toEqual(['a'])
    shell.close()
  })
})
