import { describe, expect, it } from 'vitest'
import { TransactionBatch } from '../../../../src/driver/sqlite/batch.ts'
import { openDatabase, openRaw, query, temporaryFile } from '../../../support/sqlite.ts'

const INSERT = 'INSERT INTO t VALUES (?)'

describe('a batch', () => {
  it('writes the items of one turn in one piece, those of the next in another', async () => {
    const database = openDatabase()
    const pieces: (readonly number[])[] = []
    const batch = new TransactionBatch<number>(database, (_statements, items) => pieces.push(items))
    await Promise.all([batch.add([1, 2]), batch.add([3])])
    await batch.add([4])
    expect(pieces).toEqual([[1, 2, 3], [4]])
  })

  it("keeps a call's items together and the other calls' safe, when they fail", async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    await database.write((statements) => statements.run('CREATE TABLE t (a UNIQUE)'))
    const batch = new TransactionBatch<number>(database, (statements, items) => {
      for (const item of items) statements.run(INSERT, item)
    })
    const results = await Promise.allSettled([batch.add([1]), batch.add([2, 1]), batch.add([3])])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 1 }, { a: 3 }])
    await batch.add([4])
    expect(query(file, 'SELECT max(a) AS a FROM t')).toEqual([{ a: 4 }])
  })

  it('takes new items after the file was locked for too long', async () => {
    const file = temporaryFile()
    const database = openDatabase(file, { busyTimeoutMs: 20 })
    await database.write((statements) => statements.run('CREATE TABLE t (a)'))
    const batch = new TransactionBatch<number>(database, (statements, items) => {
      for (const item of items) statements.run(INSERT, item)
    })
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    await expect(batch.add([1])).rejects.toThrow('locked')
    shell.exec('COMMIT')
    await batch.add([2])
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 2 }])
    shell.close()
  })
})
