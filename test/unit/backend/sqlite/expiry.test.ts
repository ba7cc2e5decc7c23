import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Expiry } from '../../../../src/backend/sqlite/expiry.ts'
import { writeGroup, writeResults } from '../../../../src/backend/sqlite/results.ts'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'
import { openWithTables, query } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

describe('expiry', () => {
  let database: SqliteDatabase
  let clock: FakeClock
  let expiry: Expiry
  const onError = vi.fn()
  beforeEach(async () => {
    database = await openWithTables()
    clock = fakeClock()
    expiry = new Expiry(database, clock, onError)
  })
  afterEach(async () => {
    expiry.stop()
    expect(onError).not.toHaveBeenCalled()
    onError.mockReset()
    await database.release()
  })

  async function write(name: string, count: number, expiresMs: number | null): Promise<void> {
    const results = Array.from({ length: count }, (_, index) => ({
      taskId: `${name}${String(index)}`,
      status: 'SUCCESS',
      body: 'b',
    }))
    await database.write((statements) => {
      writeResults(statements, results, expiresMs, clock.now())
    })
  }

  function left(): number {
    return Number(query(database.file, 'SELECT count(*) AS n FROM celeriac_result')[0]?.['n'])
  }

  it('removes all that has expired when it is asked to', async () => {
    await write('old', 1500, clock.now() - 1)
    await write('young', 700, clock.now() + 1)
    await write('for ever', 700, null)
    await write('more old', 1500, clock.now())
    await database.write((statements) => {
      writeGroup(statements, 'g', 'b', clock.now())
    })
    expect(await expiry.removeAll()).toBe(3001)
    expect(left()).toBe(1400)
    const write2 = vi.spyOn(database, 'write')
    expect(await expiry.removeAll()).toBe(0)
    expect(write2).not.toHaveBeenCalled()
  })

  it('removes the oldest by itself, once a minute', async () => {
    await write('a', 2500, clock.now() + 30_000)
    await write('b', 100, clock.now() + 90_000)
    expiry.start()
    await clock.advance(59_999)
    expect(left()).toBe(2600)
    await clock.advance(1)
    await waitFor(() => left() === 100)
    await clock.advance(60_000)
    await waitFor(() => left() === 0)
  })

  it('comes past those that live longer, in time', async () => {
    await write('for ever', 2500, null)
    await write('old', 10, clock.now())
    expiry.start()
    for (let count = 0; count < 3; count += 1) {
      await waitFor(() => clock.pending === 1)
      await clock.advance(60_000)
    }
    await waitFor(() => left() === 2500)
  })

  it('stops, and does not begin again', async () => {
    expiry.start()
    expiry.stop()
    expiry.start()
    expect(clock.pending).toBe(0)
  })

  it('tells when it failed, and goes on', async () => {
    const failing = new Expiry(database, clock, onError)
    vi.spyOn(database, 'read').mockImplementationOnce(() => {
      throw new Error('broken')
    })
    failing.start()
    await clock.advance(60_000)
    await waitFor(() => onError.mock.calls.length === 1)
    expect(clock.pending).toBe(1)
    failing.stop()
    onError.mockReset()
  })
})
