/** What a caller holds of a work-flow, with a worker in this process: trees that tasks made, groups read as they come. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { storeResult } from '../../src/backend/storing.ts'
import { Celery, chain, chord, createLogger, group, GroupResult, resultFromTuple } from '../../src/index.ts'
import type { AppOptions, TaskContext, AsyncResult } from '../../src/index.ts'
import { decodeResultTuple } from '../../src/protocol/result.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeout: 10 }

function makeApp(options: AppOptions): Celery {
  const app = new Celery('proj', {
    logger: createLogger({ level: 'CRITICAL', write: () => undefined }),
    ...options,
  })
  onTestFinished(() => app.close())
  return app
}

function testResults(urls: () => AppOptions): void {
  /** An app with tasks, and a worker that runs them. */
  async function running() {
    const options = urls()
    const app = makeApp(options)
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const sum = app.task('proj.sum', (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0))
    const square = app.task('proj.square', (x: number) => x ** 2)
    const fail = app.task('proj.fail', (text: string): number => {
      throw new RangeError(text)
    })
    const tasks = { add, sum, square, fail }
    // Celery's own example: a task that calls a group of tasks, each of which calls another one.
    const handOn = app.task('proj.hand_on', (x: number) => square.delay(x))
    const spread = app.task('proj.spread', (count: number) =>
      group(Array.from({ length: count }, (_, x) => handOn.s(x))).delay(),
    )
    const total = app.task('proj.total', { bind: true }, (self: TaskContext<Celery>, numbers: number[]) =>
      self.replace(
        chord(
          numbers.map((x) => square.s(x)),
          sum.s(),
        ),
      ),
    )
    const worker = app.worker({ pool: 'async', concurrency: 8 })
    await worker.start()
    onTestFinished(() => worker.stop('cold'))
    return { app, options, ...tasks, spread, total }
  }

  it('a tree that tasks made is walked to its leaves', async () => {
    const { app, spread } = await running()
    const root = await spread.delay(4)
    const numbers: unknown[] = []
    const kinds: string[] = []
    for await (const [result, value] of root.collect(WAIT)) {
      kinds.push(result instanceof GroupResult ? 'group' : 'task')
      if (typeof value === 'number') numbers.push(value)
    }
    expect(numbers.sort()).toEqual([0, 1, 4, 9])
    expect(kinds).toEqual(['task', 'group', ...Array<string>(8).fill('task')])
    const { nodes, edges } = await root.graph()
    expect(nodes.size).toBe(10)
    const [groupId = ''] = edges.get(root.id) ?? []
    expect(edges.get(groupId)).toHaveLength(4)
    expect((await root.graph()).toDot()).toContain(`"${root.id}" -> "${groupId}"`)
    // What the task returned is the group itself, in the form in which results travel.
    const returned = resultFromTuple(decodeResultTuple(await root.get(WAIT)), app)
    expect(returned).toBeInstanceOf(GroupResult)
    expect([returned.id, (returned as GroupResult).length]).toEqual([groupId, 4])
  })

  it('a chain has its steps as parents and as children', async () => {
    const { add } = await running()
    const last = await chain(add.s(1, 1), add.s(2), add.s(3)).delay()
    expect(await last.get(WAIT)).toBe(7)
    const [, second = '', first = ''] = last.asList()
    const parents = [last.parent, last.parent?.parent] as AsyncResult[]
    expect(await Promise.all(parents.map((parent) => parent.get(WAIT)))).toEqual([4, 2])
    const top = parents[1] as AsyncResult
    expect([top.id, await top.getLeaf(WAIT)]).toEqual([first, 7])
    expect(Object.fromEntries((await top.graph()).edges)).toEqual({
      [first]: [second],
      [second]: [last.id],
      [last.id]: [],
    })
    await last.forget()
    expect([await last.exists(), await top.exists()]).toEqual([false, false])
  })

  it('a chord has its header as parent, and fails with the error of its header', async () => {
    const { add, fail, sum } = await running()
    const body = await chord([add.s(1, 1), add.s(2, 2)], sum.s()).delay()
    expect(await body.get(WAIT)).toBe(6)
    expect(body.parent).toBeInstanceOf(GroupResult)
    expect(await body.parent?.get(WAIT)).toEqual([2, 4])
    const failing = await chord([add.s(1, 1), fail.s('bad')], sum.s()).delay()
    await expect(failing.get(WAIT)).rejects.toThrow('bad')
    await expect(failing.get({ ...WAIT, followParents: false })).rejects.toMatchObject({ name: 'ChordError' })
  })

  it('a task that put a work-flow in its place has the result of that', async () => {
    const { total, add } = await running()
    const result = await chain(total.s([1, 2, 3]), add.s(100)).delay()
    expect(await result.get(WAIT)).toBe(114)
  })

  it('a group is read as it comes, or as one', async () => {
    const { square } = await running()
    const squares = await group(Array.from({ length: 50 }, (_, x) => square.s(x))).delay()
    const seen = new Map<string, unknown>()
    for await (const [{ id }, value] of squares.iterate(WAIT)) seen.set(id, value)
    expect(squares.results.map(({ id }) => seen.get(id))).toEqual(await squares.get(WAIT))
    expect([await squares.successful(), await squares.completedCount()]).toEqual([true, 50])
  })

  it('a group behind a task that failed is told so', async () => {
    const { fail, add } = await running()
    const behind = await chain(fail.s('first'), group(add.s(1), add.s(2))).delay()
    expect(behind).toBeInstanceOf(GroupResult)
    await expect(behind.get(WAIT)).rejects.toThrow('first')
  })

  it('a group is found again by another app', async () => {
    const { options, add } = await running()
    const sent = await group(chain(add.s(1, 1), add.s(2)), add.s(2, 2)).delay()
    await sent.save()
    // The memory backend is of one app.
    if (options.backend === 'memory://') return
    const other = makeApp(options)
    const found = await other.groupResult.restore<[number, number]>(sent.id)
    expect(found?.asTuple()).toEqual(sent.asTuple())
    expect(await found?.get(WAIT)).toEqual([4, 4])
    await found?.delete()
    expect(await other.groupResult.restore(sent.id)).toBeUndefined()
  })
}

describe('results over memory', () => {
  testResults(() => ({ broker: 'memory://', backend: 'memory://' }))
})

describe('results over sqlite', () => {
  testResults(() => {
    const file = join(temporaryDirectory(), 'celeriac.db')
    return { broker: `sqlite:///${file}`, backend: `sqlite:///${file}` }
  })
})

describeWithRedis('results over redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  testResults(() => ({ broker: server.url, backend: server.url }))

  it('who waits for one call after the other need not ask for each result', async () => {
    const options = { broker: server.url, backend: server.url }
    const runner = makeApp(options)
    runner.task('proj.double', (x: number) => x * 2)
    const worker = runner.worker({ pool: 'async', concurrency: 8 })
    await worker.start()
    onTestFinished(() => worker.stop('cold'))
    // On its clock no result is late.
    const app = makeApp({ ...options, clock: fakeClock() })
    const double = app.task('proj.double', (x: number) => x * 2)
    const callAndWait = async (x: number): Promise<number> => (await double.delay(x)).get(WAIT)
    const counts = async (): Promise<(string | undefined)[]> => {
      const stats = await server.ask('INFO', 'commandstats')
      return ['subscribe', 'mget'].map((name) => new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1])
    }
    await callAndWait(0)
    await callAndWait(0)
    await waitFor(async () => (await server.ask('PUBSUB', 'CHANNELS')).includes('celeriac.reply.'))
    await callAndWait(0)
    const before = await counts()
    for (let x = 1; x <= 20; x += 1) expect(await callAndWait(x)).toBe(x * 2)
    expect(await counts()).toEqual(before)
  })

  it('ten thousand members are one watch, and cost what they must', async () => {
    const app = makeApp({ broker: server.url, backend: server.url })
    const backend = await app.backend()
    const ids = Array.from({ length: 10_000 }, (_, index) => `many-${String(index)}`)
    const set = app.resultSet(ids.map((id) => app.asyncResult<number>(id)))
    const waiting = set.get({ timeout: 30 })
    await Promise.all(
      ids.map((id, index) =>
        storeResult(
          backend,
          backend.encodeResult({
            ...{ task_id: id, status: 'SUCCESS', result: index, traceback: null, children: [], date_done: null },
          }),
        ),
      ),
    )
    expect(await waiting).toEqual(ids.map((_, index) => index))
    expect(await set.successful()).toBe(true)
    await set.forget()
    expect(await set.completedCount()).toBe(0)
  })
})
