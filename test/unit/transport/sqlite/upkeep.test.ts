import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { takeMessages } from '../../../../src/transport/sqlite/lanes.ts'
import { putMessages } from '../../../../src/transport/sqlite/messages.ts'
import { Owners } from '../../../../src/transport/sqlite/owners.ts'
import {
  addConsumer,
  addExclusive,
  declareQueue,
  findQueue,
  plainQueue,
} from '../../../../src/transport/sqlite/topology.ts'
import { dropQueue, tidy } from '../../../../src/transport/sqlite/upkeep.ts'
import { FakeProcesses, findFaults, openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000

describe('upkeep', () => {
  let database: SqliteDatabase
  let processes: FakeProcesses
  let owners: Owners
  beforeEach(async () => {
    database = await openWithTables()
    processes = new FakeProcesses()
    owners = new Owners(processes.table(), () => NOW, 1000)
  })
  afterEach(async () => {
    expect(findFaults(database.file)).toEqual([])
    await database.release()
  })

  function version(): unknown {
    return query(database.file, 'PRAGMA data_version')
  }

  async function put(queue: string, count: number, ttlMs?: number): Promise<number> {
    return database.write((statements) => {
      const declaration =
        ttlMs === undefined ? plainQueue(queue) : { ...plainQueue(queue), arguments: { 'x-message-ttl': ttlMs } }
      const id = declareQueue(statements, declaration, NOW)
      const messages = Array.from({ length: count }, () => ({
        queue,
        rank: 9,
        exchange: '',
        dueMs: undefined,
        meta: '[]',
        body: 'b',
      }))
      putMessages(statements, messages, NOW)
      return id
    })
  }

  it('writes nothing where there is nothing to do', async () => {
    await put('a', 3, 1000)
    const write = vi.spyOn(database, 'write')
    expect(await tidy(database, owners, undefined, NOW)).toEqual({ dead: 0, reclaimed: 0 })
    expect(write).not.toHaveBeenCalled()
    expect(version()).toEqual(version())
  })

  it('gives back what the dead held, and tells that it is there', async () => {
    await put('a', 5)
    const owner = await database.write((statements) => {
      const id = owners.add(statements)
      takeMessages(statements, ['a'], 3, { owner: id, lease: 1 }, NOW)
      return id
    })
    const told = vi.fn()
    const stop = database.onNotify('messages', told)
    expect(await tidy(database, owners, undefined, NOW)).toEqual({ dead: 0, reclaimed: 0 })
    processes.verdicts.set('1', 'gone')
    expect(await tidy(database, owners, owner, NOW)).toEqual({ dead: 0, reclaimed: 0 })
    expect(told).not.toHaveBeenCalled()
    expect(await tidy(database, owners, undefined, NOW)).toEqual({ dead: 1, reclaimed: 3 })
    expect(told).toHaveBeenCalled()
    expect(query(database.file, 'SELECT * FROM celeriac_owner')).toEqual([])
    stop()
  })

  it('does the work once, however many processes see it', async () => {
    await put('a', 5)
    await database.write((statements) =>
      takeMessages(statements, ['a'], 3, { owner: owners.add(statements), lease: 1 }, NOW),
    )
    processes.verdicts.set('1', 'gone')
    const reports = await Promise.all([1, 2, 3].map(() => tidy(database, owners, undefined, NOW)))
    expect(reports.map(({ reclaimed }) => reclaimed).sort()).toEqual([0, 0, 3])
  })

  it('ends the queues of the dead, and those that nobody uses', async () => {
    const [mine, theirs] = [await put('exclusive', 4), await put('plain', 2)]
    await database.write((statements) => {
      const owner = owners.add(statements)
      addExclusive(statements, mine, owner)
      for (const queue of [mine, theirs]) addConsumer(statements, queue, owner)
      takeMessages(statements, ['exclusive', 'plain'], 2, { owner, lease: 1 }, NOW)
      declareQueue(statements, { ...plainQueue('old'), arguments: { 'x-expires': 10 } }, NOW - 10)
    })
    processes.verdicts.set('1', 'gone')
    expect(await tidy(database, owners, undefined, NOW)).toEqual({ dead: 1, reclaimed: 1 })
    expect(query(database.file, 'SELECT name FROM celeriac_queue')).toEqual([{ name: 'plain' }])
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 2 }])
  })

  it('removes messages that have grown too old', async () => {
    await put('a', 3, 1000)
    await tidy(database, owners, undefined, NOW + 1000)
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 0 }])
  })

  it('drops a queue with all that waits in it', async () => {
    await put('a', 1200)
    expect(await database.write((s) => dropQueue(s, findQueue(s, 'a')!.id))).toBe(1200)
    expect(query(database.file, 'SELECT id FROM celeriac_counter WHERE id > 0')).toEqual([])
  })
})
