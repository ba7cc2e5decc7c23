/** Results of groups and trees of results, made on one side and read on the other. */
import { describe, expect, it } from 'vitest'
import { AsyncResult, group, GroupResult, resultFromTuple } from '../../src/index.ts'
import { decodeResultTuple } from '../../src/protocol/result.ts'
import type { Sides } from './side.ts'

const WAIT = { timeout: 10 }

export function testGroups(sides: () => Sides): void {
  describe('the result of a group', () => {
    it('that was saved here is restored in Python', async () => {
      const { app, python } = sides()
      const result = await group(app.signature('py.add', [1, 1]), app.signature('ts.add', [2, 2])).delay()
      await result.save()
      const restored = `celery.result.GroupResult.restore('${result.id}', app=app)`
      expect(await python.evaluate(`${restored}.as_tuple()`)).toEqual(result.asTuple())
      // Python's own `join` of results that it did not make may wait for ever (5.2): here it only reads.
      expect(await result.get(WAIT)).toEqual([2, 4])
      expect(await python.evaluate(`[one.result for one in ${restored}.results]`)).toEqual([2, 4])
      expect(await python.evaluate(`${restored}.delete()`)).toBeNull()
      expect(await app.groupResult.restore(result.id)).toBeUndefined()
    })

    it('that was saved in Python is restored here', async () => {
      const { app, python } = sides()
      const made = "group(app.signature('py.add', (1, 1)), app.signature('ts.add', (2, 2))).apply_async()"
      const [id, tuple] = await python.evaluate<[string, unknown]>(
        `[(r.save(), [r.id, r.as_tuple()])[1] for r in [${made}]][0]`,
      )
      const found = await app.groupResult.restore<[number, number]>(id)
      expect(found?.asTuple()).toEqual(tuple)
      const seen: unknown[] = []
      for await (const [, value] of found ?? []) seen.push(value)
      expect(seen.sort()).toEqual([2, 4])
      expect(await found?.get(WAIT)).toEqual([2, 4])
      await found?.delete()
      expect(await python.evaluate(`celery.result.GroupResult.restore('${id}', app=app)`)).toBeNull()
    })
  })

  describe('a tree of results', () => {
    it('goes from Python here', async () => {
      const { app, python } = sides()
      const flow =
        "chain(app.signature('py.add', (1, 1)), group(app.signature('py.add', (5,)), app.signature('ts.add', (9,))))"
      const tuple = await python.evaluate(`${flow}.apply_async().as_tuple()`)
      const result = resultFromTuple(decodeResultTuple(tuple), app)
      expect(result).toBeInstanceOf(GroupResult)
      expect(await result.get(WAIT)).toEqual([7, 11])
      const first = result.parent as AsyncResult
      expect(first).toBeInstanceOf(AsyncResult)
      expect(await first.getLeaf(WAIT)).toBe(11)
    })

    it('goes from here to Python', async () => {
      const { app, python } = sides()
      const flow = app
        .signature('ts.add', [1, 1])
        .pipe(group(app.signature('py.add', [5]), app.signature('ts.add', [9])))
      const result = (await flow.delay()) as unknown as GroupResult
      // Here too it only reads.
      expect(await result.get(WAIT)).toEqual([7, 11])
      expect(await (result.parent as AsyncResult).get(WAIT)).toBe(2)
      const tuple = JSON.stringify(JSON.stringify(result))
      const there = `celery.result.result_from_tuple(__import__('json').loads(${tuple}), app)`
      expect(await python.evaluate(`[one.result for one in ${there}.results]`)).toEqual([7, 11])
      expect(await python.evaluate(`${there}.parent.result`)).toBe(2)
      expect(await python.evaluate(`[one.result for one in ${there}.parent.children[0].results]`)).toEqual([7, 11])
    })
  })
}
