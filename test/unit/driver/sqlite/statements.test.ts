import { describe, expect, it, vi } from 'vitest'
import { loadSqlite } from '../../../../src/driver/sqlite/library.ts'
import { PreparedStatements } from '../../../../src/driver/sqlite/statements.ts'

describe('statements', () => {
  it('are prepared once per text, and answer rows, one row or what changed', () => {
    const connection = loadSqlite().open(':memory:')
    const prepare = vi.spyOn(connection, 'prepare')
    const statements = new PreparedStatements(connection)
    statements.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)')
    const insert = 'INSERT INTO t (a, b) VALUES (?, ?)'
    expect(statements.run(insert, 'x', null)).toEqual({ changes: 1, lastInsertRowid: 1 })
    expect(statements.run(insert, new Uint8Array([1]), 2.5)).toEqual({ changes: 1, lastInsertRowid: 2 })
    expect(statements.all('SELECT a, b FROM t')).toEqual([
      { a: 'x', b: null },
      { a: new Uint8Array([1]), b: 2.5 },
    ])
    expect(statements.get('SELECT a FROM t WHERE id = ?', 1)).toEqual({ a: 'x' })
    expect(statements.get('SELECT a FROM t WHERE id = ?', 9)).toBeUndefined()
    expect(prepare).toHaveBeenCalledTimes(4)
    connection.close()
  })
})
