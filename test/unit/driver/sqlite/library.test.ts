import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { chooseLibrary, loadSqlite, survivesWalReset } from '../../../../src/driver/sqlite/library.ts'
import type { SqliteLibrary } from '../../../../src/driver/sqlite/library.ts'
import { MissingDriver } from '../../../../src/errors.ts'
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
