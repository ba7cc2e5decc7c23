import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import type { EntryInput } from '../../../src/app/entry.ts'
import { Agenda } from '../../../src/beat/agenda.ts'
import type { AgendaOptions, Departure } from '../../../src/beat/agenda.ts'
import { jitterOf } from '../../../src/beat/firing.ts'
import { clocked } from '../../../src/schedule/clocked.ts'
import { crontab } from '../../../src/schedule/crontab.ts'

const HOUR_MS = 3_600_000

function entry(name: string, changes: Partial<EntryInput> = {}, lastDueMs = 0) {
  const definition = defineEntry(name, { task: 't', schedule: 10, ...changes }, 'app')
  return { definition, state: { name, lastDueMs, totalRunCount: 0 } }
}

function agendaOf(entries: readonly ReturnType<typeof entry>[], options: Partial<AgendaOptions> = {}): Agenda {
  const agenda = new Agenda({
    onBroken: (_definition, error) => {
      throw error
    },
    ...options,
  })
  agenda.replace(entries)
  return agenda
}

const namesOf = (departures: readonly Departure[]) => departures.map(({ definition }) => definition.name)

describe('an agenda', () => {
  it('has entries in the order of their instants', () => {
    const agenda = agendaOf([entry('b', { schedule: 20 }), entry('a', { schedule: 10 }), entry('c', { schedule: 30 })])
    expect(agenda.nextMs).toBe(10_000)
    expect(agenda.take(9999, 10)).toEqual([])
    const [first] = agenda.take(10_000, 10)
    expect(first).toMatchObject({ dueMs: [10_000], after: { name: 'a', lastDueMs: 10_000, totalRunCount: 1 } })
    expect(agenda.nextMs).toBe(20_000)
    agenda.done(first as Departure, (first as Departure).after)
    expect(namesOf(agenda.take(20_000, 10)).sort()).toEqual(['a', 'b'])
    expect(agenda.size).toBe(1)
  })

  it('gives no more than is asked for', () => {
    const agenda = agendaOf(['a', 'b', 'c'].map((name) => entry(name)))
    expect(agenda.take(10_000, 2)).toHaveLength(2)
    expect(agenda.take(10_000, 2)).toHaveLength(1)
  })

  it('forgets what has no instant any more', () => {
    const agenda = agendaOf([entry('once', { schedule: clocked(new Date(5)) })])
    const [only] = agenda.take(5, 10)
    agenda.done(only as Departure, (only as Departure).after)
    expect([agenda.size, agenda.nextMs]).toEqual([0, undefined])
  })

  it('has what could not be sent again later, with all that is due by then', () => {
    const agenda = agendaOf([entry('a', { catchUp: { every: 5 } })])
    const [first] = agenda.take(10_000, 10)
    agenda.again(first as Departure, 12_000)
    expect(agenda.take(11_999, 10)).toEqual([])
    expect(agenda.take(20_000, 10)).toMatchObject([{ dueMs: [10_000, 20_000], after: { totalRunCount: 2 } }])
  })

  it('lets an entry rest whose schedule throws', () => {
    const broken: string[] = []
    const schedule = {
      next: (ms: number) => (ms === 0 ? 10 : ([] as number[]).reduce(() => 0)),
      toString: () => 'mine',
    }
    const agenda = agendaOf([entry('broken', { schedule }), entry('fine')], {
      onBroken: ({ name }) => void broken.push(name),
    })
    expect(namesOf(agenda.take(10_000, 10))).toEqual(['fine'])
    expect(broken).toEqual(['broken'])
  })
})

describe('what was missed', () => {
  const dueAfter = (changes: Partial<EntryInput>, nowMs: number, options: Partial<AgendaOptions> = {}) => {
    const [departure] = agendaOf([entry('a', changes)], options).take(nowMs, 10)
    return departure && { dueMs: departure.dueMs, last: departure.after.lastDueMs, runs: departure.after.totalRunCount }
  }

  it('is made up for once, by the latest of it', () => {
    expect(dueAfter({}, HOUR_MS + 5)).toEqual({ dueMs: [HOUR_MS], last: HOUR_MS, runs: 1 })
  })

  it('is made up for one by one, as many as are wanted', () => {
    expect(dueAfter({ catchUp: { every: 3 } }, 35_000)).toEqual({
      dueMs: [10_000, 20_000, 30_000],
      last: 30_000,
      runs: 3,
    })
    expect(dueAfter({ catchUp: { every: 2 } }, 35_000)).toEqual({ dueMs: [20_000, 30_000], last: 30_000, runs: 2 })
  })

  it('comes in several goes where it is much', () => {
    const agenda = agendaOf([entry('a', { schedule: 1, catchUp: { every: 250 } }), entry('b', { schedule: 1 })])
    const sent: number[] = []
    for (let go = 0; go < 10; go += 1) {
      for (const departure of agenda.take(500_000, 100)) {
        if (departure.definition.name === 'a') sent.push(...departure.dueMs)
        expect(departure.dueMs.length).toBeLessThanOrEqual(100)
        agenda.done(departure, departure.after)
      }
    }
    expect(sent).toEqual(Array.from({ length: 250 }, (_, index) => (251 + index) * 1000))
  })

  it('is left out, but not what is a little late', () => {
    const skip = { catchUp: 'skip', schedule: 3600 } as const
    expect(dueAfter(skip, HOUR_MS + 30_000)).toEqual({ dueMs: [HOUR_MS], last: HOUR_MS, runs: 1 })
    expect(dueAfter(skip, HOUR_MS + 30_001)).toEqual({ dueMs: [], last: HOUR_MS, runs: 0 })
  })

  it('has a deadline for crontabs', () => {
    const options = { cronDeadlineMs: 60_000 }
    const cron = { schedule: crontab('0 * * * *'), catchUp: { every: 9 } } as const
    expect(dueAfter(cron, 2 * HOUR_MS + 60_000, options)).toMatchObject({ dueMs: [2 * HOUR_MS] })
    expect(dueAfter(cron, 2 * HOUR_MS + 60_001, options)).toMatchObject({ dueMs: [], last: 2 * HOUR_MS })
    expect(dueAfter({ schedule: 3600 }, 2 * HOUR_MS - 1, options)).toMatchObject({ dueMs: [HOUR_MS] })
  })
})

describe('jitter', () => {
  it('puts off what is sent, and never what is due', () => {
    const a = entry('a', { schedule: 100, jitter: 20 })
    const agenda = agendaOf([a])
    const late = jitterOf({ definition: a.definition, dueMs: 100_000 })
    expect(late).toBeGreaterThan(0)
    expect(agenda.nextMs).toBe(100_000 + late)
    expect(agenda.take(99_999 + late, 10)).toEqual([])
    expect(agenda.take(100_000 + late, 10)).toMatchObject([{ dueMs: [100_000], after: { lastDueMs: 100_000 } }])
  })
})

it('is not missed for being put off', () => {
  const a = entry('a', { schedule: 3600, jitter: 3000, catchUp: 'skip' })
  const agenda = agendaOf([a])
  expect(agenda.nextMs).toBeGreaterThan(HOUR_MS + 60_000)
  expect(agenda.take(agenda.nextMs ?? 0, 10)).toMatchObject([{ dueMs: [HOUR_MS] }])
})

it('sends each instant once, whatever the steps of the clock', () => {
  const steps = fc.array(fc.integer({ min: -5000, max: 60_000 }), { minLength: 1, maxLength: 30 })
  const jitter = fc.constantFrom(0, 3, 25)
  fc.assert(
    fc.property(steps, jitter, fc.constantFrom(1, 7, 30), (each, wobble, every) => {
      const agenda = agendaOf([entry('a', { schedule: every, jitter: wobble, catchUp: { every: 1000 } })])
      const sent: number[] = []
      let nowMs = 0
      for (const step of each) {
        nowMs += step
        for (const departure of agenda.take(nowMs, 10)) {
          sent.push(...departure.dueMs)
          agenda.done(departure, departure.after)
        }
      }
      expect(sent).toEqual(sent.map((_, index) => (index + 1) * every * 1000))
    }),
  )
})
