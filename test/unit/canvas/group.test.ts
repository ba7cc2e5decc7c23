import { describe, expect, it } from 'vitest'
import { runInExecution } from '../../../src/context.ts'
import { chainOf } from '../../../src/canvas/chain.ts'
import { group, Group, groupOf } from '../../../src/canvas/group.ts'
import type { ResultTuple } from '../../../src/protocol/result.ts'
import { EagerResult } from '../../../src/result/eager-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import { canvasPlace, shapeOf } from '../../support/canvas.ts'

describe('group()', () => {
  const { s } = canvasPlace()

  it('takes arguments, a list, whatever can be iterated, or another group', () => {
    const [a, b] = [s('a'), s('b')]
    function* some(): Generator<typeof a> {
      yield a
      yield b
    }
    for (const made of [group(a, b), group([a, b]), group(some()), group(group(a, b))])
      expect(shapeOf(made)).toBe('(a b)')
    expect(shapeOf(group(group(a, b), s('c')))).toBe('((a b) c)')
    expect(shapeOf(group(a))).toBe('(a)')
    expect([...group(a, b)].map(shapeOf)).toEqual(['a', 'b'])
  })
})

describe('a group', () => {
  it('sends all its tasks, each with its place, and what is missing in front', async () => {
    const { s, calls, sent } = canvasPlace()
    const result = await groupOf([s('a', [1]), s('b', [2], { immutable: true })]).applyAsync([0], { queue: 'q' })
    expect(sent()).toEqual([
      ['a', [0, 1]],
      ['b', [2]],
    ])
    expect(
      calls.map(({ options }) => [options?.groupId, options?.groupIndex, options?.queue, options?.addToParent]),
    ).toEqual([
      [result.id, 0, 'q', false],
      [result.id, 1, 'q', false],
    ])
    expect(result).toBeInstanceOf(GroupResult)
    expect(result.results.map(({ id }: { id: string }) => id)).toEqual(calls.map(({ options }) => options?.taskId))
  })

  it('has the id that it is given', async () => {
    const { s } = canvasPlace()
    expect((await groupOf([s('a')]).applyAsync([], { taskId: 'mine' })).id).toBe('mine')
    expect(
      (
        await groupOf([s('a')])
          .set({ taskId: 'mine' })
          .applyAsync()
      ).id,
    ).toBe('mine')
  })

  it('unrolls groups inside', async () => {
    const { s, calls } = canvasPlace()
    await groupOf([s('a'), groupOf([s('b'), s('c')])]).applyAsync()
    expect(calls.map(({ name, options }) => [name, options?.groupIndex])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ])
  })

  it('unrolls them when it is frozen, the last one first, as Celery does', () => {
    const { s } = canvasPlace()
    const made = groupOf([groupOf([s('a'), s('b')]), s('c')])
    made.freeze({ groupId: 'g' })
    expect(made.tasks.map((task) => [task.task, task.options['group_index'], task.options['group_id']])).toEqual([
      ['b', 0, 'g'],
      ['a', 1, 'g'],
      ['c', 2, 'g'],
    ])
    expect(made.id).toBe('g')
  })

  it('of nothing is there at once', async () => {
    const result = await group([]).applyAsync()
    expect(result).toBeInstanceOf(GroupResult)
    expect(result.results).toEqual([])
    expect(result.id).not.toBe('')
  })

  it('of one chain that ends in a group is that group', async () => {
    const { s } = canvasPlace()
    const inner = groupOf([s('b'), s('c')])
    const result = await groupOf([chainOf([s('a'), inner])]).applyAsync()
    expect(result.results).toHaveLength(2)
  })

  it('is a child of the task that sends it; its tasks are not', async () => {
    const { s } = canvasPlace()
    const children: ResultTuple[] = []
    const execution = {
      taskId: 't',
      rootId: 't',
      priority: undefined,
      children,
      joinWillBlock: true,
      context: undefined,
    }
    const result = await runInExecution(execution, () => groupOf([s('a'), s('b')]).applyAsync())
    expect(children).toEqual([result.asTuple()])
    await runInExecution(execution, () => groupOf([s('a')]).applyAsync([], { addToParent: false }))
    expect(children).toHaveLength(1)
  })

  it('takes no links for itself when it is sent', async () => {
    const { s } = canvasPlace()
    await expect(groupOf([s('a')]).applyAsync([], { link: s('b') })).rejects.toThrow(TypeError)
  })

  it('links the first of its tasks, and errbacks to each of them', () => {
    const { s } = canvasPlace()
    const made = groupOf([s('a'), s('b')])
    made.link(s('done', [1]))
    made.linkError(s('failed'))
    expect(made.tasks.map((task) => task.links('link').map(shapeOf))).toEqual([['done'], []])
    expect(made.tasks.map((task) => task.links('link_error').map(shapeOf))).toEqual([['failed'], ['failed']])
    expect(made.tasks[0]?.toJSON().options.link).toMatchObject([{ immutable: true }])
  })

  it('starts its tasks one after the other where it is skewed', () => {
    const { s } = canvasPlace()
    const made = groupOf([s('a'), s('b'), s('c'), s('d')]).skew(1, 2.5)
    expect(made.tasks.map((task) => task.options['countdown'])).toEqual([1, 2, 2.5, 2.5])
  })

  it('is immutable where all its tasks are', () => {
    const { s } = canvasPlace()
    expect(
      groupOf([s('a'), s('b')])
        .setImmutable(true)
        .tasks.every((task) => task.immutable),
    ).toBe(true)
  })

  it('counts for a chord as all of its tasks', () => {
    const { s } = canvasPlace()
    expect(groupOf([s('a'), groupOf([s('b'), s('c')])]).size).toBe(3)
  })

  it('copies its tasks with itself', () => {
    const { s } = canvasPlace()
    const made = groupOf([s('a')])
    made.clone().tasks[0]?.set({ queue: 'q' })
    expect(made.tasks[0]?.options).toEqual({})
    expect(made.clone()).toBeInstanceOf(Group)
  })

  it('runs here, one after the other', async () => {
    const { s, host } = canvasPlace()
    host.apply = (name, args) =>
      Promise.resolve(new EagerResult(name, host, { state: 'SUCCESS', value: [name, ...args], traceback: undefined }))
    const result = await groupOf([s('a', [1]), s('b')]).apply([0])
    expect(await result.get()).toEqual([
      ['a', 0, 1],
      ['b', 0],
    ])
  })
})
