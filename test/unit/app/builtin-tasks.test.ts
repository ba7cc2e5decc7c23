import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtinTask } from '../../../src/app/builtin-tasks.ts'
import { Celery, chain, chord, group } from '../../../src/index.ts'
import type { Worker } from '../../../src/index.ts'
import { groupTuple, taskTuple } from '../../../src/protocol/result.ts'

const WAIT = { timeout: 10 }

function makeApp() {
  const app = new Celery('proj', { broker: 'memory://', backend: 'memory://', resultExpires: 600 })
  const add = app.task('proj.add', (x: number, y: number) => x + y)
  const double = app.task('proj.double', { bind: true }, async (self, x: number) =>
    Promise.resolve([self.request.args, x * 2]),
  )
  const sum = app.task('proj.sum', (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0))
  return { app, add, double, sum }
}

describe('in a worker', () => {
  let made: ReturnType<typeof makeApp>
  let worker: Worker

  beforeEach(async () => {
    made = makeApp()
    worker = made.app.worker({ pool: 'async' })
    await worker.start()
  })

  afterEach(async () => {
    await worker.stop()
    await made.app.close()
  })

  it('map and starmap call a task with each item', async () => {
    const { add, double } = made
    const doubled = await double.map([1, 2]).delay()
    expect(await doubled.get(WAIT)).toEqual([
      [[1], 2],
      [[2], 4],
    ])
    const sums = await add
      .starmap([
        [1, 2],
        [3, 4],
      ])
      .delay()
    expect(await sums.get(WAIT)).toEqual([3, 7])
  })

  it('map of a task that is not there fails', async () => {
    const { app } = made
    const result = await app.sendTask('celery.map', [app.signature('proj.unknown').toJSON(), [1]])
    await expect(result.get(WAIT)).rejects.toMatchObject({ name: 'NotRegistered' })
  })

  it('backend_cleanup removes what has expired', async () => {
    const { app } = made
    const backend = await app.backend()
    let count = 0
    backend.cleanup = async () => (count += 1)
    const result = await app.sendTask('celery.backend_cleanup')
    expect(await result.get(WAIT)).toBeNull()
    expect(count).toBe(1)
  })

  it('chunks are a group', async () => {
    const { add } = made
    const pairs = [1, 2, 3].map((x): [number, number] => [x, x])
    expect(await (await add.chunks(pairs, 2).delay()).get(WAIT)).toEqual([[2, 4], [6]])
  })

  it('chunks in a chain are sent by the task that stands for them', async () => {
    const { app, add } = made
    const pairs = [1, 2, 3].map((x): [number, number] => [x, x])
    const result = await app.sendTask('celery.chunks', [], { kwargs: add.chunks(pairs, 2).toJSON().kwargs })
    const [[, members]] = [(await result.get(WAIT)) as [unknown, [[string, null], null][]]]
    expect(members).toHaveLength(2)
    expect(await app.asyncResult(members[1]![0][0]).get(WAIT)).toEqual([6])
  })

  it('accumulate answers its arguments, or one of them', async () => {
    const { app } = made
    const send = async (args: unknown[], kwargs = {}): Promise<unknown> =>
      (await app.sendTask('celery.accumulate', args, { kwargs })).get(WAIT)
    expect(await send([1, 2])).toEqual([1, 2])
    expect(await send([1, 2, 3], { index: 1 })).toBe(2)
    expect(await send([1, 2, 3], { index: -1 })).toBe(3)
  })

  it('group and chord send what an old peer asks for', async () => {
    const { app, add, sum } = made
    const tasks = [add.s(1).set({ taskId: 'a' }), add.s(2).set({ taskId: 'b' })].map((task) => task.toJSON())
    const tree = groupTuple('g', [taskTuple('a'), taskTuple('b')])
    const sent = await app.sendTask('celery.group', [tasks, tree, 'g', [10]])
    expect(await sent.get(WAIT)).toEqual(tree)
    expect(await app.asyncResult('b').get(WAIT)).toBe(12)
    const body = sum.s().set({ taskId: 'body' }).toJSON()
    await app.sendTask('celery.chord', [[add.s(1).toJSON(), add.s(2).toJSON()], body, [10]])
    expect(await app.asyncResult('body').get(WAIT)).toBe(23)
  })

  it('a chain is not a task', async () => {
    const result = await made.app.sendTask('celery.chain', [], { kwargs: { tasks: [] } })
    await expect(result.get(WAIT)).rejects.toThrow('not a real task')
  })

  it('work-flows run to their end', async () => {
    const { add, sum } = made
    const flow = chain(add.s(1, 1), group(add.s(2), add.s(3)), sum.s(), add.s(100))
    expect(await (await flow.delay()).get(WAIT)).toBe(109)
    const nested = chord([chord([add.s(1, 1), add.s(2, 2)], sum.s()), add.s(3, 3)], sum.s())
    expect(await (await nested.delay()).get(WAIT)).toBe(12)
  })
})

describe('with taskAlwaysEager', () => {
  it('work-flows run in their caller', async () => {
    const { app, add, sum } = makeApp()
    app.configFromObject({ taskAlwaysEager: true })
    expect(await (await chain(add.s(1, 1), add.s(2)).delay()).get()).toBe(4)
    expect(await (await group(add.s(1, 1), add.s(2, 2)).delay()).get()).toEqual([2, 4])
    expect(await (await chord([add.s(1, 1), add.s(2, 2)], sum.s()).delay()).get()).toBe(6)
    expect(await (await chain(add.s(1, 1), group(add.s(2), add.s(3)), sum.s(), add.s(100)).delay()).get()).toBe(109)
    expect(await (await add.chunks([[1, 1]], 1).delay()).get()).toEqual([[2]])
    expect(await (await add.starmap([[1, 1]]).delay()).get()).toEqual([2])
  })

  it('and with apply() without it', async () => {
    const { add, sum } = makeApp()
    expect(await (await chord([add.s(1, 1), add.s(2, 2)], sum.s()).apply()).get()).toBe(6)
  })
})

describe('the list', () => {
  it("has Celery's names, and no others", () => {
    const { app } = makeApp()
    const names = ['map', 'starmap', 'chunks', 'accumulate', 'chord_unlock', 'group', 'chord', 'chain']
    for (const name of names) expect(builtinTask(app, `celery.${name}`)?.name).toBe(`celery.${name}`)
    expect(builtinTask(app, 'celery.other')).toBeUndefined()
    expect(app.tasks.names()).toEqual(['proj.add', 'proj.double', 'proj.sum'])
    expect(app.tasks.has('celery.map')).toBe(true)
  })

  it('gives way to a task of ones own', () => {
    const { app } = makeApp()
    const mine = app.task('celery.map', () => 'mine')
    expect(app.tasks.get('celery.map')).toBe(mine)
  })
})
