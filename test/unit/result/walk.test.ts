import { describe, expect, it } from 'vitest'
import { taskTuple, groupTuple } from '../../../src/protocol/result.ts'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { walk } from '../../../src/result/walk.ts'
import type { WalkOptions } from '../../../src/result/walk.ts'
import { resultPlace } from '../../support/results.ts'
import type { ResultPlace } from '../../support/results.ts'

async function steps({ host }: ResultPlace, options?: WalkOptions): Promise<(string | undefined)[][]> {
  const seen: (string | undefined)[][] = []
  for await (const [caller, { id }] of walk(new AsyncResult('root', host), options)) seen.push([caller?.id, id])
  return seen
}

describe('the walk downwards', () => {
  it('goes from callers to what they called, through groups', async () => {
    const place = await resultPlace()
    await place.succeed('root', 1, [taskTuple('a'), groupTuple('g', [taskTuple('b'), taskTuple('c')])])
    for (const id of ['a', 'c', 'd']) await place.succeed(id, 1)
    await place.succeed('b', 1, [taskTuple('d')])
    expect(await steps(place)).toEqual([
      [undefined, 'root'],
      ['root', 'a'],
      ['root', 'g'],
      ['g', 'b'],
      ['g', 'c'],
      ['b', 'd'],
    ])
  })

  it('ends with an error at a task that has not ended, or passes over it', async () => {
    const place = await resultPlace()
    await place.succeed('root', 1, [taskTuple('a'), taskTuple('b')])
    await place.succeed('b', 1, [taskTuple('c')])
    await expect(steps(place)).rejects.toMatchObject({ code: 'INCOMPLETE_STREAM', message: /^The task a / })
    expect(await steps(place, { intermediate: true })).toEqual([
      [undefined, 'root'],
      ['root', 'a'],
      ['root', 'b'],
      ['b', 'c'],
    ])
  })
})
