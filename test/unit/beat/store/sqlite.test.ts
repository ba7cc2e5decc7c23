import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { EntryState } from '../../../../src/beat/entry.ts'
import { markOf } from '../../../../src/beat/firing.ts'
import type { BeatStore, Leadership } from '../../../../src/beat/store.ts'
import { sqliteBeatStore } from '../../../../src/beat/store/sqlite.ts'
import { SqliteFiles } from '../../../../src/driver/sqlite.ts'
import { beatStoreContext } from '../../../support/beat.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

async function open(work: (store: BeatStore, files: SqliteFiles, file: string) => Promise<void>): Promise<void> {
  const file = join(temporaryDirectory(), 'beat.db')
  const sqlite = new SqliteFiles()
  const store = await sqliteBeatStore.open(`sqlite:///${file}`, beatStoreContext('', { sqlite }))
  try {
    await work(store, sqlite, file)
  } finally {
    await store.close()
  }
}

it('moves the mark of an entry that goes on, and forgets that of one that goes', () =>
  open(async (store, files, file) => {
    const database = files.open(file, {})
    const key = markOf('proj', 'a')
    const mark = () => database.read((statements) => statements.get('SELECT number FROM celeriac_mark'))
    await database.write((statements) => statements.run('INSERT INTO celeriac_mark VALUES (?, 9000)', key))
    await store.resume('a', 1000)
    expect(mark()).toEqual({ number: 1000 })
    await store.removeEntries(['a'])
    expect(mark()).toBeUndefined()
    await database.release()
  }))

it('takes the word of a machine that was started anew for nothing', () =>
  open(async (store, files, file) => {
    const old = (await store.acquire(60_000)) as Leadership
    const database = files.open(file, {})
    await database.write((statements) => statements.run("UPDATE celeriac_beat SET boot = 'before'"))
    const states: EntryState[] = [{ name: 'a', lastDueMs: 1, totalRunCount: 1 }]
    expect(await store.saveStates(old, states)).toBe(false)
    expect((await store.acquire(60_000))?.token).toBe(old.token + 1)
    await database.write((statements) => statements.run('UPDATE celeriac_beat SET until_ms = until_ms + 86400000'))
    expect((await store.acquire(60_000))?.token).toBe(old.token + 2)
    await database.release()
  }))
