/**
 * Random work-flows, nested to depth 4, that Python's Celery built, froze and sent (`test/interop/python/flows.py`): ours have
 * the same plain data, the same ids in the same places, the same results and the same messages.
 *
 * Where $CELERY_PYTHON has Celery 5.6, it is asked for new ones too: $CELERY_FLOWS of them, by default 300. Older versions
 * make other work-flows of the same words, so Debian's is not asked.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Celery } from '../../src/index.ts'
import { comparable, describeFlow, flows, whyNotCompared } from '../support/flows.ts'
import type { Description, Flow } from '../support/flows.ts'
import { PYTHON } from '../support/python-celery.ts'
import { ROOT } from '../support/sources.ts'

type Answer = Description | { readonly error: string }

const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
const vectors = JSON.parse(readFileSync(join(ROOT, 'test/wire/canvas-shapes.json'), 'utf8')) as (Flow & Description)[]

it.each(vectors.map((vector) => [JSON.stringify(vector.spec), vector] as const))('%s', async (_, vector) => {
  const { spec, call, ...described } = vector
  expect(comparable(await describeFlow(app, { spec, call }))).toEqual(comparable(described))
})

it.skipIf(!hasCelery56())('new ones, of the Celery at hand', { timeout: 600_000 }, async () => {
  const numRuns = Number(process.env['CELERY_FLOWS'] ?? 300)
  const seed = Number(process.env['CELERY_SEED'] ?? Date.now())
  const sample = fc.sample(flows(), { numRuns, seed }).filter((flow) => whyNotCompared(app, flow) === undefined)
  const answers = inPython(sample)
  const different: unknown[] = []
  let compared = 0
  for (const [index, flow] of sample.entries()) {
    const answer = answers[index] as Answer
    // What Python cannot build or send has no form to compare.
    if ('error' in answer) continue
    compared += 1
    const [ours, theirs] = [comparable(await describeFlow(app, flow)), comparable(answer)]
    if (!isEqual(ours, theirs)) different.push({ flow, ours, theirs })
  }
  console.log(`${String(compared)} of ${String(numRuns)} work-flows compared, seed ${String(seed)}`)
  expect(different, `seed ${String(seed)}`).toEqual([])
})

function inPython(sample: readonly Flow[]): Answer[] {
  const input = sample.map((flow) => JSON.stringify(flow)).join('\n')
  const options = { input, maxBuffer: 2 ** 30, encoding: 'utf8', stdio: 'pipe' } as const
  const lines = execFileSync(PYTHON, [join(ROOT, 'test/interop/python/flows.py')], options)
    .trim()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Answer)
}

function isEqual(ours: unknown, theirs: unknown): boolean {
  try {
    expect(ours).toEqual(theirs)
    return true
  } catch {
    return false
  }
}

function hasCelery56(): boolean {
  if (process.env['CELERY_PYTHON'] === undefined) return false
  const version = execFileSync(PYTHON, ['-c', 'import celery; print(celery.VERSION >= (5, 6))'], { encoding: 'utf8' })
  return version.trim() === 'True'
}
