import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { storeResult } from '../../../src/backend/storing.ts'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import { EncodeError, ImproperlyConfigured, NoResultBackend, Retry } from '../../../src/errors.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import { currentTask } from '../../../src/task/context.ts'
import type { TaskContext } from '../../../src/task/context.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { FakeTransport } from '../../support/fake-transport.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { waitFor } from '../../support/wait-for.ts'

const MEMORY: AppOptions = { broker: 'memory://', backend: 'memory://' }

function make(options: AppOptions = {}): App {
  const app = new App('proj', { ...MEMORY, ...options })
  onTestFinished(() => app.close())
  return app
}

/** An app over a transport that the test holds in its hands. */
function overFake(options: AppOptions = {}): { app: App; transport: FakeTransport } {
  const transport = new FakeTransport()
  const app = make({ broker: 'fake://', ...options })
  app.transports.registerTransport('fake', async () => transport)
  return { app, transport }
}

/** Writes files into a new folder; answers their paths as this file, which makes the apps, would name them. */
function files(texts: Readonly<Record<string, string>>): (name: string) => string {
  const folder = temporaryDirectory()
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return (name) => relative(import.meta.dirname, join(folder, name))
}

/** A module that notes that it was imported. */
const noting = (name: string): string => `(globalThis.imported ??= []).push(${JSON.stringify(name)})`
const imported = (): unknown => Reflect.get(globalThis, 'imported')

afterEach(() => {
  vi.unstubAllEnvs()
  Reflect.deleteProperty(globalThis, 'imported')
})

describe('a new app', () => {
  it('takes its broker, backend and settings from the options', () => {
    const logger = createLogger({ level: 'CRITICAL' })
    const clock = fakeClock()
    const app = make({ taskAcksLate: true, logger, clock })
    expect([app.main, app.conf.brokerUrl, app.conf.resultBackend, app.conf.taskAcksLate]).toEqual([
      'proj',
      'memory://',
      'memory://',
      true,
    ])
    expect([app.logger, app.clock]).toEqual([logger, clock])
    expect(() => make({ taskAckLate: true } as never)).toThrow('taskAcksLate')
  })

  it('is named celeriac and stands on its own file where nothing is said', () => {
    vi.stubEnv('CELERY_BROKER_URL', undefined)
    vi.stubEnv('CELERY_RESULT_BACKEND', undefined)
    const app = new App()
    expect([app.main, app.conf.brokerUrl, app.conf.resultBackend]).toEqual([
      'celeriac',
      'sqlite:///celeriac.db',
      'sqlite:///celeriac.db',
    ])
  })

  it('knows the file that made it, for its children', () => {
    const app = make()
    expect([app.file, app.location]).toEqual([
      import.meta.filename,
      { file: import.meta.filename, exportName: undefined },
    ])
    expect(app.isChild).toBe(false)
    app.becomeChild({ taskAcksLate: true })
    expect([app.isChild, app.conf.taskAcksLate]).toEqual([true, true])
  })

  it('logs from the level that the environment names', () => {
    vi.stubEnv('CELERY_LOG_LEVEL', 'info')
    expect(make().logger.enabled('INFO')).toBe(true)
    vi.stubEnv('CELERY_LOG_LEVEL', undefined)
    expect([make().logger.enabled('INFO'), make().logger.enabled('WARNING')]).toEqual([false, true])
  })
})

describe('settings', () => {
  it('come from an object, with a prefix if asked for', () => {
    const app = make().configFromObject({ taskAcksLate: true })
    expect(app.conf.taskAcksLate).toBe(true)
    app.configFromObject({ MY_TASK_TRACK_STARTED: true, SOMEONE_ELSES: 1 } as never, { namespace: 'MY' })
    expect([app.conf.taskTrackStarted, app.conf.taskAcksLate]).toEqual([true, false])
  })

  it('come from a file beside the app, when they are first needed', async () => {
    const path = files({ 'settings.json': '{ "task_acks_late": true }' })
    const app = make().configFromObject(path('settings.json'))
    expect(app.conf.taskAcksLate).toBe(false)
    expect((await app.prepare()).taskAcksLate).toBe(true)
  })

  it('come from the file that a variable names', async () => {
    const path = files({ 'settings.json': '{ "MY_TASK_ACKS_LATE": true }' })
    vi.stubEnv('MY_SETTINGS', path('settings.json'))
    const app = make()
    expect(() => app.configFromEnvvar('NO_SETTINGS')).toThrow('The environment variable NO_SETTINGS is not set')
    app.configFromEnvvar('MY_SETTINGS')
    await expect(app.prepare()).rejects.toThrow('MY_TASK_ACKS_LATE')
    app.configFromObject(path('settings.json'), { namespace: 'MY' })
    expect((await app.prepare()).taskAcksLate).toBe(true)
  })

  it('that name serializers have them loaded', async () => {
    const app = make({ acceptContent: ['json', 'yaml'], taskCompression: 'bzip2' })
    expect(app.serialization.isLoaded('yaml')).toBe(false)
    await app.prepare()
    expect(['yaml', 'bzip2'].map((name) => app.serialization.isLoaded(name))).toEqual([true, true])
    await expect(make({ taskSerializer: 'jsn' }).prepare()).rejects.toThrow(ImproperlyConfigured)
  })
})

describe('tasks', () => {
  it('are declared by name, with options, or by their function', () => {
    const app = make()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const sub = app.task('proj.sub', { maxRetries: 1 }, (x: number, y: number) => x - y)
    const mul = app.task(function mul(x: number, y: number) {
      return x * y
    })
    expect([add(2, 3), sub(2, 3), mul(2, 3)]).toEqual([5, -1, 6])
    expect(app.tasks.names()).toEqual(['proj.add', 'proj.mul', 'proj.sub'])
    expect(sub.options.maxRetries).toBe(1)
    expect(() => app.task('proj.add', () => 0)).toThrow('already registered')
  })

  it('that are called like a function have a context all the same', () => {
    const app = make()
    const look = app.task('proj.look', { bind: true }, (self, x: number) => ({ self, x, current: currentTask() }))
    const { self, x, current } = look(5)
    expect([self.app, self.request.calledDirectly, self.request.args, x, current]).toEqual([
      app,
      true,
      [5],
      5,
      undefined,
    ])
    expect(self.signal.aborted).toBe(false)
    expect(self.retry()).toBeInstanceOf(Retry)
  })

  it('store no states where nobody waits for them', async () => {
    const work = make().task('proj.work', { bind: true }, (self) => self.updateState({ state: 'PROGRESS' }))
    expect(await work()).toBeUndefined()
  })

  it('are imported from the modules that settings name, relative to the app, each once and in order', async () => {
    const path = files({ 'a.mjs': noting('a'), 'b.mjs': noting('b'), 'c.mjs': noting('c') })
    const app = make({ imports: [path('b.mjs')], include: [path('a.mjs'), path('b.mjs')] })
    const told: unknown[] = []
    app.signals.on('import-modules', ({ modules }) => void told.push(modules.length))
    await Promise.all([app.importTasks(), app.importTasks()])
    expect([imported(), told]).toEqual([['b', 'a'], [2]])
  })

  it('are discovered by globs, relative to the app', async () => {
    const path = files({
      'x/tasks.mjs': noting('x'),
      'y/z/tasks.mjs': noting('y'),
      'y/other.mjs': noting('other'),
      'y/tasks.d.mts': 'export {}',
      'y/tasks.json': '{}',
    })
    const app = make()
      .autodiscoverTasks(path('**/tasks.*'))
      .autodiscoverTasks([path('nowhere/*.mjs')])
    await app.importTasks()
    expect(imported()).toEqual(['x', 'y'])
  })

  it('are imported again after an import that failed', async () => {
    const path = files({})
    const app = make({ include: [path('late.mjs')] })
    await expect(app.importTasks()).rejects.toThrow('There is no file')
    writeFileSync(join(import.meta.dirname, path('late.mjs')), noting('late'))
    await app.importTasks()
    expect(imported()).toEqual(['late'])
  })
})

describe('calling', () => {
  it('sends what is registered, and what is not', async () => {
    const { app, transport } = overFake()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const results = [
      await add.delay(1, 2),
      await app.sendTask('elsewhere.task', [1]),
      await app.signature('s', [1]).delay(),
    ]
    expect(transport.published.flat().map((body) => JSON.parse(body)[0])).toEqual([[1, 2], [1], [1]])
    expect(new Set(results.map(({ id }) => id)).size).toBe(3)
    expect(transport.attempts).toHaveLength(1)
  })

  it('sends many in one round trip', async () => {
    const { app, transport } = overFake()
    const results = await app.sendTasks([{ name: 'a' }, { name: 'b', args: [1] }])
    expect(results).toHaveLength(2)
    expect(transport.published.map((bodies) => bodies.length)).toEqual([2])
    await app.sendTasks([{ name: 'c' }])
    expect(transport.published).toHaveLength(2)
  })

  it('publishes to brokerWriteUrl', async () => {
    const { app, transport } = overFake({ brokerWriteUrl: 'fake://write', brokerReadUrl: 'fake://read' })
    await app.sendTask('a')
    const reading = await app.connect()
    await reading.ensure()
    await reading.close()
    expect(transport.attempts).toEqual(['fake://write', 'fake://read'])
  })

  it('rejects what cannot be sent, and goes on', async () => {
    const { app, transport } = overFake()
    await expect(app.sendTask('a', [() => 1])).rejects.toThrow(EncodeError)
    await expect(app.sendTasks([{ name: 'a', args: [() => 1] }])).rejects.toThrow(EncodeError)
    await app.sendTask('a', [1])
    expect(transport.published).toHaveLength(1)
  })

  it('goes on after a wrong setting is mended', async () => {
    const app = make({ broker: 'memry://' })
    await expect(app.sendTask('a')).rejects.toThrow('did you mean "memory"')
    await app.close()
    app.conf.brokerUrl = 'memory://'
    await app.sendTask('a')
  })

  it('wraps publishing in middleware', async () => {
    const { app, transport } = overFake()
    app.use({
      publish: (context, next) => {
        context.args = [42]
        return next()
      },
    })
    await app.sendTask('a', [1])
    expect(transport.published[0]?.[0]).toContain('[[42]')
  })

  it('makes new ids that are ordered by the clock', () => {
    const app = make({ clock: fakeClock(0x0123456789ab) })
    expect(app.newId()).toMatch(/^01234567-89ab-7/)
  })
})

describe('eager calls', () => {
  it('run here what is registered, and send what is not', async () => {
    const { app, transport } = overFake({ taskAlwaysEager: true })
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    expect(await (await add.delay(1, 2)).get()).toBe(3)
    expect(await (await add.s(2).delay(1)).get()).toBe(3)
    expect(transport.attempts).toEqual([])
    await app.call('elsewhere.task', [])
    await app.sendTask('proj.add', [1, 2])
    expect(transport.published).toHaveLength(2)
  })

  it('refuse what sending would refuse', async () => {
    const app = make({ taskAlwaysEager: true })
    const add = app.task('proj.add', (x: number, y: number = 0) => x + y)
    const echo = app.task('proj.echo', (value: unknown) => value)
    await expect((add.delay as () => Promise<unknown>)()).rejects.toThrow("missing 1 required positional argument: 'x'")
    await expect(echo.delay(() => 1)).rejects.toThrow(EncodeError)
    expect(await (await echo.delay(new Map([['a', 1]]))).get()).toEqual({ a: 1 })
  })

  it('join nothing in a task, as on a worker', async () => {
    const app = make({ taskAlwaysEager: true })
    const inner = app.task('proj.inner', () => 1)
    const outer = app.task('proj.outer', async () => (await inner.delay()).get())
    await expect((await outer.delay()).get()).rejects.toThrow('Never wait for a result inside a task')
    expect(await (await outer.apply([])).get()).toBe(1)
  })

  it('throw at the caller when they are told to', async () => {
    const app = make({ taskAlwaysEager: true, taskEagerPropagates: true })
    const bad = app.task('proj.bad', () => {
      throw new RangeError('bad moon')
    })
    await expect(bad.delay()).rejects.toThrow('bad moon')
    await expect(bad.apply([])).rejects.toThrow(RangeError)
  })

  it('run inside middleware, and store their result when they are told to', async () => {
    const app = make({ taskStoreEagerResult: true })
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    app.use({ run: async (_context, next) => Number(await next()) * 10 })
    const { id } = await add.apply([1, 2])
    expect(await app.asyncResult(id).get({ timeout: 5 })).toBe(30)
  })
})

describe('errbacks', () => {
  it('are called here when they are not bound and take more than one argument', async () => {
    const app = make()
    const seen: unknown[] = []
    app.task('proj.two', (...args: [unknown, unknown]) => void seen.push(args))
    app.task('proj.one', (id: string) => void seen.push(id))
    app.task('proj.bound', { bind: true }, (_self: TaskContext<App>, a: unknown, b: unknown) => void seen.push(a, b))
    expect(await app.callErrback('proj.two', ['request', 'error', 'traceback'])).toBe(true)
    for (const name of ['proj.one', 'proj.bound', 'proj.unknown'])
      expect(await app.callErrback(name, [1, 2])).toBe(false)
    expect(seen).toEqual([['request', 'error', 'traceback']])
  })

  it('may leave off the traceback, and get named arguments by name', async () => {
    const app = make()
    const seen: unknown[] = []
    app.task('proj.short', (request: unknown, error: unknown) => void seen.push([request, error]))
    app.task('proj.named', (request: unknown, _error: unknown, _traceback: unknown, tenant: string) => {
      seen.push([request, tenant])
    })
    await app.callErrback('proj.short', [1, 2, 3])
    await app.callErrback('proj.named', [1, 2, 3], { tenant: 'acme' })
    await expect(app.callErrback('proj.named', [1, 2, 3], { nobody: 1 })).rejects.toThrow('unexpected keyword argument')
    expect(seen).toEqual([
      [1, 2],
      [1, 'acme'],
    ])
  })
})

describe('results', () => {
  it('are read by id', async () => {
    const app = make()
    const backend = await app.backend()
    await storeResult(
      backend,
      backend.encodeResult({
        task_id: 'a',
        status: 'SUCCESS',
        result: 5,
        traceback: null,
        children: null,
        date_done: null,
      }),
    )
    expect(await app.asyncResult('a').get()).toBe(5)
    expect(await app.backend()).toBe(backend)
    const set = app.resultSet([app.asyncResult<number>('a')])
    expect(await set.get()).toEqual([5])
    await new GroupResult<number[]>('g', set.results, app).save()
    expect(await (await app.groupResult.restore('g'))?.get()).toEqual([5])
  })

  it('say so where there is no backend', async () => {
    const app = make({ backend: 'disabled://' })
    await expect(app.asyncResult('a').get()).rejects.toThrow(NoResultBackend)
  })

  it('are asked for again after a backend that could not be opened', async () => {
    const app = make({ backend: 'memry://' })
    await expect(app.backend()).rejects.toThrow('memory')
    app.conf.resultBackend = 'memory://'
    expect((await app.backend()).displayUrl).toBe('memory://')
  })
})

describe('messages', () => {
  it('are decoded, compressed or not, if their content is accepted', async () => {
    const app = make()
    await app.prepare()
    const { body, contentType, contentEncoding, compression } = app.serialization.encodeBody([1], 'json', 'gzip')
    const message = { body, contentType, contentEncoding, headers: { compression }, properties: {} }
    expect(app.decode(message)).toEqual([1])
    expect(() => app.decode({ ...message, contentType: 'application/x-python-serialize' })).toThrow('acceptContent')
    const list = app.acceptList()
    expect(app.acceptList()).toBe(list)
    app.conf.acceptContent = ['pickle']
    expect(app.acceptList().find('application/json')).toBeUndefined()
  })
})

describe('the broker', () => {
  it('is asked for bindings, queues are named and purged', async () => {
    const app = make({ taskQueues: { celery: null, video: { exchange: 'media', routingKey: 'v' } } as never })
    expect(await app.queueNames()).toEqual(['celery', 'video'])
    await app.sendTask('a', [], { queue: 'video' })
    await app.sendTask('a', [], { queue: 'video' })
    expect(await app.listBindings()).toContainEqual(expect.objectContaining({ exchange: 'media', queue: 'video' }))
    expect([await app.control.purge(), await app.control.purge()]).toEqual([2, 0])
  })

  it('cannot always tell its bindings', async () => {
    const { app } = overFake()
    expect(await app.listBindings()).toBeUndefined()
  })

  it('carries revokes', async () => {
    const app = make()
    const heard: unknown[] = []
    const connection = await app.connect()
    onTestFinished(() => connection.close())
    const node = await app.createMailbox(connection).serve(await connection.ensure(), {
      nodename: `celery@${hostname()}`,
      handle: (method, args) => void heard.push([method, args['task_id']]),
    })
    await app.revoke(['a'], {})
    await app.asyncResult('b').revoke({ terminate: true })
    await waitFor(() => heard.length === 2)
    expect(heard).toEqual([
      ['revoke', ['a']],
      ['revoke', ['b']],
    ])
    await node.stop()
  })
})

describe('closing', () => {
  it('does nothing to an app that was not used, and may come twice', async () => {
    const app = make()
    await app.close()
    await Promise.all([app.close(), app.close()])
  })

  it('publishes what is on its way, also what was called in the same turn', async () => {
    const { app, transport } = overFake()
    const first = app.sendTask('a')
    await app.close()
    await first
    const sending = [app.sendTask('b'), app.sendTasks([{ name: 'c' }])]
    await app.close()
    await Promise.all(sending)
    expect(transport.published.flat()).toHaveLength(3)
    expect(transport.connections.map(({ isOpen }) => isOpen)).toEqual([false, false])
  })

  it('leaves an app that can be used again', async () => {
    const { app, transport } = overFake()
    await app.sendTask('a')
    await app.close()
    await app.sendTask('b')
    expect(transport.attempts).toHaveLength(2)
    expect((await app.backend()).displayUrl).toBe('memory://')
  })

  it('comes with the end of a block', async () => {
    const transport = new FakeTransport()
    {
      await using app = new App('proj', { broker: 'fake://', backend: 'memory://' })
      app.transports.registerTransport('fake', async () => transport)
      await app.sendTask('a')
    }
    expect(transport.connections[0]?.isOpen).toBe(false)
  })
})

it('runs tasks with a tracer, for workers', async () => {
  const app = make({ resultExtended: true })
  app.task('proj.add', (x: number, y: number) => x + y)
  const tracer = await app.createTracer({ joinWillBlock: true })
  const stored: unknown[] = []
  const control = {
    signal: new AbortController().signal,
    store: async (result: unknown) => void stored.push(result),
    endPart: () => undefined,
  }
  const { body, contentType, contentEncoding } = app.serialization.encodeBody([[1, 2], {}, {}], 'json')
  const headers = { task: 'proj.add', id: 'id-1' }
  const deliveryInfo = { exchange: '', routing_key: 'celery', priority: null, redelivered: false }
  const message = { body, contentType, contentEncoding, headers, properties: {} }
  expect(await tracer.run({ message, deliveryInfo, hostname: 'here' }, control)).toMatchObject({ kind: 'success' })
  expect(stored).toMatchObject([{ taskId: 'id-1', status: 'SUCCESS' }])
})
