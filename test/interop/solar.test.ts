/** Python's solar schedules as the oracle of ours: all events at random places and instants. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { solar, SOLAR_EVENTS } from '../../src/schedule/solar.ts'
import { describeWithPythonCelery, PYTHON } from '../support/python-celery.ts'
import { ROOT } from '../support/sources.ts'

const CASES = 500
/** The same each time, for some of what is expected are shares; `SEED=now` takes others. */
const SEED = 20_260_621

const cases = fc.tuple(
  fc.constantFrom(...SOLAR_EVENTS),
  fc.integer({ min: -850, max: 850 }).map((tenths) => tenths / 10),
  fc.integer({ min: -1800, max: 1800 }).map((tenths) => tenths / 10),
  fc.integer({ min: Date.UTC(2024, 0) / 1000, max: Date.UTC(2028, 0) / 1000 }),
)

/** Where the sun rises and sets steeply, the two agree to some seconds. */
const STEEP = 45
const STEEP_S = 15
/**
 * Elsewhere there are days on which it only just reaches a height: a hundredth of a degree is a minute there, and decides
 * whether the event happens on the first and last day of a polar summer or winter.
 */
const FLAT_S = 60

describeWithPythonCelery('the next event of the sun', () => {
  it('is that of Python', { timeout: 60_000 }, () => {
    const seed = process.env['SEED'] === 'now' ? Date.now() % 2 ** 31 : Number(process.env['SEED'] ?? SEED)
    const sample = fc.sample(cases, { numRuns: CASES, seed })
    const script = join(ROOT, 'test/interop/python/solars.py')
    const answer = execFileSync(PYTHON, [script], { input: JSON.stringify(sample), maxBuffer: 2 ** 28 })
    const expected = JSON.parse(answer.toString()) as (number | null)[]
    let steep = 0
    let flat = 0
    let differing = 0
    for (const [index, [event, latitude, longitude, seconds]] of sample.entries()) {
      const at = expected[index]
      // Python looks at one day only, and does not say when the event comes again.
      if (at === null || at === undefined) continue
      const next = (solar(event, latitude, longitude).next(seconds * 1000) ?? Number.NaN) / 1000
      // Asked while it happens, one may say now and the other tomorrow.
      if (Math.min(next, at) - seconds < STEEP_S) continue
      const what = `${event} at ${String(latitude)} ${String(longitude)} after ${String(seconds)} (seed ${String(seed)})`
      if (Math.abs(latitude) <= STEEP) {
        expect(Math.abs(next - at), what).toBeLessThan(STEEP_S)
        steep += 1
      } else {
        flat += 1
        if (!(Math.abs(next - at) < FLAT_S)) differing += 1
      }
    }
    expect(steep).toBeGreaterThan(CASES * 0.4)
    expect(flat).toBeGreaterThan(CASES * 0.2)
    expect(differing).toBeLessThan(flat * 0.05)
  })
})
