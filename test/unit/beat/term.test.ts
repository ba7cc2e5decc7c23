import { expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import type { Departure } from '../../../src/beat/agenda.ts'
import type { Dispatch, DispatchOutcome } from '../../../src/beat/dispatch.ts'
import type { TimetableRow } from '../../../src/beat/merge.ts'
import type { BeatStore, Leadership } from '../../../src/beat/store.ts'
import { MemoryBeatStoreFactory } from '../../../src/beat/store/memory.ts'
import { LEAD_MS, Term } from '../../../src/beat/term.ts'
import { ConnectionError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { beatStoreContext } from '../../support/beat.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A term that leads, with one entry each ten seconds; what a test changes of it comes on top. */
async function lab(changes: { store?: (store: BeatStore) => Partial<BeatStore>; syncEvery?: number } = {}) {
  const clock = fakeClock(0)
  const store = await new MemoryBeatStoreFactory().open('memory://', beatStoreContext('memory://', { clock }))
  const own = changes.store?.(store) ?? {}
  const stopping = new AbortController()
  const sent: string[] = []
  const row: TimetableRow = {
    definition: defineEntry('a', { task: 't', schedule: 10 }, 'app'),
    state: undefined,
    paused: false,
  }
  const send = async (departures: readonly Departure[]): Promise<DispatchOutcome[]> => {
    sent.push(...departures.flatMap(({ dueMs }) => dueMs.map(String)))
    return departures.map(() => ({ kind: 'sent' }))
  }
  const term = new Term({
    store: new Proxy(store, {
      get: (target, name) => own[name as keyof BeatStore] ?? (Reflect.get(target, name) as () => void).bind(target),
    }),
    leadership: (await store.acquire(LEAD_MS)) as Leadership,
    sinceMs: clock.monotonic(),
    dispatch: { send } as unknown as Dispatch,
    clock,
    logger: silentLogger(),
    read: async () => {
      const { version, entries } = await store.load()
      const state = entries.find(({ name }) => name === 'a')?.state
      return { rows: [{ ...row, state }], orphans: [], unreadable: [], version }
    },
    maxIntervalMs: 300_000,
    syncEvery: changes.syncEvery ?? 0,
    cronDeadlineMs: undefined,
    stopping: stopping.signal,
    hurry: new AbortController().signal,
  })
  let isOver = false
  const running = term.run().then(() => (isOver = true))
  const stop = async (): Promise<void> => {
    stopping.abort()
    await running
  }
  return { clock, store, sent, stop, isOver: () => isOver }
}

it('leads for as long as it renews, and leaves nothing unwritten', async () => {
  const { clock, store, sent, stop, isOver } = await lab()
  await clock.advance(20_100)
  expect(sent).toEqual(['10000', '20000'])
  expect(isOver()).toBe(false)
  await stop()
  expect((await store.load()).entries[0]?.state).toEqual({ name: 'a', lastDueMs: 20_000, totalRunCount: 2 })
})

it('ends when another one leads', async () => {
  const { clock, sent, isOver } = await lab({ store: () => ({ renew: async () => undefined }) })
  await clock.advance(30_000)
  expect([sent, isOver()]).toEqual([[], true])
})

it('sends nothing once it may not lead any more, though nobody has said so', async () => {
  const away = async (): Promise<undefined> => {
    throw new ConnectionError('away')
  }
  const { clock, sent, isOver } = await lab({ store: () => ({ renew: away }) })
  await clock.advance(30_000)
  expect([sent, isOver()]).toEqual([[], true])
  // Its renewal hangs: it cannot know, and does nothing all the same.
  const hung = await lab({ store: () => ({ renew: () => new Promise(() => undefined) }) })
  await hung.clock.advance(30_000)
  expect([hung.sent, hung.isOver()]).toEqual([[], false])
})

it('does not read anew what it could not write', async () => {
  let isFull = false
  const saved = async (): Promise<never> => {
    throw new ConnectionError('full')
  }
  const { clock, store, sent, stop } = await lab({
    store: (real) => ({ saveStates: (leadership, states) => (isFull ? saved() : real.saveStates(leadership, states)) }),
  })
  await clock.advance(5000)
  isFull = true
  await clock.advance(5500)
  await store.pause('another')
  await clock.advance(4000)
  expect(sent).toEqual(['10000'])
  isFull = false
  await clock.advance(10_000)
  expect(sent).toEqual(['10000', '20000'])
  await stop()
})

it('ends when its states are refused', async () => {
  const { clock, sent, isOver } = await lab({ store: () => ({ saveStates: async () => false }) })
  await clock.advance(30_000)
  expect([sent, isOver()]).toEqual([[], true])
})

it('waits for its states to be written, as often as asked', async () => {
  let saves = 0
  const saveStates = async (): Promise<boolean> => {
    saves += 1
    return true
  }
  const { clock, stop } = await lab({ store: () => ({ saveStates }), syncEvery: 1 })
  await clock.advance(10_001)
  expect(saves).toBe(2)
  await stop()
})
