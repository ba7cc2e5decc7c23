import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { isReady, nextDueMs, promoteDue, putMessages } from '../../../../src/transport/sqlite/messages.ts'
import type { NewMessage } from '../../../../src/transport/sqlite/messages.ts'
import { listRuns, waitingMessages } from '../../../../src/transport/sqlite/runs.ts'
import { declareQueue, findQueue, plainQueue } from '../../../../src/transport/sqlite/topology.ts'
import { findFaults, openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000

function row(queue: string, changes: Partial<NewMessage> = {}): NewMessage {
  return { queue, exchange: '', rank: 9, dueMs: undefined, meta: '[]', body: 'b', ...changes }
}

describe('messages on their way in', () => {
  let database: SqliteDatabase
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(async () => {
    expect(findFaults(database.file)).toEqual([])
    await database.release()
  })

  function put(messages: readonly NewMessage[]): Promise<void> {
    return database.write((statements) => {
      putMessages(statements, messages, NOW)
    })
  }

  function runs(name: string): unknown[] {
    return database.read((statements) =>
      listRuns(statements, findQueue(statements, name)!.id, 100).map(({ rank, first, last }) => [rank, first, last]),
    )
  }

  it('make a queue, and one run however many they are', async () => {
    await put(Array.from({ length: 100 }, () => row('a')))
    await put([row('a')])
    expect(runs('a')).toEqual([[9, 1, 101]])
    expect(database.read((statements) => waitingMessages(statements, findQueue(statements, 'a')!.id))).toBe(101)
  })

  it('of several queues and priorities do not break up each other', async () => {
    const queues = ['a', 'b', 'a', 'b', 'a']
    await put(queues.map((queue, index) => row(queue, { rank: index === 0 ? 3 : 9 })))
    expect(runs('a')).toEqual([
      [3, 1, 1],
      [9, 4, 5],
    ])
    expect(runs('b')).toEqual([[9, 2, 3]])
  })

  it('keep their order within a queue', async () => {
    const mixed = Array.from({ length: 70 }, (_, index) => row(index % 2 === 0 ? 'a' : 'b', { body: String(index) }))
    await put(mixed)
    const [span] = runs('a') as [[number, number, number]]
    const stored = query(
      database.file,
      `SELECT body FROM celeriac_message WHERE id BETWEEN ${String(span[1])} AND ${String(span[2])}`,
    )
    expect(stored.map(({ body }) => Number(body))).toEqual(Array.from({ length: 35 }, (_, index) => index * 2))
  })

  it('that are due later wait apart, and get the place that they have had since', async () => {
    await put([row('a', { dueMs: NOW + 500.5 }), row('a'), row('a', { dueMs: NOW }), row('a', { dueMs: NOW + 100 })])
    expect(runs('a')).toEqual([[9, 3, 4]])
    const read = <T>(work: Parameters<typeof database.read<T>>[0]): T => database.read(work)
    expect(read(nextDueMs)).toBe(NOW + 100)
    await database.write((statements) => {
      promoteDue(statements, NOW + 99)
    })
    expect(runs('a')).toHaveLength(1)
    for (const dueMs of [NOW + 100, NOW + 500.6]) {
      await database.write((statements) => {
        promoteDue(statements, Math.ceil(dueMs))
      })
    }
    expect(runs('a')).toEqual([
      [9, 1, 1],
      [9, 2, 2],
      [9, 3, 4],
    ])
    expect(read(nextDueMs)).toBeUndefined()
  })

  it('are ready when one of the queues has one, or one is due', async () => {
    const ready = (queues: string[], nowMs = NOW): boolean =>
      database.read((statements) => isReady(statements, queues, nowMs))
    expect(ready(['a'])).toBe(false)
    await put([row('a', { dueMs: NOW + 100 })])
    expect([ready(['a']), ready(['a'], NOW + 100)]).toEqual([false, true])
    await put([row('b')])
    expect([ready(['a']), ready(['b']), ready(['a', 'b']), ready([])]).toEqual([false, true, true, false])
  })

  it('grow old in queues that say so', async () => {
    await database.write((statements) =>
      declareQueue(statements, { ...plainQueue('a'), arguments: { 'x-message-ttl': 1000 } }, NOW),
    )
    await put([...Array.from({ length: 40 }, () => row('a')), row('b')])
    const expiry = query(database.file, 'SELECT DISTINCT expires_ms FROM celeriac_message')
    expect(expiry).toEqual([{ expires_ms: NOW + 1000 }, { expires_ms: null }])
  })

  it('that are due together are one run', async () => {
    await put([...Array.from({ length: 9 }, () => row('a', { dueMs: NOW + 1 })), row('b', { dueMs: NOW + 1 })])
    await database.write((statements) => {
      promoteDue(statements, NOW + 1)
    })
    expect([runs('a'), runs('b')]).toEqual([[[9, 1, 9]], [[9, 10, 10]]])
  })

  it('for a queue that has ended end with it, unless they were sent to the queue itself', async () => {
    await put([row('gone', { exchange: 'news' }), row('there'), row('there', { exchange: 'news' })])
    expect(query(database.file, 'SELECT name FROM celeriac_queue')).toEqual([{ name: 'there' }])
    await put([row('gone', { exchange: 'news' }), row('gone')])
    expect(runs('gone')).toHaveLength(1)
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 4 }])
  })

  it('may be none', async () => {
    await put([])
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_message')).toEqual([{ n: 0 }])
  })
})
