import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { ensureSchema, SCHEMA_VERSION } from '../../../../src/transport/sqlite/schema.ts'
import { openDatabase, openRaw, query, temporaryFile } from '../../../support/sqlite.ts'

describe('the tables', () => {
  it('are made once, also by several at the same time', async () => {
    const file = temporaryFile()
    const databases = Array.from({ length: 4 }, () => openDatabase(file))
    await Promise.all(databases.map(ensureSchema))
    await Promise.all(databases.map(ensureSchema))
    expect(query(file, 'SELECT key, value FROM celeriac_meta')).toEqual([{ key: 'version', value: SCHEMA_VERSION }])
    for (const database of databases) await database.release()
  })

  it('get along with those of another application', async () => {
    const file = temporaryFile()
    const other = openRaw(file)
    other.exec(
      'PRAGMA user_version = 7; PRAGMA application_id = 99; CREATE TABLE message (a); INSERT INTO message VALUES (1)',
    )
    const database = openDatabase(file)
    await ensureSchema(database)
    await database.release()
    expect(query(file, 'SELECT a FROM message')).toEqual([{ a: 1 }])
    expect(query(file, 'PRAGMA user_version')).toEqual([{ user_version: 7 }])
    const names = query(file, "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").map(({ name }) =>
      String(name),
    )
    expect(names.filter((name) => name !== 'message' && !name.startsWith('celeriac_'))).toEqual([])
    other.close()
  })

  it('of an older version get what they lack, and keep what they have', async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    await ensureSchema(database)
    await database.write((statements) => {
      const younger = ['chord', 'chord_part', 'mark', 'beat', 'entry']
      for (const name of younger) statements.run(`DROP TABLE celeriac_${name}`)
      statements.run('UPDATE celeriac_meta SET value = 1')
      statements.run('UPDATE celeriac_counter SET value = 7 WHERE id = 0')
    })
    const other = openDatabase(file)
    await Promise.all([ensureSchema(database), ensureSchema(other)])
    expect(query(file, 'SELECT value FROM celeriac_meta')).toEqual([{ value: SCHEMA_VERSION }])
    expect(query(file, 'SELECT count(*) AS chords FROM celeriac_chord')).toEqual([{ chords: 0 }])
    expect(query(file, 'SELECT value FROM celeriac_counter WHERE id = 0')).toEqual([{ value: 7 }])
    await database.release()
    await other.release()
  })

  it('of a newer version are left alone', async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    await ensureSchema(database)
    await database.write((statements) => statements.run('UPDATE celeriac_meta SET value = ?', SCHEMA_VERSION + 1))
    await expect(ensureSchema(database)).rejects.toThrow(ImproperlyConfigured)
    await expect(ensureSchema(database)).rejects.toThrow(`"${file}" was made by a newer celeriac`)
    await database.release()
  })

  it('need no lock when they are there', async () => {
    const file = temporaryFile()
    const database = openDatabase(file, { busyTimeoutMs: 1 })
    await ensureSchema(database)
    const shell = openRaw(file)
    shell.exec('BEGIN IMMEDIATE')
    await ensureSchema(database)
    shell.close()
    await database.release()
  })
})
