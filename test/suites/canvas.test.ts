/** Work-flows as a user has them: sent, run by a worker in this process, counted by every store that counts. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { BackendFactory } from '../../src/backend/backend.ts'
import { MemoryBackendFactory } from '../../src/backend/memory.ts'
import { Celery, chain, chord, createLogger, group, Ignore, Reject } from '../../src/index.ts'
import type { AnySignature, AppOptions, TaskContext } from '../../src/index.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

class Flaky extends Error {
  static readonly excModule = 'proj.errors'
}

/** An app with a few tasks, and what they noted. */
function makeApp(options: AppOptions) {
  const logger = createLogger({ level: 'CRITICAL', write: () => undefined })
  const app = new Celery('proj', { logger, ...options })
  const noted: unknown[] = []
  const tasks = {
    add: app.task('proj.add', (x: number, y: number) => x + y),
    mul: app.task('proj.mul', (x: number, y: number) => x * y),
    sum: app.task('proj.sum', (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)),
    same: app.task('proj.same', (value: unknown) => value),
    fail: app.task('proj.fail', (text: string): number => {
      throw new Flaky(text)
    }),
    ignored: app.task('proj.ignored', (): number => {
      throw new Ignore()
    }),
    rejected: app.task('proj.rejected', { acksLate: true }, (): number => {
      throw new Reject('no')
    }),
    retried: app.task('proj.retried', { bind: true }, (self: TaskContext<Celery>, value: number) => {
      if (self.request.retries === 0) throw self.retry({ countdown: 0.01 })
      return value
    }),
    note: app.task('proj.note', (value: unknown) => {
      noted.push(value)
      return value
    }),
    onError: app.task('proj.on_error', (request: { id: string }, error: Error, _traceback: string) => {
      noted.push([request.id, error.message])
    }),
  }
  const worker = app.worker({ pool: 'async', concurrency: 8 })
  onTestFinished(async () => {
    await worker.stop('cold')
    await app.close()
  })
  return { app, tasks, noted, start: () => worker.start() }
}

/** A worker for an app that got more tasks. One that is left running would take the messages of the next test. */
async function startWorker(app: Celery): Promise<void> {
  const worker = app.worker({ pool: 'async' })
  onTestFinished(() => worker.stop('cold'))
  await worker.start()
}

const WAIT = { timeout: 10 }

/** The error of the body alone: `get()` of a result says what its header failed with. */
function own(app: Celery, { id }: { readonly id: string }): Promise<unknown> {
  return app.asyncResult(id).get(WAIT)
}

function testCanvas(urls: () => AppOptions): void {
  async function running(options: AppOptions = {}) {
    const made = makeApp({ ...urls(), ...options })
    await made.start()
    return made
  }

  it('a chord calls its body with the values in the order of the header', async () => {
    const { tasks } = await running()
    const header = Array.from({ length: 20 }, (_, index) => tasks.add.s(index, index))
    const result = await chord(header, tasks.same.s()).delay()
    expect(await result.get(WAIT)).toEqual(header.map((_, index) => 2 * index))
  })

  it('a chord of 500 parts', async () => {
    const { tasks } = await running()
    const header = Array.from({ length: 500 }, (_, index) => tasks.add.s(index, 1))
    expect(await (await chord(header, tasks.sum.s()).delay()).get(WAIT)).toBe(125_250)
  })

  it('a chord without a header calls its body at once', async () => {
    const { tasks } = await running()
    expect(await (await chord([], tasks.same.s()).delay()).get(WAIT)).toEqual([])
  })

  it('a group in the middle of a chain, with tasks before and after', async () => {
    const { tasks } = await running()
    const flow = chain(tasks.add.s(1, 1), group([tasks.add.s(10), tasks.mul.s(10)]), tasks.sum.s(), tasks.add.s(100))
    expect(await (await flow.delay()).get(WAIT)).toBe(132)
  })

  it('chains, groups and chords in the header of a chord', async () => {
    const { tasks } = await running()
    const header = [
      chain(tasks.add.s(1, 1), tasks.mul.s(5)),
      chord([tasks.add.s(1, 2), tasks.add.s(3, 4)], tasks.sum.s()),
      tasks.add.s(0, 7),
    ]
    expect(await (await chord(header, tasks.same.s()).delay()).get(WAIT)).toEqual([10, 10, 7])
  })

  it('a chord whose body is a chord', async () => {
    const { tasks } = await running()
    const inner = chord([tasks.sum.s(), tasks.same.s()], tasks.same.s())
    expect(await (await chord([tasks.add.s(1, 1), tasks.add.s(2, 2)], inner).delay()).get(WAIT)).toEqual([6, [2, 4]])
  })

  it('fails the body when a part fails, says which, and calls its errbacks', async () => {
    const { app, tasks, noted } = await running()
    const body = tasks.sum.s().onError(app.signature('proj.on_error'))
    const flow = chord(
      [tasks.add.s(1, 1), tasks.fail.s('bad moon').set({ taskId: `bad-${String(process.pid)}` })],
      body,
    )
    const result = await flow.delay()
    const message = `Dependency bad-${String(process.pid)} raised Flaky('bad moon')`
    await expect(own(app, result)).rejects.toMatchObject({ name: 'ChordError', message })
    await expect(result.get(WAIT)).rejects.toMatchObject({ name: 'Flaky', message: 'bad moon' })
    expect(noted).toEqual([[result.id, message]])
  })

  it('waits for all parts before it fails, and fails what follows the body', async () => {
    const { app, tasks, noted } = await running()
    const flow = chain(group([tasks.fail.s('x'), tasks.note.s('late')]), tasks.same.s(), tasks.same.s())
    const result = await flow.delay()
    await expect(own(app, result)).rejects.toMatchObject({ name: 'ChordError' })
    expect(noted).toEqual(['late'])
  })

  it('a chord in the header that fails fails the outer one', async () => {
    const { app, tasks } = await running()
    const inner = chord([tasks.fail.s('deep'), tasks.add.s(1, 1)], tasks.sum.s())
    const result = await chord([inner, tasks.add.s(1, 1)], tasks.sum.s()).delay()
    const message = /^Dependency \S+ raised ChordError\("Dependency \S+ raised Flaky\('deep'\)"\)$/
    await expect(own(app, result)).rejects.toMatchObject({ name: 'ChordError', message })
  })

  it('a chain in the header that breaks fails the chord', async () => {
    const { app, tasks } = await running()
    const broken = chain(tasks.fail.s('x'), tasks.add.s(1), tasks.add.s(2))
    const result = await chord([broken, tasks.add.s(1, 1)], tasks.sum.s()).delay()
    await expect(own(app, result)).rejects.toMatchObject({ message: /raised Flaky\('x'\)/ })
  })

  it('fails each member of a body that is a group with the error itself', async () => {
    const { tasks } = await running()
    const result = await chord([tasks.fail.s('x'), tasks.add.s(1, 1)], group([tasks.sum.s(), tasks.same.s()])).delay()
    await expect(result.get(WAIT)).rejects.toMatchObject({ name: 'Flaky', message: 'x' })
  })

  it('a part that is tried again counts once, one that is rejected has failed', async () => {
    const { app, tasks } = await running()
    expect(await (await chord([tasks.retried.s(3), tasks.add.s(1, 1)], tasks.sum.s()).delay()).get(WAIT)).toBe(5)
    const result = await chord([tasks.rejected.s(), tasks.add.s(1, 1)], tasks.sum.s()).delay()
    await expect(own(app, result)).rejects.toMatchObject({ message: /raised Reject\(/ })
  })

  it('an expired part has been revoked, and so the body fails', async () => {
    const { app, tasks } = await running()
    const expired = tasks.add.s(1, 1).set({ expires: new Date(Date.now() - 1000) })
    const result = await chord([expired, tasks.add.s(1, 1)], tasks.sum.s()).delay()
    await expect(own(app, result)).rejects.toMatchObject({ message: /raised TaskRevokedError\('expired'\)/ })
  })

  it('a task is replaced by another, by a chain and by a chord, whatever follows it', async () => {
    const { app, tasks } = makeApp(urls())
    const swap = app.task('proj.swap', { bind: true }, (self: TaskContext<Celery>, kind: string) => {
      if (kind === 'task') return self.replace(tasks.add.s(1, 2))
      if (kind === 'chain') return self.replace(chain(tasks.add.s(1, 2), tasks.mul.s(10)))
      return self.replace(chord([tasks.add.s(1, 1), tasks.add.s(2, 2)], tasks.sum.s()))
    })
    await startWorker(app)
    for (const [kind, value] of [
      ['task', 3],
      ['chain', 30],
      ['chord', 6],
    ] as const) {
      expect(await (await swap.delay(kind)).get(WAIT)).toBe(value)
      expect(await (await chain(swap.s(kind), tasks.add.s(100), tasks.add.s(1000)).delay()).get(WAIT)).toBe(
        value + 1100,
      )
      const header = [swap.s(kind), tasks.add.s(5, 5)]
      expect(await (await chord(header, tasks.same.s()).delay()).get(WAIT)).toEqual([value, 10])
    }
  })

  it('a task is replaced by one that is replaced, and its errbacks are called when that fails', async () => {
    const { app, tasks, noted } = makeApp(urls())
    const sink = app.task('proj.sink', { bind: true }, (self: TaskContext<Celery>): Promise<unknown> => {
      return self.replace(
        self.request.replacedTaskNesting < 2 ? (app.signature('proj.sink') as AnySignature) : tasks.fail.si('deep'),
      )
    })
    await startWorker(app)
    const result = await sink.s().onError(app.signature('proj.on_error')).delay()
    await expect(result.get(WAIT)).rejects.toMatchObject({ name: 'Flaky', message: 'deep' })
    expect(noted).toEqual([[result.id, 'deep']])
  })

  it('a task adds another to the chord that it is a part of', async () => {
    const { app, tasks } = makeApp(urls())
    const grow = app.task('proj.grow', { bind: true }, async (self: TaskContext<Celery>, value: number) => {
      await self.addToChord(tasks.add.s(100, value))
      return value
    })
    await startWorker(app)
    expect(await (await chord([grow.s(1), grow.s(2)], tasks.sum.s()).delay()).get(WAIT)).toBe(206)
    await expect((await grow.delay(1)).get(WAIT)).rejects.toThrow('is no part of a chord')
  })

  it('parts whose results are ignored count all the same', async () => {
    const { app, tasks } = makeApp(urls())
    const quiet = app.task('proj.quiet', { ignoreResult: true }, (x: number) => x)
    await startWorker(app)
    expect(await (await chord([quiet.s(1), quiet.s(2)], tasks.sum.s()).delay()).get(WAIT)).toBe(3)
  })
}

describe('work-flows over memory', () => {
  testCanvas(() => ({ broker: 'memory://', backend: 'memory://' }))
})

describe('work-flows over sqlite', () => {
  testCanvas(() => {
    const file = join(temporaryDirectory(), 'celeriac.db')
    return { broker: `sqlite:///${file}`, backend: `sqlite:///${file}` }
  })
})

describe('chords over a backend that does not count', () => {
  it('are looked after by celery.chord_unlock, which every worker has', async () => {
    const { app, tasks, start } = makeApp({ broker: 'memory://', resultChordRetryInterval: 0.01 })
    app.backends.registerBackend('polled', async () => {
      const memory = new MemoryBackendFactory()
      const open: BackendFactory['open'] = async (...args) =>
        Object.assign(await memory.open(...args), { chords: undefined })
      return { name: 'polled', open }
    })
    app.conf.update({ resultBackend: 'polled://' })
    await start()
    const sent = await chord([tasks.retried.s(1), chain(tasks.add.s(1, 1), tasks.mul.s(5))], tasks.sum.s()).delay()
    const failing = await chord([tasks.add.s(1, 1), tasks.fail.s('x')], tasks.sum.s()).delay()
    expect(await sent.get(WAIT)).toBe(11)
    await expect(own(app, failing)).rejects.toMatchObject({ name: 'ChordError', message: /raised Flaky\('x'\)$/ })
  })

  it('are refused where nothing is kept', async () => {
    const { tasks } = makeApp({ broker: 'memory://', backend: 'rpc://' })
    await expect(chord([tasks.add.s(1, 1)], tasks.sum.s()).delay()).rejects.toThrow(/rpc:\/\/ sends them to the caller/)
  })
})

describeWithRedis('work-flows over redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await server.stop()
  })
  testCanvas(() => ({ broker: server.url, backend: server.url }))
})
