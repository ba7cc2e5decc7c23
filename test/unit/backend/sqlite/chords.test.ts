import { expect, it } from 'vitest'
import { CHORD_CLAIM_MS, CLOSED_CHORD_MS } from '../../../../src/backend/backend.ts'
import type { ChordProgress } from '../../../../src/backend/backend.ts'
import { deleteExpiredChords, hasExpiredChords, SqliteChordStore } from '../../../../src/backend/sqlite/chords.ts'
import type { SqliteDatabase } from '../../../../src/driver/sqlite.ts'
import { ensureSchema } from '../../../../src/transport/sqlite/schema.ts'
import { bringPart } from '../../../support/chord-parts.ts'
import { backendContext } from '../../../support/context.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { openDatabase, query, temporaryFile } from '../../../support/sqlite.ts'

const clock = fakeClock()

async function openStore(
  resultExpiresMs?: number,
): Promise<{ database: SqliteDatabase; store: SqliteChordStore; count: (table: string) => unknown }> {
  const file = temporaryFile()
  const database = openDatabase(file)
  await ensureSchema(database)
  const context = backendContext({ clock, resultExpiresMs })
  const store = new SqliteChordStore({ context, isMarked: false, write: (work) => database.write(work) })
  return { database, store, count: (table) => query(file, `SELECT count(*) AS n FROM ${table}`)[0]?.['n'] }
}

function bring(store: SqliteChordStore, claim: string, taskId = 't0'): Promise<ChordProgress> {
  return bringPart(store, { groupId: 'g1', index: 0, taskId, status: 'SUCCESS', result: 1, claim })
}

// What every store does is in src/testing/chord-suite.ts.
it('lets another one send the body when the claim has lapsed', async () => {
  const { database, store } = await openStore()
  await store.setChordSize('g1', 1)
  expect(await bring(store, 'a')).toMatchObject({ kind: 'complete' })
  await clock.advance(CHORD_CLAIM_MS - 1)
  expect(await bring(store, 'b')).toEqual({ kind: 'claimed', againMs: 1 })
  await clock.advance(1)
  expect(await bring(store, 'b')).toMatchObject({ kind: 'complete' })
  await database.release()
})

it('keeps no parts of a closed chord, and forgets it after a day', async () => {
  const { database, store, count } = await openStore()
  await store.setChordSize('g1', 1)
  await bring(store, 'a')
  await store.closeChords(['g1'])
  expect([count('celeriac_chord'), count('celeriac_chord_part')]).toEqual([1, 0])
  await clock.advance(CLOSED_CHORD_MS - 1)
  expect(database.read((statements) => hasExpiredChords(statements, clock.now()))).toBe(false)
  await clock.advance(1)
  expect(database.read((statements) => hasExpiredChords(statements, clock.now()))).toBe(true)
  await database.write((statements) => {
    deleteExpiredChords(statements, clock.now())
  })
  expect(count('celeriac_chord')).toBe(0)
  await database.release()
})

it('removes expired chords with their parts and marks, and begins anew where one has expired', async () => {
  const { database, store, count } = await openStore(1000)
  await store.setChordSize('g1', 2)
  await bring(store, 'a', 't0')
  await clock.advance(1000)
  expect(await bring(store, 'a', 't1')).toEqual({ kind: 'counted' })
  expect(count('celeriac_chord_part')).toBe(1)
  await clock.advance(1000)
  await database.write((statements) => {
    statements.run("INSERT INTO celeriac_mark (key, number) VALUES ('chord g1', 1), ('chord of another', 1)")
    deleteExpiredChords(statements, clock.now())
  })
  expect(['celeriac_chord', 'celeriac_chord_part', 'celeriac_mark'].map(count)).toEqual([0, 0, 1])
  await database.release()
})
