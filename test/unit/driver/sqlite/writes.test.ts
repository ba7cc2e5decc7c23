import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../../../src/errors.ts'
import { openDatabase, openRaw, query, temporaryFile } from '../../../support/sqlite.ts'

async function openTable(file: string, busyTimeoutMs = 30_000): Promise<ReturnType<typeof openDatabase>> {
  const database = openDatabase(file, { busyTimeoutMs })
  await database.write((statements) => statements.run('CREATE TABLE IF NOT EXISTS t (a INTEGER UNIQUE)'))
  return database
}

describe('writes', () => {
  it('of one turn are one transaction, in their order', async () => {
    const file = temporaryFile()
    const database = await openTable(file)
    const version = (): unknown => database.read((statements) => statements.get('PRAGMA data_version'))
    const other = await openTable(file)
    const before = version()
    const seen = await Promise.all(
      [1, 2, 3].map((a) =>
        database.write((statements) => {
          statements.run('INSERT INTO t VALUES (?)', a)
          // Another connection sees nothing of it yet.
          return other.read((outside) => outside.get('SELECT count(*) AS n FROM t')?.['n'])
        }),
      ),
    )
    expect(seen).toEqual([0, 0, 0])
    expect(version()).toEqual(before)
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
  })

  it('that fail take no others with them', async () => {
    const file = temporaryFile()
    const database = await openTable(file)
    const results = await Promise.allSettled([
      database.write((statements) => statements.run('INSERT INTO t VALUES (1)').changes),
      database.write((statements) => statements.run('INSERT INTO t VALUES (2), (1)')),
      database.write(() => {
        throw new RangeError('mine')
      }),
      database.write((statements) => statements.run('INSERT INTO t VALUES (3)').changes),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: expect.any(OperationalError) })
    expect(results[2]).toMatchObject({ reason: expect.any(RangeError) })
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 1 }, { a: 3 }])
  })

  it('asked for by what was written before them are done too', async () => {
    const file = temporaryFile()
    const database = await openTable(file)
    let last: Promise<unknown> = Promise.resolve()
    for (let a = 0; a < 20; a += 1) {
      last = last.then(() => database.write((statements) => statements.run('INSERT INTO t VALUES (?)', a)))
    }
    await last
    expect(query(file, 'SELECT count(*) AS n FROM t')).toEqual([{ n: 20 }])
  })

  it('wait for a lock while the event loop goes on', async () => {
    const file = temporaryFile()
    const database = await openTable(file)
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    const write = database.write((statements) => statements.run('INSERT INTO t VALUES (1)').changes)
    let turns = 0
    for (const startMs = performance.now(); performance.now() - startMs < 60; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(turns).toBeGreaterThan(50)
    shell.exec('ROLLBACK')
    await expect(write).resolves.toBe(1)
    shell.close()
  })

  it('that waited for too long are given up, later ones are not', async () => {
    const file = temporaryFile()
    const database = await openTable(file, 100)
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    const early = database.write((statements) => statements.run('INSERT INTO t VALUES (1)'))
    const late = new Promise((resolve) => setTimeout(resolve, 80)).then(() =>
      database.write((statements) => statements.run('INSERT INTO t VALUES (2)').changes),
    )
    await expect(early).rejects.toThrow('allow more time with the option busyTimeout')
    shell.exec('ROLLBACK')
    await expect(late).resolves.toBe(1)
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 2 }])
    shell.close()
  })

  it('to a file that is no database are refused, and told what to do', async () => {
    const file = temporaryFile()
    writeFileSync(file, 'This is a text, and not a short one either: it goes on and on and on, for a hundred bytes.')
    await expect(openDatabase(file).write(() => 1)).rejects.toMatchObject({
      code: 'IMPROPERLY_CONFIGURED',
      message: `"${file}" is not an SQLite database (or is encrypted): name another file, or move this one away`,
    })
  })
})
