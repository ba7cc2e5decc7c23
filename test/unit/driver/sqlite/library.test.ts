import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { chooseLibrary, guardLibrary, loadSqlite, survivesWalReset } from '../../../../src/driver/sqlite/library.ts'
import type { SqliteLibrary } from '../../../../src/driver/sqlite/library.ts'
import { MissingDriver } from '../../../../src/errors.ts'
import { NativeGuard } from '../../../../src/util/native-guard.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

function library(name: string, version: string): SqliteLibrary {
  return {
    name,
    version,
    open: () => {
      throw new Error('not opened here')
    },
  }
}

describe('the SQLite of this process', () => {
  it('opens files', () => {
    const found = loadSqlite()
    expect(survivesWalReset(found.version)).toBe(true)
    const connection = found.open(':memory:')
    expect(connection.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 })
    connection.close()
  })

  it("is Node's own where that is new enough, then the package, then Node's own in any case", () => {
    const [good, bad, other] = [library('node', '3.51.3'), library('node', '3.47.2'), library('package', '3.53.0')]
    const installed = vi.fn(() => other)
    expect(chooseLibrary({ builtin: () => good, installed })).toBe(good)
    expect(installed).not.toHaveBeenCalled()
    expect(chooseLibrary({ builtin: () => bad, installed })).toBe(other)
    expect(chooseLibrary({ builtin: () => undefined, installed })).toBe(other)
    expect(chooseLibrary({ builtin: () => bad, installed: () => undefined })).toBe(bad)
    expect(() => chooseLibrary({ builtin: () => undefined, installed: () => undefined })).toThrow(MissingDriver)
  })

  it('is new enough from the versions on in which the log cannot break the file', () => {
    expect(['3.51.3', '3.52.0', '3.53.4', '3.50.7', '3.44.6', '4.0.0'].every(survivesWalReset)).toBe(true)
    expect(['3.51.2', '3.50.6', '3.47.2', '3.44.5', '3.45.0', '3.7.0'].some(survivesWalReset)).toBe(false)
  })

  it("swallows Node's word that it is experimental, and no other warning", () => {
    const source = new URL('../../../../src/driver/sqlite/library.ts', import.meta.url).href
    const script = join(temporaryDirectory(), 'script.mjs')
    writeFileSync(
      script,
      `import { loadSqlite } from ${JSON.stringify(source)}; loadSqlite(); process.emitWarning('this one stays')`,
    )
    const { stderr } = spawnSync(process.execPath, ['--import', 'jiti/register', script], { encoding: 'utf8' })
    expect(stderr).toContain('this one stays')
    expect(stderr).not.toContain('SQLite')
  })
})

it('each call of a guarded library is inside the guard', () => {
  const trail: string[] = []
  const guard = new NativeGuard()
  const run = vi.spyOn(guard, 'run')
  const statement = {
    run: () => ({ changes: trail.push('run'), lastInsertRowid: 1 }),
    get: () => undefined,
    all: (...values: readonly unknown[]) => [{ count: values.length }],
  }
  const library = guardLibrary(
    {
      name: 'fake',
      version: '3.53.0',
      open: (file) => ({
        exec: (sql) => void trail.push(sql),
        prepare: () => statement,
        close: () => void trail.push(`close ${file}`),
      }),
    },
    guard,
  )
  const connection = library.open('a.db')
  connection.exec('BEGIN')
  const prepared = connection.prepare('SELECT')
  expect(prepared.run(1)).toEqual({ changes: 2, lastInsertRowid: 1 })
  expect([prepared.get(), prepared.all(1, 2)]).toEqual([undefined, [{ count: 2 }]])
  connection.close()
  expect([trail, library.name]).toEqual([['BEGIN', 'run', 'close a.db'], 'fake'])
  expect(run).toHaveBeenCalledTimes(7)
})
