/**
 * Random work-flows, built and sent in both languages, run on workers of the one, of the other and of both: all come to the
 * same end, value for value and error for error.
 *
 * $CELERY_FLOWS says how many, by default 25 of each; $CELERY_SEED makes other ones.
 */
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { GroupResult, resultFromTuple } from '../../src/index.ts'
import type { AsyncResult } from '../../src/index.ts'
import { decodeResultTuple } from '../../src/protocol/result.ts'
import { buildFlow, flows, whyNotRun } from '../support/flows.ts'
import type { Flow, LeafKind } from '../support/flows.ts'
import { describeWithPythonCelery, PythonError } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { startSides } from './side.ts'
import type { Sides } from './side.ts'

type Side = 'ts' | 'py'

const COUNT = Number(process.env['CELERY_FLOWS'] ?? 25)
const SEED = Number(process.env['CELERY_SEED'] ?? 3)
/** So many at a time: the Python worker runs one task after the other. */
const BATCH = 5
const WAIT = { timeout: 15, followParents: false }
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

const ALL_RUNS: readonly (readonly [sender: Side, workers: Side | 'both'])[] = [
  ['ts', 'ts'],
  ['ts', 'py'],
  ['ts', 'both'],
  ['py', 'ts'],
  ['py', 'py'],
  ['py', 'both'],
]

describeWithPythonCelery('random work-flows', () => {
  describeWithRedis('over Redis', () => {
    let sides: Sides
    beforeAll(async () => {
      const redis = await startRedis()
      sides = await startSides({ broker: redis.url, backend: redis.url })
      return async () => {
        await sides.stop()
        await redis.stop()
      }
    })

    for (const failing of [false, true]) {
      it(failing ? 'fail alike' : 'have the same values', { timeout: COUNT * 15_000 }, async () => {
        // Python forgets the options of a `map` that it sends in a group, and with them its id (`whyNotCompared`).
        const options = { depth: 4, changes: false, calls: false, failing }
        const sample = fc.sample(flows(options), { numRuns: 20 * COUNT, seed: SEED }).filter(isSmall)
        const chosen = sample.filter((flow) => whyNotRun(sides.app, flow, failing) === undefined).slice(0, COUNT)
        expect(chosen).toHaveLength(COUNT)
        for (let start = 0; start < COUNT; start += BATCH) {
          const batch = chosen.slice(start, start + BATCH)
          await Promise.all(batch.map((flow) => expectOneEnd(sides, flow)))
        }
      })
    }
  })
})

function isSmall(flow: Flow): boolean {
  return JSON.stringify(flow).length < 250
}

async function expectOneEnd(sides: Sides, flow: Flow): Promise<void> {
  const ends: string[] = []
  for (const [sender, workers] of ALL_RUNS) {
    const end = await endOf(sides, flow, sender, workers)
    // Python cannot send it, such as a link on an empty chain.
    if (end instanceof PythonError) return
    ends.push(`${sender} ${workers}: ${JSON.stringify(end)}`)
  }
  const first = JSON.stringify(await endOf(sides, flow, 'ts', 'ts'))
  const message = `sender and workers of ${JSON.stringify(flow)}, seed ${String(SEED)}`
  expect(ends, message).toEqual(ALL_RUNS.map(([sender, workers]) => `${sender} ${workers}: ${first}`))
}

async function endOf({ app, python }: Sides, flow: Flow, sender: Side, workers: Side | 'both'): Promise<unknown> {
  if (sender === 'py') {
    const text = JSON.stringify(JSON.stringify(flow))
    const tuple = await python.evaluate(`flows.send(app, ${text}, '${workers}')`).catch(pythonError)
    return tuple instanceof PythonError ? tuple : outcomeOf(resultFromTuple(decodeResultTuple(tuple), app))
  }
  const sideOf = (mark: number): Side => (workers === 'both' ? (mark % 2 === 0 ? 'ts' : 'py') : workers)
  const nameOf = (kind: LeafKind, mark: number): string => `${sideOf(mark)}.flow.${kind}`
  const { args, options } = flow.call
  return outcomeOf(await buildFlow(app, flow.spec, nameOf).applyAsync([...args], options))
}

function pythonError(error: unknown): PythonError {
  if (error instanceof PythonError) return error
  throw error
}

/** Its value, or its error; of a group those of its members. */
async function outcomeOf(result: AsyncResult | GroupResult): Promise<unknown> {
  if (result instanceof GroupResult) return Promise.all(result.results.map((one) => outcomeOf(one as AsyncResult)))
  try {
    return { value: await result.get(WAIT) }
  } catch (error) {
    return { error: String(error).replaceAll(UUID, 'id') }
  }
}
