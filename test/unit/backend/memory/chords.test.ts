import { expect, it } from 'vitest'
import { CHORD_CLAIM_MS, CLOSED_CHORD_MS } from '../../../../src/backend/backend.ts'
import type { ChordProgress } from '../../../../src/backend/backend.ts'
import { MemoryChords, MemoryChordStore } from '../../../../src/backend/memory/chords.ts'
import { bringPart } from '../../../support/chord-parts.ts'
import { backendContext } from '../../../support/context.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const clock = fakeClock()

function storeOf(chords: MemoryChords, resultExpiresMs?: number): MemoryChordStore {
  return new MemoryChordStore(chords, backendContext({ clock, resultExpiresMs }), () => undefined)
}

function bring(store: MemoryChordStore, claim: string, taskId = 't0'): Promise<ChordProgress> {
  return bringPart(store, { groupId: 'g1', index: 0, taskId, status: 'SUCCESS', result: 1, claim })
}

// What every store does is in src/testing/chord-suite.ts.
it('lets another one send the body when the claim has lapsed', async () => {
  const store = storeOf(new MemoryChords())
  await store.setChordSize('g1', 1)
  expect(await bring(store, 'a')).toMatchObject({ kind: 'complete' })
  await clock.advance(CHORD_CLAIM_MS - 1)
  expect(await bring(store, 'b')).toEqual({ kind: 'claimed', againMs: 1 })
  await clock.advance(1)
  expect(await bring(store, 'b')).toMatchObject({ kind: 'complete' })
  expect(await bring(store, 'a')).toEqual({ kind: 'claimed', againMs: CHORD_CLAIM_MS })
})

it('renews the claim of whoever asks again', async () => {
  const store = storeOf(new MemoryChords())
  await store.setChordSize('g1', 1)
  await bring(store, 'a')
  await clock.advance(CHORD_CLAIM_MS - 1)
  await bring(store, 'a')
  await clock.advance(1)
  expect(await bring(store, 'b')).toEqual({ kind: 'claimed', againMs: CHORD_CLAIM_MS - 1 })
})

it('forgets a closed chord after a day at most, and leaves nothing behind', async () => {
  const chords = new MemoryChords()
  const store = storeOf(chords)
  await store.setChordSize('g1', 1)
  await bring(store, 'a')
  await store.closeChords(['g1'])
  await clock.advance(CLOSED_CHORD_MS - 1)
  chords.expire(clock.now())
  expect([chords.open.size, chords.closed.size]).toEqual([0, 1])
  await clock.advance(1)
  chords.expire(clock.now())
  expect(chords.closed.size).toBe(0)
})

it('counts the time to live of an open chord from what happened last', async () => {
  const store = storeOf(new MemoryChords(), 1000)
  await store.setChordSize('g1', 2)
  await clock.advance(900)
  await bring(store, 'a', 't0')
  await clock.advance(900)
  expect(await bring(store, 'a', 't1')).toMatchObject({ kind: 'complete' })
})
