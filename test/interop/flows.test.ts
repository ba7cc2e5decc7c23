/**
 * Random work-flows, built and sent in both languages, run on workers of the one, of the other and of both: all come to the
 * same end, value for value and error for error; and on the way the same tasks run with the same arguments, those that
 * links, errbacks, map, starmap and chunks call among them.
 *
 * $CELERY_FLOWS says how many, by default 25 of each; $CELERY_SEED makes other ones.
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { GroupResult, resultFromTuple, TimeoutError } from '../../src/index.ts'
import type { AsyncResult, Celery } from '../../src/index.ts'
import { decodeResultTuple } from '../../src/protocol/result.ts'
import type { ResultTuple } from '../../src/protocol/result.ts'
import { buildFlow, flows, neutral, whyNotRun } from '../support/flows.ts'
import type { Flow, FlowTasks } from '../support/flows.ts'
import { describeWithPythonCelery, PythonError } from '../support/python-celery.ts'
import type { PythonClient } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'
import { byRun, declareFlowTasks, labelled, notedInPython, unlabelled } from './flow-tasks.ts'
import type { Note } from './flow-tasks.ts'
import { startSides } from './side.ts'
import type { Sides } from './side.ts'

type Side = 'ts' | 'py'

/** A work-flow that was sent by a side, for workers of a side or both. */
interface Run {
  readonly flow: Flow
  readonly sender: Side
  readonly workers: Side | 'both'
  readonly number: number
  /** How it ended; undefined where Python could not send it. */
  end?: unknown
}

const COUNT = Number(process.env['CELERY_FLOWS'] ?? 25)
const SEED = Number(process.env['CELERY_SEED'] ?? 3)
/** So many at a time: the Python worker runs one task after the other. */
const BATCH = 25
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
    let notesHere: readonly Note[]
    const runs: Run[] = []
    beforeAll(async () => {
      const redis = await startRedis()
      // Where Python sends the parts of chunks, for it forgets how they are routed.
      const pythonSettings = { task_default_queue: 'python' }
      sides = await startSides({ broker: redis.url, backend: redis.url, pythonSettings })
      notesHere = declareFlowTasks(sides.app)
      return async () => {
        await sides.stop()
        await redis.stop()
      }
    })

    for (const failing of [false, true]) {
      it(failing ? 'fail alike' : 'have the same values', { timeout: COUNT * 15_000 }, async () => {
        const options = { depth: 4, changes: false, failing }
        const sample = fc.sample(flows(options), { numRuns: 40 * COUNT, seed: SEED }).filter(isSmall)
        const fitting = sample.filter(
          (flow) => fails(flow) === failing && whyNotRun(sides.app, flow, failing) === undefined,
        )
        const chosen = fitting.slice(0, COUNT)
        expect(chosen).toHaveLength(COUNT)
        for (let start = 0; start < COUNT; start += BATCH) {
          await expectOneStory(chosen.slice(start, start + BATCH))
        }
      })
    }

    async function expectOneStory(batch: readonly Flow[]): Promise<void> {
      const first = runs.length
      for (const [sender, workers] of ALL_RUNS) {
        const started = batch.map((flow, index): Run => ({ flow, sender, workers, number: runs.length + index + 1 }))
        runs.push(...started)
        await Promise.all(
          started.map(async (run) => {
            run.end = await endOf(sides, run)
          }),
        )
      }
      const sent = runs.slice(first).filter(({ end }) => end !== undefined)
      // Nearly all can be sent from Python.
      expect(sent.length).toBeGreaterThan(0.85 * ALL_RUNS.length * batch.length)
      const notes = await notesOf(sent)
      for (const flow of batch) {
        const ended = sent.filter((run) => run.flow === flow)
        const stories = await Promise.all(ended.map((run) => storyOf(sides.app, run, notes.get(run.number) ?? [])))
        const titles = ended.map(({ sender, workers }) => `${sender} ${workers}: `)
        expect(
          stories.map((story, index) => `${String(titles[index])}${story}`),
          `sender and workers of ${JSON.stringify(flow)}, seed ${String(SEED)}`,
        ).toEqual(titles.map((title) => `${title}${String(stories[0])}`))
      }
    }

    /** What was noted, by run, when all runs of a work-flow have noted as much; if they never do, what there is. */
    async function notesOf(ended: readonly Run[]): Promise<ReadonlyMap<number, readonly Note[]>> {
      let notes: ReadonlyMap<number, readonly Note[]> = new Map()
      const isComplete = async (): Promise<boolean> => {
        // What was sent before these has begun when they end: a link, and then the one behind it.
        for (let step = 0; step < 2; step += 1) await Promise.all(['ts.echo', 'py.echo'].map((name) => call(name)))
        notes = byRun([...notesHere, ...(await notedInPython(sides.python))])
        const sizes = new Map(ended.map(({ flow, number }) => [flow, notes.get(number)?.length]))
        return ended.every(({ flow, number }) => notes.get(number)?.length === sizes.get(flow))
      }
      await waitFor(isComplete).catch(() => undefined)
      return notes
    }

    async function call(name: string): Promise<unknown> {
      return (await sides.app.sendTask(name, [null])).get(WAIT)
    }
  })
})

function isSmall(flow: Flow): boolean {
  return JSON.stringify(flow).length < 250
}

function fails(flow: Flow): boolean {
  return JSON.stringify(flow).includes('"fail"')
}

async function endOf({ app, python }: Sides, { flow, sender, workers, number }: Run): Promise<unknown> {
  const spec = labelled(flow.spec, number)
  if (sender === 'py') {
    const tuple = await sendInPython(app, python, { ...flow, spec }, workers)
    return tuple === undefined ? undefined : outcomeOf(resultFromTuple(tuple, app))
  }
  const sideOf = (mark: number): Side => (workers === 'both' ? (mark % 2 === 0 ? 'ts' : 'py') : workers)
  const tasks: FlowTasks = {
    nameOf: (kind, mark) => `${sideOf(mark)}.flow.${kind}`,
    callOptions: (mark) => ({ queue: { ts: 'typescript', py: 'python' }[sideOf(mark)] }),
  }
  const { args, options } = flow.call
  // Sent by itself it forgets its own options.
  const over = spec[0] === 'chunks' ? tasks.callOptions(spec[1]) : options
  return outcomeOf(await buildFlow(app, spec, tasks).applyAsync([...args], over))
}

/**
 * The result's tree. Undefined where Python cannot send it, such as a link on an empty chain, or makes another work-flow of
 * the same words, as versions before 5.6 do (a chain with a link before another step, groups of one); what 5.6 makes of
 * them is compared in `test/wire/canvas-shapes.test.ts`.
 */
async function sendInPython(
  app: Celery,
  python: PythonClient,
  flow: Flow,
  workers: Side | 'both',
): Promise<ResultTuple | undefined> {
  const text = JSON.stringify(JSON.stringify(flow))
  try {
    const theirs = await python.evaluate(`flows.data(app, ${text})`)
    if (!isDeepStrictEqual(neutral(theirs), neutral(buildFlow(app, flow.spec).toJSON()))) return undefined
    return decodeResultTuple(await python.evaluate(`flows.send(app, ${text}, '${workers}')`))
  } catch (error) {
    if (error instanceof PythonError) return undefined
    throw error
  }
}

/** Its value, or its error; of a group those of its members. */
async function outcomeOf(result: AsyncResult | GroupResult): Promise<unknown> {
  if (result instanceof GroupResult) return Promise.all(result.results.map((one) => outcomeOf(one as AsyncResult)))
  try {
    return { value: await result.get(WAIT) }
  } catch (error) {
    // Two that never end are not alike.
    if (error instanceof TimeoutError) throw error
    return { error: String(error) }
  }
}

async function messageOf(result: AsyncResult): Promise<string | undefined> {
  try {
    await result.get(WAIT)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** How a run ended and what ran in it, as text that is equal for equal runs. */
async function storyOf(app: Celery, { end }: Run, notes: readonly Note[]): Promise<string> {
  const failed = new Map(notes.map(([kind, [id], mark]) => [kind === 'fail' ? id : undefined, mark]))
  const ran = notes.map(async ([kind, given, mark]): Promise<unknown> => {
    if (kind === 'fail') return [kind, mark]
    const [id, text] = given
    if ((kind !== 'told' && kind !== 'caught') || given.length === 0) return [kind, given, mark]
    // Tasks of the other side are not called with the error, but sent: what they were not told they could have asked.
    const stored = await messageOf(app.asyncResult(id as string))
    return [kind, failed.get(id) ?? 'what never ran', stored, text ?? stored, mark]
  })
  const lines = (await Promise.all(ran)).map(comparable)
  return [comparable(end), ...lines.sort()].join('\n')
}

function comparable(value: unknown): string {
  return unlabelled(JSON.stringify(value).replaceAll(UUID, 'id'))
}
