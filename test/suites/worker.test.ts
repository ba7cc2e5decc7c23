/** The main job in one process: call, work, read, over every broker and pool that need no server. */
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Celery, createLogger, Ignore, Reject, TaskRevokedError } from '../../src/index.ts'
import type { AppOptions, LogRecord, TaskContext } from '../../src/index.ts'
import { deferred } from '../../src/util/deferred.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

interface Fixture {
  readonly app: Celery
  readonly lines: string[]
  start(): Promise<unknown>
}

class Flaky extends Error {
  static readonly excModule = 'proj.errors'
}

const brokers: Record<string, () => AppOptions> = {
  memory: () => ({ broker: 'memory://', backend: 'memory://' }),
  sqlite: () => {
    const file = join(temporaryDirectory(), 'celeriac.db')
    return { broker: `sqlite:///${file}`, backend: `sqlite:///${file}` }
  },
}

function makeApp(urls: AppOptions, pool: string, options: AppOptions = {}): Fixture {
  const lines: string[] = []
  const logger = createLogger({
    level: 'INFO',
    write: (record: LogRecord) => lines.push(`${record.level} ${record.message}`),
  })
  const app = new Celery('proj', { ...urls, logger, ...options })
  const worker = app.worker({ pool, concurrency: 4 })
  onTestFinished(async () => {
    await worker.stop('cold')
    await app.close()
  })
  const start = async (): Promise<void> => {
    await worker.start()
  }
  return { app, lines, start }
}

const cases = Object.keys(brokers).flatMap((broker) => ['async', 'solo'].map((pool) => ({ broker, pool })))

describe.each(cases)('$broker with $pool', ({ broker, pool }) => {
  const fixture = (options: AppOptions = {}): Fixture => makeApp((brokers[broker] as () => AppOptions)(), pool, options)

  it('answers calls, with positional and named arguments', async () => {
    const { app, start } = fixture()
    const sub = app.task('proj.sub', (x: number, y: number, z: number = 0) => x - y - z)
    await start()
    expect(await (await sub.delay(5, 2)).get({ timeout: 10 })).toBe(3)
    expect(await (await sub.applyAsync([5], { kwargs: { z: 1, y: 3 } })).get({ timeout: 10 })).toBe(1)
    expect(await (await app.sendTask('proj.sub', [9, 1])).get({ timeout: 10 })).toBe(8)
  })

  it('works what was sent before it started, many at once', async () => {
    const { app, start } = fixture()
    app.task('proj.double', (x: number) => x * 2)
    const results = await app.sendTasks(Array.from({ length: 300 }, (_, x) => ({ name: 'proj.double', args: [x] })))
    await start()
    const values = await Promise.all(results.map((result) => result.get({ timeout: 20 })))
    expect(values).toEqual(results.map((_, x) => x * 2))
  })

  it('reports errors with their type, arguments and traceback', async () => {
    const { app, start, lines } = fixture()
    const fail = app.task('proj.fail', (message: string) => {
      throw new Flaky(message)
    })
    await start()
    const result = await fail.delay('bad moon')
    await expect(result.get({ timeout: 10 })).rejects.toMatchObject({
      name: 'Flaky',
      module: 'proj.errors',
      args: ['bad moon'],
    })
    expect([await result.state(), await result.traceback()]).toEqual(['FAILURE', expect.stringContaining('bad moon')])
    await waitFor(() => lines.some((line) => line.includes("raised unexpected: Flaky('bad moon')")))
  })

  it('retries, by hand and by itself, and gives up in the end', async () => {
    const { app, start } = fixture()
    const byHand = app.task('proj.byHand', { bind: true, maxRetries: 2 }, (self) => {
      if (self.request.retries < 2) throw self.retry({ countdown: 0.01 })
      return self.request.retries
    })
    let attempts = 0
    const auto = app.task('proj.auto', { autoretryFor: [Flaky], maxRetries: 1, defaultRetryDelay: 0 }, () => {
      attempts += 1
      throw new Flaky('again')
    })
    await start()
    expect(await (await byHand.delay()).get({ timeout: 10 })).toBe(2)
    await expect((await auto.delay()).get({ timeout: 10 })).rejects.toMatchObject({ name: 'Flaky' })
    expect(attempts).toBe(2)
  })

  it('keeps a task until it is due', async () => {
    const { app, start } = fixture()
    const now = app.task('proj.now', () => Date.now())
    await start()
    const sentMs = Date.now()
    const [later, atOnce] = await Promise.all([now.applyAsync([], { countdown: 0.4 }), now.delay()])
    expect(await atOnce.get({ timeout: 10 })).toBeLessThan(sentMs + 390)
    const ranMs = await later.get({ timeout: 10 })
    expect(ranMs).toBeGreaterThanOrEqual(sentMs + 400)
    expect(ranMs).toBeLessThan(sentMs + 2000)
  })

  it('drops what has expired', async () => {
    const { app, start } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const result = await add.applyAsync([1, 1], { expires: new Date(Date.now() - 1000) })
    await start()
    await expect(result.get({ timeout: 10 })).rejects.toThrow(TaskRevokedError)
  })

  it('drops what is revoked', async () => {
    const { app, start, lines } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    await start()
    const result = await add.applyAsync([1, 1], { countdown: 1 })
    await result.revoke()
    await expect(result.get({ timeout: 10 })).rejects.toThrow('revoked')
    await waitFor(() => lines.some((line) => line.includes('Discarding revoked task')))
  })

  it('calls links with the result, and errbacks with the failure', async () => {
    const { app, start } = fixture()
    const seen: unknown[] = []
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const note = app.task('proj.note', (...args: unknown[]) => void seen.push(args))
    const onError = app.task('proj.onError', (request: { id: string }, error: Error, traceback: string) => {
      seen.push([request.id, error.message, typeof traceback])
    })
    const fail = app.task('proj.fail', () => {
      throw new Error('x')
    })
    await start()
    const parent = await add.applyAsync([1, 2], { link: [add.s(10), note.si('fixed')] })
    const [child] = await waitFor(async () => {
      const children = await parent.children()
      return children.length === 2 ? children : undefined
    })
    expect(await child?.get({ timeout: 10 })).toBe(13)
    const failed = await fail.applyAsync([], { linkError: onError.s() })
    await failed.get({ timeout: 10, propagate: false })
    await waitFor(() => seen.length === 2)
    expect(seen).toContainEqual(['fixed'])
    expect(seen).toContainEqual([failed.id, 'x', 'string'])
  })

  it('shows progress on the way', async () => {
    const { app, start } = fixture()
    const gate = deferred<unknown>()
    const work = app.task('proj.work', { bind: true }, async (self) => {
      await self.updateState({ state: 'PROGRESS', meta: { done: 1, total: 2 } })
      await gate.promise
      return 'done'
    })
    await start()
    const result = await work.delay()
    await waitFor(async () => (await result.state()) === 'PROGRESS')
    expect(await result.info()).toEqual({ done: 1, total: 2 })
    gate.resolve(undefined)
    expect(await result.get({ timeout: 10 })).toBe('done')
  })

  it('ignores, rejects and requeues as the task says', async () => {
    const { app, start, lines } = fixture()
    let tries = 0
    app.task('proj.ignore', () => {
      throw new Ignore()
    })
    const again = app.task('proj.again', { acksLate: true }, () => {
      tries += 1
      if (tries === 1) throw new Reject('not yet', { requeue: true })
      return tries
    })
    await start()
    await app.sendTask('proj.ignore')
    expect(await (await again.delay()).get({ timeout: 10 })).toBe(2)
    await waitFor(() => lines.some((line) => line.includes('ignored')))
  })

  it('goes on after messages that it cannot use', async () => {
    const { app, start, lines } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    await start()
    const unknown = await app.sendTask('proj.unknown', [1])
    await expect(unknown.get({ timeout: 10 })).rejects.toMatchObject({ name: 'NotRegistered' })
    const wrong = await app.sendTask('proj.add', [1, 2, 3], { shadow: 'wrong' }).catch((error: unknown) => error)
    expect(wrong).toBeInstanceOf(TypeError)
    const pickled = await app.sendTask('proj.add', [1, 2], { serializer: 'pickle' })
    await expect(pickled.get({ timeout: 10 })).rejects.toThrow('acceptContent')
    expect(await (await add.delay(1, 1)).get({ timeout: 10 })).toBe(2)
    expect(lines.filter((line) => line.startsWith('CRITICAL'))).toHaveLength(1)
  })

  it('stores nothing where no result is wanted', async () => {
    const { app, start } = fixture()
    let ran = false
    const quiet = app.task('proj.quiet', { ignoreResult: true }, () => void (ran = true))
    await start()
    const result = await quiet.delay()
    expect(await result.get()).toBeUndefined()
    await waitFor(() => ran)
    expect(await result.state()).toBe('PENDING')
  })

  it('speaks every serializer and compression that it accepts', async () => {
    const { app, start } = fixture({ acceptContent: ['json', 'pickle', 'yaml', 'msgpack'] })
    const echo = app.task('proj.echo', (value: unknown) => value)
    await start()
    const value = { text: 'héllo 世界', list: [1, 2.5, null, true], nested: { a: [{}] } }
    for (const serializer of ['json', 'pickle', 'yaml', 'msgpack']) {
      for (const compression of [undefined, 'gzip', 'zlib', 'bzip2', 'brotli']) {
        const options = { serializer, ...(compression === undefined ? {} : { compression }) }
        expect(await (await echo.applyAsync([value], options)).get({ timeout: 10 })).toEqual(value)
      }
    }
  })

  it('answers a ping', async () => {
    const { app, start } = fixture()
    await start()
    const replies = await app.control.ping({ timeout: 5, limit: 1 })
    expect(replies).toEqual([{ [`celery@${(await import('node:os')).hostname()}`]: { ok: 'pong' } }])
  })

  it('wraps publishing and running in middleware, and tells listeners', async () => {
    const { app, start } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const trail: string[] = []
    app.use({
      publish: (context, next) => {
        context.args = [context.args[0], 40]
        return next()
      },
      run: async (context, next) => {
        trail.push(`run ${context.task}`)
        return next()
      },
    })
    for (const name of [
      'before-task-publish',
      'after-task-publish',
      'task-received',
      'task-prerun',
      'task-postrun',
    ] as const) {
      app.signals.on(name, () => void trail.push(name))
    }
    await start()
    expect(await (await add.delay(2, 2)).get({ timeout: 10 })).toBe(42)
    await waitFor(() => trail.includes('task-postrun'))
    expect(new Set(trail)).toEqual(
      new Set([
        'before-task-publish',
        'after-task-publish',
        'task-received',
        'task-prerun',
        'run proj.add',
        'task-postrun',
      ]),
    )
  })

  it('makes a task that is called in a task its child', async () => {
    const { app, start } = fixture()
    const add = app.task('proj.add', { bind: true }, (self: TaskContext, x: number) => [
      x,
      self.request.parentId,
      self.request.rootId,
    ])
    const outer = app.task('proj.outer', async () => (await add.delay(1)).id)
    await start()
    const parent = await outer.delay()
    const childId = await parent.get({ timeout: 10 })
    expect(await app.asyncResult(childId).get({ timeout: 10 })).toEqual([1, parent.id, parent.id])
    expect((await parent.children()).map((child) => child.id)).toEqual([childId])
  })

  it('ends warmly: what runs is finished, what waits goes back', async () => {
    const { app } = fixture()
    const gate = deferred<unknown>()
    let started = 0
    app.task('proj.slow', { acksLate: true }, async () => {
      started += 1
      await gate.promise
      return 'done'
    })
    const results = await app.sendTasks(Array.from({ length: 12 }, () => ({ name: 'proj.slow' })))
    const concurrency = pool === 'solo' ? 1 : 3
    const first = app.worker({ pool, concurrency })
    await first.start()
    await waitFor(() => started === concurrency)
    const stopping = first.stop('warm')
    gate.resolve(undefined)
    await stopping
    expect(started).toBe(concurrency)
    const second = app.worker({ pool, concurrency })
    onTestFinished(() => second.stop('cold'))
    await second.start()
    await Promise.all(results.map((result) => result.get({ timeout: 10 })))
    expect(started).toBe(12)
  })

  it('ends coldly: what runs is aborted, and comes again when it is acknowledged late', async () => {
    const { app } = fixture()
    let started = 0
    app.task('proj.endless', { bind: true, acksLate: true }, async (self: TaskContext) => {
      started += 1
      if (started > 1) return 'second time'
      await new Promise((_resolve, reject) => {
        self.signal.addEventListener('abort', () => {
          reject(self.signal.reason as Error)
        })
      })
      return 'never'
    })
    const result = await app.sendTask('proj.endless')
    const first = app.worker({ pool, concurrency: 1 })
    await first.start()
    await waitFor(() => started === 1)
    await first.stop('cold')
    const second = app.worker({ pool, concurrency: 1 })
    onTestFinished(() => second.stop('cold'))
    await second.start()
    expect(await result.get({ timeout: 10 })).toBe('second time')
  })

  it('keeps soft time limits', async () => {
    const { app, start } = fixture()
    const slow = app.task('proj.slow', { bind: true, softTimeLimit: 0.05 }, async (self: TaskContext) => {
      await new Promise((_resolve, reject) => {
        self.signal.addEventListener('abort', () => {
          reject(self.signal.reason as Error)
        })
      })
    })
    await start()
    await expect((await slow.delay()).get({ timeout: 10 })).rejects.toMatchObject({ name: 'SoftTimeLimitExceeded' })
  })
})

describe('apps', () => {
  it('live side by side without seeing each other', async () => {
    const a = makeApp({ broker: 'memory://', backend: 'memory://' }, 'async')
    const b = makeApp({ broker: 'memory://', backend: 'memory://' }, 'async')
    const task = a.app.task('proj.add', (x: number) => x + 1)
    await a.start()
    await b.start()
    expect(b.app.tasks.has('proj.add')).toBe(false)
    expect(await (await task.delay(1)).get({ timeout: 10 })).toBe(2)
  })

  it('run eagerly when they are told to', async () => {
    const { app } = makeApp({ broker: 'memory://', backend: 'memory://' }, 'async', { taskAlwaysEager: true })
    const add = app.task('proj.add', { bind: true, maxRetries: 1 }, (self, x: number) => {
      if (self.request.retries === 0) throw self.retry({ countdown: 100 })
      return x + self.request.retries
    })
    expect(await (await add.delay(1)).get()).toBe(2)
    expect(await (await add.apply([1])).get()).toBe(2)
    expect(await (await add.apply([1], { retries: 1 })).state()).toBe('SUCCESS')
  })
})

it('a worker needs no result backend', async () => {
  const { app, start } = makeApp({ broker: 'memory://', backend: 'disabled://' }, 'async')
  const seen: number[] = []
  const note = app.task('proj.note', (x: number) => void seen.push(x))
  await start()
  await note.delay(1)
  await waitFor(() => seen.length === 1)
})
