import { symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SqliteFiles } from '../../../src/driver/sqlite.ts'
import { ImproperlyConfigured, MissingDriver } from '../../../src/errors.ts'
import { temporaryFile } from '../../support/sqlite.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

describe('the files of an app', () => {
  it('are one database however the file is called', async () => {
    const folder = temporaryDirectory()
    const files = new SqliteFiles()
    const first = files.open(join(folder, 'a.db'), {})
    await first.write((statements) => statements.run('CREATE TABLE t (a)'))
    symlinkSync(join(folder, 'a.db'), join(folder, 'b.db'))
    expect(files.open(join(folder, 'x', '..', 'a.db'), {})).toBe(first)
    expect(files.open(join(folder, 'b.db'), {})).toBe(first)
    expect(new SqliteFiles().open(join(folder, 'a.db'), {})).not.toBe(first)
  })

  it('stay open until the last user has released them', async () => {
    const files = new SqliteFiles()
    const file = temporaryFile()
    const database = files.open(file, {})
    files.open(file, {})
    await database.release()
    expect(database.read((statements) => statements.get('SELECT 1 AS one'))).toEqual({ one: 1 })
    await database.release()
    expect(() => database.read((statements) => statements.get('SELECT 1'))).toThrow('was closed')
    await expect(database.write(() => 1)).rejects.toThrow('was closed')
  })

  it('are opened anew after they were closed or lost', async () => {
    const files = new SqliteFiles()
    const file = temporaryFile()
    const first = files.open(file, {})
    await first.write((statements) => statements.run('CREATE TABLE t (a)'))
    await first.release()
    const second = files.open(file, {})
    expect(second.read((statements) => statements.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 0 })
    const stop = second.onNotify('messages', () => undefined)
    unlinkSync(file)
    expect((await second.lost).message).toContain('was deleted or replaced')
    stop()
    const third = files.open(file, {})
    await third.write((statements) => statements.run('CREATE TABLE t (a)'))
    await second.release()
    expect(files.open(file, {})).toBe(third)
  })

  it('may be asked for before their folder is there, but not used', async () => {
    const file = join(temporaryDirectory(), 'missing', 'a.db')
    const database = new SqliteFiles().open(file, {})
    await expect(database.write(() => 1)).rejects.toThrow(ImproperlyConfigured)
    await expect(database.write(() => 1)).rejects.toThrow('missing" of the SQLite file')
    expect(() => database.read(() => 1)).toThrow('create it first')
  })

  it('need an SQLite library when the first is opened', () => {
    const files = new SqliteFiles(() => {
      throw new MissingDriver('x', 'SQLite')
    })
    expect(() => files.open(temporaryFile(), {})).toThrow(MissingDriver)
  })
})
