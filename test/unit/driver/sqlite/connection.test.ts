import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openConnection } from '../../../../src/driver/sqlite/connection.ts'
import { loadSqlite } from '../../../../src/driver/sqlite/library.ts'
import { ImproperlyConfigured } from '../../../../src/errors.ts'
import { openRaw, temporaryFile } from '../../../support/sqlite.ts'

const library = loadSqlite()

function pragma(connection: ReturnType<typeof openRaw>, name: string): unknown {
  return Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

describe('a connection', () => {
  it('has a write-ahead log, never waits inside SQLite, and is as safe as asked for', () => {
    const file = temporaryFile()
    const connection = openConnection(library, file, {})
    expect(pragma(connection, 'journal_mode')).toBe('wal')
    expect(pragma(connection, 'busy_timeout')).toBe(0)
    expect(pragma(connection, 'synchronous')).toBe(1)
    expect(pragma(connection, 'page_size')).toBe(8192)
    const safer = openConnection(library, file, { synchronous: 'full' })
    expect(pragma(safer, 'synchronous')).toBe(2)
    connection.close()
    safer.close()
  })

  it('takes a file of another application as it is', () => {
    const file = temporaryFile()
    const other = openRaw(file)
    other.exec('PRAGMA page_size = 4096; CREATE TABLE theirs (a)')
    const connection = openConnection(library, file, {})
    expect(pragma(connection, 'page_size')).toBe(4096)
    expect(connection.prepare('SELECT count(*) AS n FROM theirs').get()).toEqual({ n: 0 })
    connection.close()
    other.close()
  })

  it('names a folder that is missing, and does not make it', () => {
    const file = join(dirname(temporaryFile()), 'missing', 'a.db')
    expect(() => openConnection(library, file, {})).toThrow(ImproperlyConfigured)
    expect(() => openConnection(library, file, {})).toThrow(`The folder "${dirname(file)}"`)
    expect(existsSync(dirname(file))).toBe(false)
  })

  it('is not made to a folder', () => {
    const file = temporaryFile()
    mkdirSync(file)
    expect(() => openConnection(library, file, {})).toThrow('unable to open')
  })

  it('is refused where SQLite cannot share memory', () => {
    const closed: string[] = []
    const connection = {
      exec: () => undefined,
      prepare: () => ({
        get: () => ({ journal_mode: 'delete' }),
        all: () => [],
        run: () => ({ changes: 0, lastInsertRowid: 0 }),
      }),
      close: () => closed.push('closed'),
    }
    const odd = { name: 'odd', version: '3', open: () => connection }
    expect(() => openConnection(odd, temporaryFile(), {})).toThrow('use a local folder')
    expect(closed).toEqual(['closed'])
  })
})
