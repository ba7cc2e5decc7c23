import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EncodedResult } from '../../../../src/backend/backend.ts'
import {
  deleteExpired,
  deleteExpiredGroups,
  deleteGroup,
  deleteResults,
  findExpired,
  hasExpiredGroups,
  listNewResults,
  newestResult,
  readGroup,
  readResult,
  writeGroup,
  writeResults,
} from '../../../../src/backend/sqlite/results.ts'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import type { Body } from '../../../../src/protocol/message.ts'
import { openWithTables, query } from '../../../support/sqlite.ts'

const NOW = 1_700_000_000_000

describe('results in rows', () => {
  let database: SqliteDatabase
  beforeEach(async () => {
    database = await openWithTables()
  })
  afterEach(() => database.release())

  async function write(texts: readonly string[], expiresMs: number | null = null, nowMs = NOW): Promise<void> {
    const results = texts.map((text): EncodedResult => {
      const [taskId = '', status = '', body = ''] = text.split(' ')
      return { taskId, status, body }
    })
    await database.write((statements) => {
      writeResults(statements, results, expiresMs, nowMs)
    })
  }

  function read(id: string, afterSeq = 0, nowMs = NOW): Body | undefined {
    return database.read((statements) => readResult(statements, id, afterSeq, nowMs))
  }

  it('are the newest of their task, but a success stays', async () => {
    await write(['a STARTED 1', 'a RETRY 2', 'b SUCCESS 3', 'b FAILURE 4'])
    expect([read('a'), read('b'), read('c')]).toEqual(['2', '3', undefined])
    await write(['a SUCCESS 5', 'a STARTED 6', 'b SUCCESS 7'])
    expect([read('a'), read('b')]).toEqual(['5', '3'])
  })

  it('keep to that also when many are written at once', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `t${String(index)} STARTED first`)
    await write([...many, 't3 RETRY again', 't5 SUCCESS done', 't5 STARTED late'])
    await write(many.map((text) => text.replace('first', 'second')))
    expect(['t0', 't3', 't5', 't39'].map((id) => read(id))).toEqual(['second', 'second', 'done', 'second'])
    expect(query(database.file, 'SELECT count(*) AS n FROM celeriac_result')).toEqual([{ n: 40 }])
  })

  it('are numbered in the order of writing', async () => {
    await write(['a STARTED 1', 'b STARTED 1'])
    const before = database.read(newestResult)
    await write(['a SUCCESS 2'])
    expect(database.read(newestResult)).toBeGreaterThan(before)
    expect(database.read((statements) => listNewResults(statements, before))).toEqual(['a'])
    expect([read('a', before), read('b', before)]).toEqual(['2', undefined])
  })

  it('never get the number of one that was forgotten', async () => {
    await write(['a SUCCESS 1'])
    const before = database.read(newestResult)
    await database.write((statements) => {
      deleteResults(statements, ['a', 'unknown'])
    })
    await write(['b SUCCESS 1'])
    expect(read('a')).toBeUndefined()
    expect(database.read((statements) => listNewResults(statements, before))).toEqual(['b'])
  })

  it('vanish when they have expired, and make room', async () => {
    await write(['a SUCCESS 1'], NOW + 10)
    expect([read('a', 0, NOW + 9), read('a', 0, NOW + 10)]).toEqual(['1', undefined])
    await write(['a STARTED 2'], null, NOW + 9)
    expect(read('a', 0, NOW + 9)).toBe('1')
    await write(['a STARTED 2'], null, NOW + 10)
    expect(read('a', 0, NOW + 10)).toBe('2')
  })

  it('keep bytes bytes, and any text', async () => {
    const given: readonly Body[] = [new Uint8Array([0, 255]), 'a\0b', '', new Uint8Array(), 'ü\ud800']
    const results = given.map((body, index): EncodedResult => ({ taskId: String(index), status: 'SUCCESS', body }))
    await database.write((statements) => {
      writeResults(statements, results, null, NOW)
    })
    expect(given.map((_, index) => read(String(index)))).toEqual(given)
  })

  it('are looked through in portions for what has expired', async () => {
    await write(['a SUCCESS 1', 'b SUCCESS 1'], NOW + 10)
    await write(['c SUCCESS 1'])
    await write(['d SUCCESS 1'], NOW + 10)
    const look = (afterSeq: number): ReturnType<typeof findExpired> =>
      database.read((statements) => findExpired(statements, afterSeq, 3, NOW + 10))
    const first = look(0)
    expect(first).toEqual({ afterSeq: 0, lastSeq: 3, expired: 2 })
    expect(await database.write((statements) => deleteExpired(statements, first, NOW + 10))).toBe(2)
    expect(look(3)).toEqual({ afterSeq: 3, lastSeq: 4, expired: 1 })
    expect(look(4)).toEqual({ afterSeq: 4, lastSeq: undefined, expired: 0 })
    expect(read('d', 0, NOW)).toBe('1')
  })
})

describe('groups in rows', () => {
  it('are written, read, replaced, deleted and expire', async () => {
    const database = await openWithTables()
    const read = (id: string, nowMs = NOW): Body | undefined => database.read((s) => readGroup(s, id, nowMs))
    await database.write((statements) => {
      writeGroup(statements, 'a', 'first', null)
      writeGroup(statements, 'a', 'second\0', NOW + 10)
      writeGroup(statements, 'b', new Uint8Array([1]), null)
    })
    expect([read('a'), read('b'), read('c'), read('a', NOW + 10)]).toEqual([
      'second\0',
      new Uint8Array([1]),
      undefined,
      undefined,
    ])
    const expired = (nowMs: number): boolean => database.read((statements) => hasExpiredGroups(statements, nowMs))
    expect([expired(NOW), expired(NOW + 10)]).toEqual([false, true])
    expect(await database.write((statements) => deleteExpiredGroups(statements, NOW + 10))).toBe(1)
    await database.write((statements) => {
      deleteGroup(statements, 'b')
    })
    expect(query(database.file, 'SELECT * FROM celeriac_group')).toEqual([])
    await database.release()
  })
})
