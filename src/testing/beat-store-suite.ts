/**
 * The shared suite of beat stores: what `beat/store.ts` promises. Each test has a store of its own name.
 *
 *     testBeatStore({ describe, it }, { name: 'mine', setup: async () => ({ open: () => openMine(), remove: async () => undefined }) })
 */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { defineEntry } from '../app/entry.ts'
import type { EntryDefinition, EntryInput } from '../app/entry.ts'
import type { StoredEntry } from '../beat/entry.ts'
import type { BeatStore, Leadership } from '../beat/store.ts'
import { crontab } from '../schedule/crontab.ts'
import { interval } from '../schedule/interval.ts'
import type { TestRunner } from './suite.ts'
import { until } from './suite.ts'

/** A place for timetables. */
export interface BeatStoreLab {
  /** Another store over the same place, as another process would open it. */
  open(): Promise<BeatStore>
  /** Called at the end of a test, when its stores are closed. */
  remove(): Promise<void>
}

/** A store to be tested. */
export interface BeatStoreUnderTest {
  readonly name: string
  /** Called before each test. */
  setup(): Promise<BeatStoreLab>
}

const TTL_MS = 60_000

/** Define the tests. */
export function testBeatStore(runner: TestRunner, subject: BeatStoreUnderTest): void {
  const test = (name: string, body: (open: () => Promise<BeatStore>) => Promise<void>): void => {
    runner.it(name, async () => {
      const lab = await subject.setup()
      const stores: BeatStore[] = []
      const open = async (): Promise<BeatStore> => {
        const store = await lab.open()
        stores.push(store)
        return store
      }
      try {
        await body(open)
      } finally {
        for (const store of stores) await store.close()
        await lab.remove()
      }
    })
  }

  runner.describe(`${subject.name}: entries`, () => {
    test('are none at first', async (open) => {
      deepStrictEqual((await (await open()).load()).entries, [])
    })

    test('come back as they were put, in another process too', async (open) => {
      const [one, two] = [await open(), await open()]
      const plain = entry('plain')
      const rich = entry('reich ü"\n', {
        schedule: crontab('*/5 8-18 * * mon-fri', { timezone: 'Europe/Berlin' }),
        args: [1, 'zwei', { three: [null, true] }],
        kwargs: { x: 1.5 },
        options: { queue: 'other', expires: 30, priority: 3, headers: { x: 'y' } },
        catchUp: { every: 5 },
        jitter: 2.5,
      })
      await one.putEntry(plain)
      await one.putEntry(rich)
      const { entries } = await two.load()
      deepStrictEqual(
        sorted(entries).map(({ definition }) => plainly(definition)),
        [plain, rich].map(plainly),
      )
      ok(entries.every(({ state, paused }) => state === undefined && !paused))
    })

    test('are changed and removed, and the version tells so', async (open) => {
      const [one, two] = [await open(), await open()]
      const versions = new Set([(await two.load()).version])
      const note = async (): Promise<void> => {
        versions.add((await two.load()).version)
      }
      await one.putEntry(entry('a'))
      await note()
      await one.putEntry(entry('a', { task: 'other' }))
      await note()
      await one.pause('a')
      await note()
      await one.resume('a', 5)
      await note()
      strictEqual((await find(two, 'a')).definition?.task, 'other')
      await one.removeEntries(['a', 'unknown'])
      await note()
      deepStrictEqual((await two.load()).entries, [])
      strictEqual(versions.size, 6)
    })

    test('rest, those of the code too, and go on', async (open) => {
      const [one, two] = [await open(), await open()]
      await one.pause('of the code')
      const resting = await find(two, 'of the code')
      deepStrictEqual([resting.paused, resting.definition, resting.state], [true, undefined, undefined])
      await one.resume('of the code', 1234)
      const going = await find(two, 'of the code')
      deepStrictEqual([going.paused, going.state], [false, state('of the code', 1234, 0)])
    })
  })

  runner.describe(`${subject.name}: states`, () => {
    test('are kept, also when the entry is changed', async (open) => {
      const [one, two] = [await open(), await open()]
      await one.putEntry(entry('a'))
      const leadership = await lead(one)
      strictEqual(await one.saveStates(leadership, [state('a', 1000, 1), state('b', 2000, 7)]), true)
      await one.putEntry(entry('a', { task: 'other' }))
      deepStrictEqual((await find(two, 'a')).state, state('a', 1000, 1))
      deepStrictEqual((await find(two, 'b')).state, state('b', 2000, 7))
    })

    test('never go back', async (open) => {
      const store = await open()
      const leadership = await lead(store)
      await store.saveStates(leadership, [state('a', 2000, 2)])
      await store.saveStates(leadership, [state('a', 1000, 9), state('b', 1, 1)])
      deepStrictEqual((await find(store, 'a')).state, state('a', 2000, 2))
      deepStrictEqual((await find(store, 'b')).state, state('b', 1, 1))
    })

    test('do not change the version', async (open) => {
      const store = await open()
      await store.putEntry(entry('a'))
      const { version } = await store.load()
      const leadership = await lead(store)
      await store.saveStates(leadership, [state('a', 1000, 1)])
      strictEqual((await store.load()).version, version)
      strictEqual(await store.renew(leadership, TTL_MS), version)
    })

    test('are many', async (open) => {
      const [one, two] = [await open(), await open()]
      const states = Array.from({ length: 3000 }, (_, index) => state(`entry ${String(index)}`, 1000 + index, index))
      await one.saveStates(await lead(one), states)
      const known = new Map((await two.load()).entries.map((each) => [each.name, each.state]))
      deepStrictEqual(
        states.map(({ name }) => known.get(name)),
        states,
      )
    })
  })

  runner.describe(`${subject.name}: leading`, () => {
    test('is for one at a time, and handed on at once', async (open) => {
      const [one, two] = [await open(), await open()]
      const first = await lead(one)
      strictEqual(await two.acquire(TTL_MS), undefined)
      notStrictEqual(await one.renew(first, TTL_MS), undefined)
      await one.release(first)
      const second = await lead(two)
      ok(second.token > first.token)
      strictEqual(await one.acquire(TTL_MS), undefined)
    })

    test('ends with the time, and then what the old one writes is refused', async (open) => {
      const [one, two] = [await open(), await open()]
      const old = await one.acquire(1)
      ok(old)
      const young = await lead(two)
      ok(young.token > old.token)
      strictEqual(await one.renew(old, TTL_MS), undefined)
      strictEqual(await one.saveStates(old, [state('a', 5000, 5)]), false)
      await one.release(old)
      strictEqual(await two.saveStates(young, [state('a', 1000, 1)]), true)
      deepStrictEqual((await find(one, 'a')).state, state('a', 1000, 1))
    })

    test('ends with the store', async (open) => {
      const [one, two] = [await open(), await open()]
      const leadership = await lead(one)
      await one.release(leadership)
      await one.close()
      await one.close()
      await lead(two)
    })
  })
}

function entry(name: string, changes: Partial<EntryInput> = {}): EntryDefinition {
  return defineEntry(name, { task: 'proj.add', schedule: interval(30), ...changes }, 'runtime')
}

function state(name: string, lastDueMs: number, totalRunCount: number): NonNullable<StoredEntry['state']> {
  return { name, lastDueMs, totalRunCount }
}

/** Becomes the leader, as soon as that can be. */
async function lead(store: BeatStore): Promise<Leadership> {
  let leadership: Leadership | undefined
  await until('the store can be led', async () => (leadership = await store.acquire(TTL_MS)) !== undefined)
  return leadership as Leadership
}

async function find(store: BeatStore, name: string): Promise<StoredEntry> {
  const found = (await store.load()).entries.find((each) => each.name === name)
  ok(found, `${name} is not there`)
  return found
}

function sorted(entries: readonly StoredEntry[]): StoredEntry[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** With the schedule as text: objects of a class are the same only where they are one. */
function plainly(definition: EntryDefinition | undefined): unknown {
  return definition && { ...definition, schedule: definition.schedule.toString() }
}
