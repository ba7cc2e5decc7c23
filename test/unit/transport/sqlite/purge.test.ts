import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { putMessages } from '../../../../src/transport/sqlite/messages.ts'
import { listAging, newestMessage, purgeSome, removeExpired } from '../../../../src/transport/sqlite/purge.ts'
import { waitingMessages } from '../../../../src/transport/sqlite/runs.ts'
import { declareQueue, findQueue, plainQueue } from '../../../../src/transport/sqlite/topology.ts'
import { findFaults, openWithTables } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000

describe('purging', () => {
  let database: SqliteDatabase
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(async () => {
    expect(findFaults(database.file)).toEqual([])
    await database.release()
  })

  async function put(queue: string, count: number, dueMs?: number, nowMs = NOW): Promise<void> {
    const messages = Array.from({ length: count }, (_, index) => ({
      queue,
      rank: index % 3,
      exchange: '',
      dueMs,
      meta: '[]',
      body: 'b',
    }))
    await database.write((statements) => {
      putMessages(statements, messages, nowMs)
    })
  }

  function idOf(name: string): number {
    return database.read((statements) => findQueue(statements, name)!.id)
  }

  function waiting(name: string): number {
    return database.read((statements) => waitingMessages(statements, idOf(name)))
  }

  it('removes what waits, due or not, and leaves other queues alone', async () => {
    await put('a', 1200)
    await put('a', 700, NOW + 1000)
    await put('b', 10)
    await put('b', 10, NOW + 1000)
    const all = await database.write((s) => purgeSome(s, idOf('a'), database.read(newestMessage), () => false))
    expect(all).toEqual({ removed: 1900, done: true })
    expect([waiting('a'), waiting('b')]).toEqual([0, 20])
  })

  it('stops when it is enough, and goes on later', async () => {
    await put('a', 3000)
    let looks = 0
    const portion = await database.write((s) => purgeSome(s, idOf('a'), 9999, () => (looks += 1) > 2))
    expect(portion).toEqual({ removed: 1000, done: false })
    expect(waiting('a')).toBe(2000)
  })

  it('takes only what was there when it began', async () => {
    await put('a', 30)
    const upTo = database.read(newestMessage)
    await put('a', 5)
    await put('a', 5, NOW + 1000)
    expect(await database.write((s) => purgeSome(s, idOf('a'), upTo, () => false))).toMatchObject({ removed: 30 })
    expect(waiting('a')).toBe(10)
  })

  it('leaves what follows in the same run', async () => {
    await put('a', 1)
    const upTo = database.read(newestMessage)
    await put('a', 1)
    expect(await database.write((s) => purgeSome(s, idOf('a'), upTo, () => false))).toEqual({ removed: 1, done: true })
    expect(waiting('a')).toBe(1)
  })

  it('removes what has waited too long from the front', async () => {
    await database.write((statements) =>
      declareQueue(statements, { ...plainQueue('a'), arguments: { 'x-message-ttl': 1000 } }, NOW),
    )
    await put('a', 9)
    await put('a', 6, undefined, NOW + 500)
    await put('b', 3)
    const aging = (nowMs: number): number[] => database.read((statements) => listAging(statements, nowMs))
    expect(aging(NOW + 999)).toEqual([])
    expect(aging(NOW + 1000)).toEqual([idOf('a')])
    expect(await database.write((statements) => removeExpired(statements, idOf('a'), NOW + 1000))).toBe(9)
    expect([waiting('a'), waiting('b')]).toEqual([6, 3])
    expect(aging(NOW + 1000)).toEqual([])
    expect(await database.write((statements) => removeExpired(statements, idOf('a'), NOW + 2000))).toBe(6)
    expect(waiting('a')).toBe(0)
  })
})
