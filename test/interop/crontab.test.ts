/** Python's crontab as the oracle of ours: random crontabs at random instants in several zones. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crontab } from '../../src/schedule/crontab.ts'
import type { CrontabFields } from '../../src/schedule/crontab.ts'
import { toWallTime, zoneOffset } from '../../src/util/zone.ts'
import { describeWithPythonCelery, PYTHON } from '../support/python-celery.ts'
import { ROOT } from '../support/sources.ts'

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe']
const CRONTABS = Number(process.env['CRONTABS'] ?? 200)
const INSTANTS = 20
const DAY_MS = 86_400_000

interface Case {
  readonly fields: CrontabFields
  readonly timezone: string
  readonly times: readonly number[]
}

/** A text for one field: all, numbers, ranges (also over the end), steps, lists of these. */
function field(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const number = fc.integer({ min, max }).map(String)
  const name = names.length === 0 ? number : fc.oneof(number, fc.constantFrom(...names))
  const step = fc.integer({ min: 1, max: max - min + 1 }).map(String)
  const range = fc.tuple(name, name).map((ends) => ends.join('-'))
  const stepped = fc.tuple(fc.oneof(fc.constant('*'), range), step).map((parts) => parts.join('/'))
  const part = fc.oneof(name, range, stepped)
  const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(','))
  return fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, { weight: 3, arbitrary: list })
}

const DAYS = ['sun', 'monday', 'Tue', 'wed', 'THU', 'friday', 'sat']

const fields = fc
  .record({
    minute: field(0, 59),
    hour: field(0, 23),
    // Celery gives up on days that come in few months of few years only; so here are always some early ones.
    dayOfMonth: field(1, 31).map((text) => (text === '*' ? text : `${text},${String((text.length % 28) + 1)}`)),
    // No names of months: Celery has them since 5.3.
    monthOfYear: field(1, 12),
    dayOfWeek: field(0, 6, DAYS),
  })
  .map((all): CrontabFields => all)

const instant = fc.integer({ min: Date.UTC(2024, 0) / 1000, max: Date.UTC(2027, 0) / 1000 })

function python(cases: readonly Case[]): number[][][] {
  const input = cases.map((one) => ({ ...one, fields: snake(one.fields) }))
  const script = join(ROOT, 'test/interop/python/crontabs.py')
  const answer = execFileSync(PYTHON, [script], { input: JSON.stringify(input), maxBuffer: 2 ** 28 })
  return JSON.parse(answer.toString()) as number[][][]
}

function snake({ minute, hour, dayOfMonth, monthOfYear, dayOfWeek }: CrontabFields): object {
  return { minute, hour, day_of_month: dayOfMonth, month_of_year: monthOfYear, day_of_week: dayOfWeek }
}

/** Do clocks change within a day of this? */
function nearChange(zone: string, timeMs: number): boolean {
  return zoneOffset(zone, timeMs - DAY_MS) !== zoneOffset(zone, timeMs + DAY_MS)
}

/** Has the next day come in UTC, and not yet in the zone? */
function isYesterday(zone: string, timeMs: number): boolean {
  return Math.floor(toWallTime(zone, timeMs) / DAY_MS) < Math.floor(timeMs / DAY_MS)
}

/**
 * Where we differ on purpose, and Python is not asked:
 *
 * - Around the change of clocks Celery 5.2 computes with the offset of the last run: up to an hour off. Our rule there is
 *   in docs/beat.md, and test/unit/schedule/crontab.test.ts.
 * - Likewise it waits an hour too long or too short when the clocks change between the last run and the next one; there
 *   the time on the wall is compared, and not how long it is until then.
 * - West of Greenwich it takes the midnight of UTC for that of the zone when it looks for the next month: in the evening of
 *   the last day before it may skip that month.
 */
describeWithPythonCelery('the next run of a crontab', () => {
  it('is that of Python', { timeout: 60_000 }, () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
    const tables = fc.sample(fields, { numRuns: CRONTABS, seed })
    const cases: Case[] = tables.map((table, index) => ({
      fields: table,
      timezone: ZONES[index % ZONES.length] ?? 'UTC',
      times: fc.sample(instant, { numRuns: INSTANTS, seed: seed + index }),
    }))
    const expected = python(cases)
    let compared = 0
    const waits: number[] = []
    for (const [index, { fields: table, timezone, times }] of cases.entries()) {
      const schedule = crontab(table, { timezone })
      for (const [at, seconds] of times.entries()) {
        const [year = 0, month = 0, day = 0, hour = 0, minute = 0, wait] = expected[index]?.[at] ?? []
        const wallMs = Date.UTC(year, month - 1, day, hour, minute)
        if (isYesterday(timezone, seconds * 1000)) continue
        if (nearChange(timezone, seconds * 1000) || nearChange(timezone, wallMs)) continue
        const nextMs = schedule.next(seconds * 1000) ?? Number.NaN
        const what = `${schedule.toString()} after ${new Date(seconds * 1000).toISOString()} (seed ${String(seed)})`
        expect(new Date(toWallTime(timezone, nextMs)).toISOString(), what).toBe(new Date(wallMs).toISOString())
        compared += 1
        if (zoneOffset(timezone, nextMs) !== zoneOffset(timezone, seconds * 1000)) continue
        expect(nextMs / 1000 - seconds, what).toBe(wait)
        waits.push(nextMs / 1000 - seconds)
      }
    }
    // So that what is left out stays the exception.
    expect(compared).toBeGreaterThan(CRONTABS * INSTANTS * 0.85)
    expect(waits.length).toBeGreaterThan(CRONTABS * INSTANTS * 0.6)
  })
})
