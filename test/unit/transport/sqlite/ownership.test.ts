import { describe, expect, it, vi } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { ConnectionError } from '../../../../src/errors.ts'
import { Owners } from '../../../../src/transport/sqlite/owners.ts'
import { Ownership } from '../../../../src/transport/sqlite/ownership.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { FakeProcesses, openWithTables, query } from '../../../support/sqlite.ts'

const LEASE_MS = 30_000

async function make(): Promise<{
  database: SqliteDatabase
  ownership: Ownership
  clock: ReturnType<typeof fakeClock>
  onLost: ReturnType<typeof vi.fn>
}> {
  const database = await openWithTables()
  const clock = fakeClock()
  const onLost = vi.fn()
  const owners = new Owners(new FakeProcesses().table(), () => clock.now(), LEASE_MS)
  return { database, clock, onLost, ownership: new Ownership({ database, clock, owners, leaseMs: LEASE_MS, onLost }) }
}

function rows(database: SqliteDatabase): unknown[] {
  return query(database.file, 'SELECT id, lease_wall_ms FROM celeriac_owner')
}

describe('ownership', () => {
  it('begins with the first claim, and is one however many ask', async () => {
    const { database, ownership } = await make()
    expect(ownership.id).toBeUndefined()
    expect(rows(database)).toEqual([])
    const ids = await Promise.all([ownership.claim(), ownership.claim(), ownership.write((_, owner) => owner)])
    expect(new Set(ids)).toEqual(new Set([ownership.id]))
    expect(rows(database)).toHaveLength(1)
    expect([ownership.nextLease(), ownership.nextLease()]).toEqual([1, 2])
    await database.release()
  })

  it('is renewed when a third of the lease is over, and not before', async () => {
    const { database, ownership, clock } = await make()
    await ownership.renew()
    expect(rows(database)).toEqual([])
    await ownership.claim()
    const before = rows(database)
    await clock.advance(LEASE_MS / 3 - 1)
    await ownership.renew()
    expect(rows(database)).toEqual(before)
    await clock.advance(1)
    await ownership.renew()
    expect(rows(database)).toMatchObject([{ lease_wall_ms: clock.now() + LEASE_MS }])
    await database.release()
  })

  it('that others have ended writes nothing, and says so once it is noticed', async () => {
    const { database, ownership, onLost } = await make()
    await ownership.claim()
    await database.write((statements) => statements.run('DELETE FROM celeriac_owner'))
    const work = vi.fn()
    await expect(ownership.write(work)).rejects.toThrow(ConnectionError)
    expect(work).not.toHaveBeenCalled()
    expect(onLost).toHaveBeenCalledOnce()
    await ownership.end()
    await database.release()
  })

  it('ends without a trace', async () => {
    const { database, ownership } = await make()
    await ownership.end()
    await ownership.claim()
    await ownership.end()
    expect(rows(database)).toEqual([])
    await database.release()
  })
})
