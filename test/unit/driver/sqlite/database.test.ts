import { renameSync, writeFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { SqliteFiles } from '../../../../src/driver/sqlite.ts'
import { OperationalError } from '../../../../src/errors.ts'
import { openDatabase, openRaw, query, temporaryFile } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

describe('a database', () => {
  it('reads a snapshot that another process cannot change meanwhile', async () => {
    const file = temporaryFile()
    const [one, other] = [openDatabase(file), openRaw(file)]
    await one.write((statements) => statements.run('CREATE TABLE t (a)'))
    one.read((statements) => {
      expect(statements.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 })
      other.exec('INSERT INTO t VALUES (1)')
      expect(one.read((inner) => inner.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 0 })
      expect(statements.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 })
    })
    expect(one.read((statements) => statements.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 1 })
  })

  it('lets a write see its own changes through read', async () => {
    const database = openDatabase()
    const seen = await database.write((statements) => {
      statements.run('CREATE TABLE t (a)')
      return database.read((inner) => inner.get('SELECT count(*) AS n FROM t'))
    })
    expect(seen).toEqual({ n: 0 })
  })

  it('passes on what the reading work throws, and goes on', async () => {
    const database = openDatabase()
    expect(() =>
      database.read(() => {
        throw new RangeError('mine')
      }),
    ).toThrow(RangeError)
    expect(() => database.read((statements) => statements.get('SELECT * FROM nothing'))).toThrow(OperationalError)
    expect(database.read((statements) => statements.get('SELECT 1 AS one'))).toEqual({ one: 1 })
  })

  it('tells its own listeners and those of other processes, after the commit', async () => {
    const file = temporaryFile()
    const [one, other] = [openDatabase(file), openDatabase(file)]
    await one.write((statements) => statements.run('CREATE TABLE t (a)'))
    const counts: unknown[] = []
    const listeners = [one, other].map((database) =>
      vi.fn(() => counts.push(database.read((statements) => statements.get('SELECT count(*) AS n FROM t')?.['n']))),
    )
    const wrong = vi.fn()
    const stops = [
      one.onNotify('messages', listeners[0]!),
      other.onNotify('messages', listeners[1]!),
      other.onNotify('results', wrong),
    ]
    await one.write((statements) => {
      statements.run('INSERT INTO t VALUES (1)')
      one.notify('messages')
    })
    await waitFor(() => listeners.every((listener) => listener.mock.calls.length > 0))
    expect(new Set(counts)).toEqual(new Set([1]))
    expect(wrong).not.toHaveBeenCalled()
    for (const stop of stops) stop()
  })

  it('does not tell of a write that failed', async () => {
    const database = openDatabase()
    const listener = vi.fn()
    const stop = database.onNotify('messages', listener)
    const failing = database.write(() => {
      database.notify('messages')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(listener).not.toHaveBeenCalled()
    database.notify('messages')
    expect(listener).toHaveBeenCalledOnce()
    stop()
  })

  it('refuses to go on when its file was replaced', async () => {
    const file = temporaryFile()
    const files = new SqliteFiles()
    const database = files.open(file, {})
    await database.write((statements) => statements.run('CREATE TABLE t (a)'))
    renameSync(file, `${file}.old`)
    writeFileSync(file, '')
    const refusal = await waitFor(() => database.write(() => undefined).catch((error: unknown) => error))
    expect(refusal).toMatchObject({
      code: 'OPERATIONAL_ERROR',
      message: expect.stringContaining('was deleted or replaced'),
    })
    expect(() => database.read(() => 1)).toThrow(OperationalError)
    await database.release()
  })

  it('takes the safer mode and the longer patience of its users', async () => {
    const file = temporaryFile()
    const files = new SqliteFiles()
    const database = files.open(file, { synchronous: 'normal', busyTimeoutMs: 1 })
    const synchronous = (): unknown => database.read((statements) => statements.get('PRAGMA synchronous'))
    expect(synchronous()).toEqual({ synchronous: 1 })
    files.open(file, { synchronous: 'full' })
    files.open(file, { synchronous: 'normal' })
    expect(synchronous()).toEqual({ synchronous: 2 })
  })

  it('does the writes that were asked for before it closes', async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    const writes = [database.write((statements) => statements.run('CREATE TABLE t (a)'))]
    writes.push(database.write((statements) => statements.run('INSERT INTO t VALUES (1)')))
    await database.release()
    await Promise.all(writes)
    expect(query(file, 'SELECT a FROM t')).toEqual([{ a: 1 }])
  })

  it('answers with a lock that is held for too long, and with nothing else', async () => {
    const file = temporaryFile()
    const database = openDatabase(file, { busyTimeoutMs: 50 })
    await database.write((statements) => statements.run('CREATE TABLE t (a)'))
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    await expect(database.write(() => 1)).rejects.toThrow('was locked by another process for 0.05 seconds')
    shell.exec('COMMIT')
    await expect(database.write(() => 1)).resolves.toBe(1)
    shell.close()
  })
})
