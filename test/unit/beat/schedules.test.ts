import { describe, expect, it } from 'vitest'
import type { Call } from '../../../src/app/call.ts'
import { Config } from '../../../src/app/config.ts'
import { Entries } from '../../../src/app/entries.ts'
import { Schedules } from '../../../src/beat/schedules.ts'
import type { BeatStore } from '../../../src/beat/store.ts'
import { MemoryBeatStoreFactory } from '../../../src/beat/store/memory.ts'
import { EntryNotFound, ImproperlyConfigured } from '../../../src/errors.ts'
import type { AsyncResult } from '../../../src/result/async-result.ts'
import { interval } from '../../../src/schedule/interval.ts'
import { beatStoreContext } from '../../support/beat.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const START = Date.UTC(2026, 0, 1)

/** A timetable with one entry of the code, `code`. */
async function lab() {
  const clock = fakeClock(START)
  const store: BeatStore = await new MemoryBeatStoreFactory().open(
    'memory://',
    beatStoreContext('memory://', { clock }),
  )
  const entries = new Entries(() => new Config().values)
  entries.add('code', { task: 'proj.code', schedule: interval(60) })
  const sent: Call[] = []
  const schedules = new Schedules({
    entries: async () => entries.all(),
    clock,
    store: async () => store,
    timezone: async () => 'UTC',
    send: async (calls) => {
      sent.push(...calls)
      return calls.map(() => ({ id: 'x' }) as AsyncResult)
    },
  })
  const find = async (name: string) => (await schedules.list()).find((entry) => entry.name === name)
  return { clock, store, schedules, sent, find }
}

describe('list', () => {
  it('has what code and store say, and where each stands', async () => {
    const { store, schedules, find } = await lab()
    await schedules.add('added', { task: 'proj.added', schedule: interval(10) })
    expect(await find('code')).toMatchObject({ source: 'app', paused: false, lastRunAt: undefined, totalRunCount: 0 })
    const leadership = await store.acquire(1000)
    await store.saveStates(leadership as never, [{ name: 'added', lastDueMs: START + 10_000, totalRunCount: 1 }])
    expect(await find('added')).toMatchObject({
      source: 'runtime',
      lastRunAt: new Date(START + 10_000),
      nextRunAt: new Date(START + 20_000),
      totalRunCount: 1,
    })
  })
})

describe('entries of run time', () => {
  it('are added once', async () => {
    const { schedules } = await lab()
    await schedules.add('added', { task: 't', schedule: interval(10) })
    await expect(schedules.add('added', { task: 't', schedule: interval(10) })).rejects.toThrow(ImproperlyConfigured)
    await expect(schedules.add('code', { task: 't', schedule: interval(10) })).rejects.toThrow(ImproperlyConfigured)
    await expect(schedules.add('', { task: 't', schedule: interval(10) })).rejects.toThrow(ImproperlyConfigured)
  })

  it('are changed: what is left out stays', async () => {
    const { schedules, find } = await lab()
    await schedules.add('added', { task: 't', schedule: interval(10), args: [1] })
    await schedules.change('added', { schedule: interval(20) })
    expect(await find('added')).toMatchObject({ task: 't', args: [1], schedule: interval(20) })
    await expect(schedules.change('added', { jitter: -1 })).rejects.toThrow(ImproperlyConfigured)
  })

  it('are removed', async () => {
    const { schedules, find } = await lab()
    await schedules.add('added', { task: 't', schedule: interval(10) })
    await schedules.remove('added')
    expect(await find('added')).toBeUndefined()
  })
})

describe('all entries', () => {
  it('rest, and go on from then', async () => {
    const { clock, schedules, find } = await lab()
    await schedules.pause('code')
    expect(await find('code')).toMatchObject({ paused: true, nextRunAt: undefined })
    await clock.advance(100_000)
    await schedules.resume('code')
    expect(await find('code')).toMatchObject({ paused: false, nextRunAt: new Date(START + 160_000) })
    await clock.advance(10_000)
    await schedules.resume('code')
    expect(await find('code')).toMatchObject({ nextRunAt: new Date(START + 160_000) })
  })

  it('are sent at once', async () => {
    const { schedules, sent } = await lab()
    expect((await schedules.run('code')).id).toBe('x')
    expect(sent).toEqual([{ name: 'proj.code', args: [], options: { kwargs: {} } }])
  })
})

it('refuses to change what stands in the code, and what is not there', async () => {
  const { schedules } = await lab()
  await expect(schedules.change('code', { jitter: 1 })).rejects.toThrow(ImproperlyConfigured)
  await expect(schedules.remove('code')).rejects.toThrow(ImproperlyConfigured)
  for (const verb of ['pause', 'resume', 'run', 'remove'] as const) {
    await expect(schedules[verb]('cod'), verb).rejects.toThrow(EntryNotFound)
  }
  await expect(schedules.change('cod', {})).rejects.toThrow('did you mean "code"?')
})
