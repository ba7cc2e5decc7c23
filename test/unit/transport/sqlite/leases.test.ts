import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { takeMessages } from '../../../../src/transport/sqlite/lanes.ts'
import { ackMessages, reclaimMessages, releaseMessages } from '../../../../src/transport/sqlite/leases.ts'
import type { HeldMessage } from '../../../../src/transport/sqlite/leases.ts'
import { promoteDue, putMessages } from '../../../../src/transport/sqlite/messages.ts'
import { removeQueue } from '../../../../src/transport/sqlite/topology.ts'
import { findFaults, openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000
const OWNER = 1

describe('leases', () => {
  let database: SqliteDatabase
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(async () => {
    expect(findFaults(database.file)).toEqual([])
    await database.release()
  })

  async function put(queue: string, count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => ({
      queue,
      rank: 9,
      exchange: '',
      dueMs: undefined,
      meta: '[]',
      body: 'b',
    }))
    await database.write((statements) => {
      putMessages(statements, messages, NOW)
    })
  }

  async function take(queue: string, max: number, lease: number, owner = OWNER): Promise<HeldMessage[]> {
    const taken = await database.write((s) => takeMessages(s, [queue], max, { owner, lease }, NOW))
    return taken.map(({ id, run }) => ({ id, lease, queue: run.queue, rank: run.rank, redelivered: run.redelivered }))
  }

  async function ack(messages: readonly HeldMessage[], leases: number[] = []): Promise<void> {
    const ids = messages.map(({ id }) => id)
    await database.write((statements) => {
      ackMessages(statements, OWNER, ids, leases)
    })
  }

  async function release(messages: readonly HeldMessage[], redelivered = true, leases: number[] = []): Promise<void> {
    await database.write((statements) => {
      releaseMessages(statements, OWNER, messages, { redelivered, dueMs: undefined }, leases)
    })
  }

  function runs(): unknown[] {
    return query(database.file, 'SELECT first, last, redelivered FROM celeriac_run ORDER BY first').map(Object.values)
  }

  function held(): unknown[] {
    return query(database.file, 'SELECT lease, first, last FROM celeriac_held ORDER BY first').map(Object.values)
  }

  it('end with their last message, not before', async () => {
    await put('a', 10)
    const messages = await take('a', 10, 1)
    await ack(messages.slice(0, 9), [1])
    expect(held()).toEqual([[1, 1, 10]])
    await ack(messages.slice(9), [1])
    expect(held()).toEqual([])
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 0 }])
  })

  it('end with the last message, also when that is given back', async () => {
    await put('a', 10)
    const messages = await take('a', 10, 1)
    await ack(messages.slice(0, 4), [1])
    await release(messages.slice(6), true, [1])
    expect(held()).toEqual([[1, 1, 6]])
    await release(messages.slice(4, 6), true, [1])
    expect(held()).toEqual([])
  })

  it('give messages back to where they were, marked or not', async () => {
    await put('a', 10)
    const messages = await take('a', 6, 1)
    await release(messages.slice(2, 4), false)
    await release(messages.slice(5), true)
    expect(runs()).toEqual([
      [3, 4, 0],
      [6, 6, 1],
      [7, 10, 0],
    ])
    expect(held()).toEqual([
      [1, 1, 2],
      [1, 5, 5],
    ])
    // The mark stays, also when the next one did not look at it.
    await release(await take('a', 3, 2), false)
    expect(runs()).toEqual([
      [3, 4, 0],
      [6, 6, 1],
      [7, 10, 0],
    ])
  })

  it('put messages off until they are due', async () => {
    await put('a', 4)
    const messages = await take('a', 4, 1)
    await database.write((statements) => {
      const way = { redelivered: false, dueMs: NOW + 5000.5 }
      releaseMessages(statements, OWNER, messages.slice(1, 3), way, [])
    })
    expect(runs()).toEqual([])
    expect(held()).toEqual([
      [1, 1, 1],
      [1, 4, 4],
    ])
    const due = query(database.file, 'SELECT due_ms, id FROM celeriac_due').map(Object.values)
    expect(due).toEqual([
      [NOW + 5001, 2],
      [NOW + 5001, 3],
    ])
    await database.write((statements) => {
      promoteDue(statements, NOW + 5001)
    })
    expect(runs()).toEqual([[2, 3, 0]])
  })

  it('give nothing back that is not held', async () => {
    await put('a', 4)
    const messages = await take('a', 4, 1)
    await release(messages.slice(0, 2))
    await release(messages.slice(0, 3))
    await release([{ ...messages[3]!, lease: 7 }])
    expect(runs()).toEqual([
      [1, 2, 1],
      [3, 3, 1],
    ])
  })

  it('of the dead are given back but for what they acknowledged', async () => {
    await put('a', 10)
    const messages = await take('a', 4, 1)
    await take('a', 2, 2)
    await take('a', 2, 1, 99)
    await ack([messages[1]!])
    expect(await database.write((statements) => reclaimMessages(statements, OWNER))).toBe(5)
    expect(runs()).toEqual([
      [1, 1, 1],
      [3, 6, 1],
      [9, 10, 0],
    ])
    expect(held()).toEqual([[1, 7, 8]])
  })

  it('on messages of a queue that is gone end with them', async () => {
    await put('a', 4)
    const messages = await take('a', 4, 1)
    await database.write((statements) => {
      removeQueue(statements, messages[0]!.queue)
    })
    await release(messages.slice(0, 2))
    await database.write((statements) => reclaimMessages(statements, OWNER))
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 0 }])
  })

  it('lose nothing and double nothing, whatever is given back in whichever order', async () => {
    const parts = fc.array(fc.tuple(fc.uniqueArray(fc.nat(29)), fc.constantFrom('ack', 'release', 'take')), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(parts, async (steps) => {
        await database.write((statements) => {
          for (const table of ['message', 'run', 'held']) statements.run(`DELETE FROM celeriac_${table}`)
          statements.run('UPDATE celeriac_counter SET value = 0')
        })
        await put('a', 30)
        let inHand = await take('a', 20, 1)
        let gone = 0
        for (const [index, [ids, verb]] of steps.entries()) {
          const chosen = inHand.filter(({ id }) => ids.includes(id))
          if (verb === 'take') inHand.push(...(await take('a', ids.length, index + 2)))
          else inHand = inHand.filter(({ id }) => !ids.includes(id))
          if (verb === 'release') await release(chosen)
          if (verb === 'ack') {
            await ack(
              chosen.sort((a, b) => a.id - b.id),
              chosen.map(({ lease }) => lease),
            )
            gone += chosen.length
          }
        }
        await database.write((statements) => reclaimMessages(statements, OWNER))
        expect(findFaults(database.file)).toEqual([])
        expect(await take('a', 99, 99)).toHaveLength(30 - gone)
      }),
      { numRuns: 25 },
    )
  })
})
