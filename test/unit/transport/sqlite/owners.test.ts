import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { Owners } from '../../../../src/transport/sqlite/owners.ts'
import { FakeProcesses, openWithTables } from '../../../support/sqlite.ts'

const LEASE_MS = 10_000

describe('owners', () => {
  let database: SqliteDatabase
  let processes: FakeProcesses
  let nowMs: number
  beforeEach(async () => {
    database = await openWithTables()
    processes = new FakeProcesses()
    nowMs = 1_700_000_000_000
  })
  afterEach(() => database.release())

  function make(changes?: Parameters<FakeProcesses['table']>[0]): Owners {
    return new Owners(processes.table(changes), () => nowMs, LEASE_MS)
  }

  function add(owners: Owners): Promise<number> {
    return database.write((statements) => owners.add(statements))
  }

  function dead(owners: Owners, self?: number): number[] {
    return database.read((statements) => owners.listDead(statements, self))
  }

  function pass(ms: number): void {
    nowMs += ms
    processes.monotonicMs += ms
  }

  it('that are gone are dead at once, those that live never', async () => {
    const [one, other] = [make(), make()]
    const [first, second] = [await add(one), await add(other)]
    pass(LEASE_MS * 1000)
    expect(dead(make())).toEqual([])
    processes.verdicts.set('1', 'gone')
    expect(dead(make())).toEqual([first])
    processes.verdicts.set('2', 'gone')
    expect(dead(other, second)).toEqual([first])
  })

  it('elsewhere are dead when their lease has run out', async () => {
    const there = make({ space: 'there' })
    const id = await add(there)
    processes.verdicts.set('1', 'unknown')
    const here = make()
    pass(LEASE_MS - 1)
    expect(dead(here)).toEqual([])
    await database.write((statements) => {
      there.renew(statements, id)
    })
    pass(LEASE_MS - 1)
    expect(dead(here)).toEqual([])
    pass(2)
    expect(dead(here)).toEqual([id])
  })

  it('are not dead because somebody set the clock', async () => {
    await add(make({ space: 'there' }))
    processes.verdicts.set('1', 'unknown')
    nowMs += LEASE_MS * 100
    expect(dead(make())).toEqual([])
  })

  it('of another start of the machine go by the clock', async () => {
    const id = await add(make({ boot: 'before', space: 'before' }))
    processes.verdicts.set('1', 'unknown')
    processes.monotonicMs = 0
    expect(dead(make())).toEqual([])
    nowMs += LEASE_MS + 1
    expect(dead(make())).toEqual([id])
  })

  it('that only seem to be the same process are dead in the end', async () => {
    const id = await add(make({ boot: '' }))
    processes.verdicts.set('1', 'unknown')
    const here = make({ boot: '' })
    pass(LEASE_MS * 10)
    expect(dead(here)).toEqual([])
    pass(LEASE_MS * 20)
    expect(dead(here)).toEqual([id])
  })

  it('are there until they are removed, and their numbers do not come again', async () => {
    const owners = make()
    const id = await add(owners)
    await database.write((statements) => {
      expect(owners.exists(statements, id)).toBe(true)
      owners.remove(statements, id)
      expect(owners.exists(statements, id)).toBe(false)
      expect(owners.add(statements)).toBe(id + 1)
    })
  })
})
