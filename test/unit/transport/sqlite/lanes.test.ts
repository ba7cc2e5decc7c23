import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { takeMessages } from '../../../../src/transport/sqlite/lanes.ts'
import type { Holder } from '../../../../src/transport/sqlite/lanes.ts'
import { putMessages } from '../../../../src/transport/sqlite/messages.ts'
import { declareQueue, plainQueue } from '../../../../src/transport/sqlite/topology.ts'
import { findFaults, openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000
const HOLDER: Holder = { owner: 1, lease: 1 }

describe('taking', () => {
  let database: SqliteDatabase
  let lease = 0
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(async () => {
    expect(findFaults(database.file)).toEqual([])
    await database.release()
  })

  /** Each text is a queue, a rank and a name: `a9:one`. */
  function put(...texts: string[]): Promise<void> {
    const messages = texts.map((text) => {
      const [place = '', body = ''] = text.split(':')
      return {
        queue: place.slice(0, -1),
        rank: Number(place.slice(-1)),
        exchange: '',
        dueMs: undefined,
        meta: '[]',
        body,
      }
    })
    return database.write((statements) => {
      for (const message of messages) putMessages(statements, [message], NOW)
    })
  }

  async function take(
    queues: string[],
    max: number,
    holder: Holder | 'nobody' = HOLDER,
    nowMs = NOW,
  ): Promise<unknown[]> {
    lease += 1
    const by = holder === 'nobody' ? undefined : { owner: 1, lease }
    const taken = await database.write((statements) => takeMessages(statements, queues, max, by, nowMs))
    return taken.map(({ body }) => body)
  }

  it('gives the highest priority first, and the oldest of it', async () => {
    await put('a9:low', 'a0:high', 'a5:mid', 'a0:high2', 'a9:low2')
    expect(await take(['a'], 2)).toEqual(['high', 'high2'])
    expect(await take(['a'], 10)).toEqual(['mid', 'low', 'low2'])
    expect(await take(['a'], 10)).toEqual([])
  })

  it('gives a part of a run, and the rest later', async () => {
    await put('a9:1', 'a9:2', 'a9:3', 'a9:4', 'a9:5')
    expect(await take(['a'], 2)).toEqual(['1', '2'])
    expect(await take(['a'], 1)).toEqual(['3'])
    expect(await take(['a'], 9)).toEqual(['4', '5'])
  })

  it('shares among queues, and gives what one does not need to the others', async () => {
    await put(...['1', '2', '3', '4', '5', '6'].map((name) => `a9:a${name}`), 'b9:b1', 'c9:c1', 'c9:c2', 'c9:c3')
    expect((await take(['a', 'b', 'c'], 6)).sort()).toEqual(['a1', 'a2', 'b1', 'c1', 'c2', 'a3'].sort())
    expect((await take(['a', 'b', 'c'], 9)).sort()).toEqual(['a4', 'a5', 'a6', 'c3'])
  })

  it('looks at priorities across queues', async () => {
    await put('a9:a low', 'b0:b high', 'a5:a mid', 'b9:b low')
    expect(await take(['a', 'b'], 3)).toEqual(['b high', 'a mid', 'a low'])
  })

  it('begins with the first queue where there is not enough room for all', async () => {
    await put('a9:a', 'b9:b', 'c9:c')
    expect(await take(['b', 'c', 'a'], 2)).toEqual(['b', 'c'])
  })

  it('takes scattered messages in one go', async () => {
    await put(...Array.from({ length: 60 }, (_, index) => `${index % 2 === 0 ? 'a' : 'b'}9:${String(index)}`))
    const taken = await take(['a'], 20)
    expect(taken).toEqual(Array.from({ length: 20 }, (_, index) => String(index * 2)))
    expect(await take(['a'], 99)).toHaveLength(10)
    expect(await take(['b'], 99)).toHaveLength(30)
  })

  it('notes who holds them, or forgets them', async () => {
    await put('a9:1', 'a9:2', 'a9:3')
    await take(['a'], 2)
    expect(query(database.file, 'SELECT owner, first, last FROM celeriac_held')).toEqual([
      { owner: 1, first: 1, last: 2 },
    ])
    await take(['a'], 2, 'nobody')
    expect(query(database.file, 'SELECT id FROM celeriac_message')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('leaves out what has grown too old', async () => {
    await database.write((statements) => {
      declareQueue(statements, { ...plainQueue('a'), arguments: { 'x-message-ttl': 10 } }, NOW)
      putMessages(statements, [{ queue: 'a', rank: 9, exchange: '', dueMs: undefined, meta: '[]', body: 'old' }], NOW)
      putMessages(
        statements,
        [{ queue: 'a', rank: 9, exchange: '', dueMs: undefined, meta: '[]', body: 'new' }],
        NOW + 5,
      )
    })
    expect(await take(['a'], 9, HOLDER, NOW + 10)).toEqual(['new'])
    expect(query(database.file, 'SELECT body FROM celeriac_message')).toEqual([{ body: 'new' }])
    expect(await take(['a'], 9, 'nobody', NOW + 10)).toEqual([])
  })

  it('knows nothing of queues that are not there', async () => {
    await put('a9:1')
    expect(await take(['nothing', 'a'], 9)).toEqual(['1'])
  })
})
