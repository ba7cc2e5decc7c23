import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDatabase, openRaw, temporaryFile } from '../../../support/sqlite.ts'
import { waitFor } from '../../../support/wait-for.ts'

const MEBIBYTE = 1024 * 1024

async function writeMebibytes(database: ReturnType<typeof openDatabase>, count: number): Promise<void> {
  const piece = new Uint8Array(MEBIBYTE)
  for (let index = 0; index < count; index += 1) {
    await database.write((statements) => statements.run('INSERT INTO t VALUES (?)', piece))
    // Longer than the time in which the log is measured once.
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}

function logMebibytes(file: string): number {
  return statSync(`${file}-wal`).size / MEBIBYTE
}

/** Changes when the log is written from its beginning again. */
function logGeneration(file: string): string {
  return readFileSync(`${file}-wal`).subarray(16, 24).toString('hex')
}

describe('the write-ahead log', () => {
  it('stays short while much is written', async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    await database.write((statements) => statements.run('CREATE TABLE t (a)'))
    await writeMebibytes(database, 80)
    expect(logMebibytes(file)).toBeLessThan(40)
    await database.release()
  })

  it('grows while somebody reads from it, keeps writers working, and becomes short again', async () => {
    const file = temporaryFile()
    const database = openDatabase(file)
    await database.write((statements) => statements.run('CREATE TABLE t (a)'))
    const reader = openRaw(file)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM t').get()
    await writeMebibytes(database, 50)
    expect(logMebibytes(file)).toBeGreaterThan(45)
    reader.exec('COMMIT')
    reader.close()
    const before = logGeneration(file)
    await waitFor(async () => {
      await database.write((statements) => statements.run('INSERT INTO t VALUES (1)'))
      return logGeneration(file) !== before
    })
    await database.release()
  })
})
