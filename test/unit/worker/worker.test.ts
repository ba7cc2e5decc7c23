import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import {
  ChannelError,
  ConnectionError,
  ImproperlyConfigured,
  WorkerError,
  WorkerShutdown,
} from '../../../src/errors.ts'
import type { SignalName } from '../../../src/signals.ts'
import type { TaskContext } from '../../../src/task/context.ts'
import { deferred } from '../../../src/util/deferred.ts'
import type { Deferred } from '../../../src/util/deferred.ts'
import { createLogger } from '../../../src/util/logger.ts'
import type { Pool, PoolOptions } from '../../../src/worker/pool/pool.ts'
import { Worker } from '../../../src/worker/worker.ts'
import type { WorkerOptions } from '../../../src/worker/worker.ts'
import { CutTransport } from '../../support/cut-transport.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly app: App
  readonly transport: CutTransport
  readonly lines: string[]
  worker(options?: WorkerOptions): Worker
}

function fixture(options: AppOptions = {}): Fixture {
  const transport = new CutTransport()
  const lines: string[] = []
  const logger = createLogger({ level: 'INFO', write: (record) => lines.push(`${record.level} ${record.message}`) })
  const app = new App('proj', { broker: 'cut://', backend: 'memory://', logger, ...options })
  app.transports.registerTransport('cut', transport.load)
  return {
    app,
    transport,
    lines,
    worker(workerOptions = {}) {
      const worker = new Worker(app, { pool: 'async', concurrency: 2, hostname: 'celery@test', ...workerOptions })
      onTestFinished(async () => {
        await worker.stop('cold')
        await app.close()
      })
      return worker
    },
  }
}

/** A task that runs until the test opens its gate, or it is aborted. */
function gated(app: App, options: { acksLate?: boolean } = {}): { gate: Deferred<unknown>; started: () => number } {
  const gate = deferred<unknown>()
  let started = 0
  app.task('proj.slow', { bind: true, ...options }, async (self: TaskContext) => {
    started += 1
    await Promise.race([
      gate.promise,
      new Promise((_resolve, reject) => {
        self.signal.addEventListener('abort', () => {
          reject(self.signal.reason as Error)
        })
      }),
    ])
    return 'done'
  })
  return { gate, started: () => started }
}

/** A pool of the test's own, and its options. */
function ownPool(pool: Partial<Pool>): { name: string; options: () => PoolOptions; stopped: string[] } {
  const stopped: string[] = []
  let options: PoolOptions | undefined
  Reflect.set(globalThis, 'createPool', (given: PoolOptions) => {
    options = given
    return {
      isolated: false,
      free: 0,
      start: () => Promise.resolve(),
      stop: async (how: string) => void stopped.push(how),
      ...pool,
    }
  })
  const name = join(temporaryDirectory(), 'pool.mjs')
  writeFileSync(name, 'export default (options) => globalThis.createPool(options)')
  return { name, stopped, options: () => options as PoolOptions }
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'createPool')
})

describe('prepare', () => {
  it('tells what the worker will be, and logs what is wrong with the settings once', async () => {
    const { worker, lines } = fixture({ taskQueues: ['celery', 'video'], taskRemoteTracebacks: true })
    const one = worker({ excludeQueues: ['video'] })
    const [facts] = await Promise.all([one.prepare(), one.prepare()])
    expect(facts).toMatchObject({ hostname: 'celery@test', pool: 'async', concurrency: 2 })
    expect(facts.queues.map(({ name }) => name)).toEqual(['celery'])
    expect(lines).toEqual([expect.stringContaining('WARNING')])
    expect(lines[0]).toContain('taskRemoteTracebacks')
  })

  it('refuses in a child of a worker', async () => {
    const { app, worker } = fixture()
    app.becomeChild({})
    await expect(worker().start()).rejects.toThrow('the children of a worker import it too')
  })

  it('can be asked again when what was wrong is mended', async () => {
    const { app, worker } = fixture({ acceptContent: ['jsn'] })
    const one = worker()
    await expect(one.start()).rejects.toThrow(ImproperlyConfigured)
    app.conf.acceptContent = ['json']
    expect((await one.start()).concurrency).toBe(2)
  })
})

describe('starting and stopping', () => {
  it('may come twice, and in any order', async () => {
    const { app, worker, transport } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const one = worker()
    await one.stop()
    await one.closed()
    const [first, second] = await Promise.all([one.start(), one.start()])
    expect(first).toBe(second)
    expect(await (await add.delay(1, 2)).get({ timeout: 5 })).toBe(3)
    await Promise.all([one.stop(), one.stop()])
    await one.stop('cold')
    await one.closed()
    await app.close()
    expect(transport.open).toBe(0)
  })

  it('may begin anew: what was revoked stays so', async () => {
    const { app, worker } = fixture()
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const one = worker()
    await one.start()
    one.state.revoked.add('bad')
    const stopping = one.stop()
    await one.start()
    await stopping
    await expect((await add.applyAsync([1, 2], { taskId: 'bad' })).get({ timeout: 5 })).rejects.toThrow('revoked')
    expect(await (await add.delay(1, 2)).get({ timeout: 5 })).toBe(3)
  })

  it('are told to listeners, in order, who may stop the worker', async () => {
    const { app, worker } = fixture()
    const trail: string[] = []
    const names: SignalName[] = ['worker-init', 'worker-ready', 'worker-shutting-down', 'worker-shutdown']
    for (const name of names) app.signals.on(name, () => void trail.push(name))
    const one = worker()
    app.signals.on('worker-ready', () => one.stop())
    expect((await one.start()).hostname).toBe('celery@test')
    await one.closed()
    expect(trail).toEqual(names)
  })

  it('warmly lets running tasks end, and gives back what waits', async () => {
    const { app, worker, transport } = fixture()
    const { gate, started } = gated(app, { acksLate: true })
    const one = worker()
    await one.start()
    const results = await app.sendTasks(Array.from({ length: 5 }, () => ({ name: 'proj.slow' })))
    await waitFor(() => started() === 2)
    const stopping = one.stop()
    await waitFor(() => one.state.reserved.size === 0)
    gate.resolve(undefined)
    await stopping
    expect(await Promise.all(results.map((result) => result.state()))).toEqual([
      ...['SUCCESS', 'SUCCESS'],
      ...['PENDING', 'PENDING', 'PENDING'],
    ])
    expect([started(), transport.open]).toEqual([2, 1])
    expect(await app.control.purge()).toBe(3)
  })

  it('turns cold when it is asked to hurry', async () => {
    const { app, worker } = fixture()
    const { started } = gated(app, { acksLate: true })
    const one = worker()
    await one.start()
    await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    const warm = one.stop('warm')
    await waitFor(() => one.state.active.size === 1)
    await one.stop('cold')
    await warm
    expect(await app.control.purge()).toBe(1)
  })

  it('softly turns cold by itself', async () => {
    const { app, worker } = fixture({ workerSoftShutdownTimeout: 0.02 })
    const { started } = gated(app, { acksLate: true })
    const one = worker()
    await one.start()
    await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    await one.stop('soft')
    expect(await app.control.purge()).toBe(1)
  })

  it('softly waits no longer than it must', async () => {
    const { app, worker } = fixture({ workerSoftShutdownTimeout: 1000 })
    const { gate, started } = gated(app)
    const one = worker()
    await one.start()
    const result = await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    const stopping = one.stop('soft')
    gate.resolve(undefined)
    await stopping
    expect(await result.get({ timeout: 5 })).toBe('done')
  })

  it('gives up a start that is not done', async () => {
    const { worker, transport } = fixture()
    const asked = deferred<undefined>()
    transport.onConnect = () => {
      asked.resolve(undefined)
      throw new ConnectionError('away')
    }
    const one = worker()
    const starting = expect(one.start()).rejects.toThrow(WorkerShutdown)
    await asked.promise
    await one.stop()
    await starting
    const other = worker()
    const atOnce = expect(other.start()).rejects.toThrow('stopped before it had started')
    await other.stop()
    await atOnce
    expect(transport.open).toBe(0)
  })
})

describe('a start that fails', () => {
  it('because of an unknown pool touches nothing', async () => {
    const { app, worker } = fixture()
    await worker().start()
    await app.sendTask('proj.unknown', [], { queue: 'other' })
    const wrong = worker({ pool: 'asinc', purge: true, queues: ['other'] })
    await expect(wrong.start()).rejects.toThrow('did you mean "async"')
    await expect(wrong.closed()).rejects.toThrow('did you mean "async"')
    await wrong.stop()
    expect(await app.control.purge(['other'])).toBe(1)
  })

  it('because of the pool leaves nothing open', async () => {
    const { worker, transport } = fixture()
    const pool = ownPool({ start: () => Promise.reject(new WorkerError('no children')) })
    await expect(worker({ pool: pool.name }).start()).rejects.toThrow('no children')
    expect([transport.connections, pool.stopped]).toEqual([[], ['cold']])
  })

  it('because of the broker leaves no pool behind', async () => {
    const { worker, transport } = fixture({ brokerConnectionRetryOnStartup: false })
    const pool = ownPool({})
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const one = worker({ pool: pool.name })
    await expect(one.start()).rejects.toThrow('away')
    expect(pool.stopped).toEqual(['cold'])
    transport.onConnect = () => undefined
    await one.start()
  })

  it('because of the queues leaves no connection open', async () => {
    const { worker, transport } = fixture()
    transport.onVerb = (verb) => {
      if (verb === 'basicConsume') throw new ChannelError('refused')
    }
    await expect(worker().start()).rejects.toThrow('refused')
    expect(transport.open).toBe(0)
  })

  it('because of the backend is told before any task has run', async () => {
    const { worker, transport } = fixture({ backend: 'memry://' })
    await expect(worker().start()).rejects.toThrow('did you mean "memory"')
    expect(transport.connections).toEqual([])
  })
})

describe('a lost connection', () => {
  it('is replaced: what was in hand comes again and does not run twice, and what comes later is worked', async () => {
    const { app, worker, transport, lines } = fixture()
    const { gate, started } = gated(app, { acksLate: true })
    const add = app.task('proj.add', (x: number, y: number) => x + y)
    const one = worker({ concurrency: 1 })
    await one.start()
    const slow = await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    await transport.cut()
    await waitFor(() => lines.some((line) => line.includes('Connection to broker lost')))
    gate.resolve(undefined)
    const sum = await add.delay(1, 2)
    expect(await sum.get({ timeout: 5 })).toBe(3)
    expect(await slow.get({ timeout: 5 })).toBe('done')
    await waitFor(() => lines.some((line) => line.includes('does not run twice')))
    expect(started()).toBe(1)
    expect(await app.control.ping({ timeout: 5, limit: 1 })).toEqual([{ 'celery@test': { ok: 'pong' } }])
  })

  it('does not keep the worker from stopping', async () => {
    const { app, worker, transport } = fixture()
    const { gate, started } = gated(app)
    const one = worker()
    await one.start()
    await app.sendTasks(Array.from({ length: 4 }, () => ({ name: 'proj.slow' })))
    await waitFor(() => started() === 2)
    transport.onVerb = () => {
      throw new ConnectionError('cut')
    }
    gate.resolve(undefined)
    await one.stop()
    await one.closed()
  })

  it('for good ends the worker, which says why', async () => {
    const { app, worker, transport, lines } = fixture({ brokerConnectionMaxRetries: 0 })
    const { gate, started } = gated(app)
    const one = worker()
    await one.start()
    const result = await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    transport.onConnect = () => {
      throw new ConnectionError('gone for good')
    }
    await transport.cut()
    await waitFor(() => lines.some((line) => line.startsWith('CRITICAL The worker cannot go on')))
    gate.resolve(undefined)
    await expect(one.closed()).rejects.toThrow('gone for good')
    expect(await result.state()).toBe('SUCCESS')
  })
})

describe('a pool', () => {
  it('that fails ends the worker', async () => {
    const { worker, lines, transport } = fixture()
    const pool = ownPool({})
    const one = worker({ pool: pool.name })
    await one.start()
    pool.options().onFailed?.(new WorkerError('children die'))
    await expect(one.closed()).rejects.toThrow('children die')
    expect([pool.stopped, transport.open]).toEqual([['cold'], 0])
    expect(lines.filter((line) => line.startsWith('CRITICAL'))).toHaveLength(1)
  })

  it('that cannot stop does not keep the broker', async () => {
    const { worker, lines, transport } = fixture()
    const pool = ownPool({ stop: () => Promise.reject(new WorkerError('stuck')) })
    const one = worker({ pool: pool.name })
    await one.start()
    await one.stop()
    expect(transport.open).toBe(0)
    expect(lines).toContain('WARNING While stopping, the worker could not let running tasks end')
  })
})

describe('queues', () => {
  it('are purged before the start, if asked to', async () => {
    const { app, worker } = fixture()
    const ran: number[] = []
    const note = app.task('proj.note', (x: number) => void ran.push(x))
    await note.delay(1)
    await worker({ purge: true }).start()
    await (await note.delay(2)).get({ timeout: 5 })
    expect(ran).toEqual([2])
  })

  it('are chosen by each worker for itself', async () => {
    const { app, worker } = fixture()
    const seen: string[] = []
    app.task('proj.where', { bind: true }, (self) => void seen.push(self.request.hostname))
    await worker({ queues: ['a'], hostname: 'a@test' }).start()
    await worker({ queues: ['b'], hostname: 'b@test' }).start()
    const rest = await worker({ hostname: 'c@test' }).start()
    expect(rest.queues.map(({ name }) => name)).toEqual(['celery'])
    for (const queue of ['a', 'b', 'celery']) {
      await (await app.sendTask('proj.where', [], { queue })).get({ timeout: 5 })
    }
    expect(seen).toEqual(['a@test', 'b@test', 'c@test'])
  })
})

describe('remote control', () => {
  it('shuts the worker down', async () => {
    const { app, worker } = fixture()
    const one = worker()
    await one.start()
    await app.control.shutdown({ destination: ['celery@other'] })
    expect(await app.control.ping({ timeout: 5, limit: 1 })).toHaveLength(1)
    await app.control.shutdown({ destination: ['celery@test'] })
    await one.closed()
  })

  it('terminates a running task', async () => {
    const { app, worker } = fixture()
    const { started } = gated(app)
    await worker().start()
    const result = await app.sendTask('proj.slow')
    await waitFor(() => started() === 1)
    await result.revoke({ terminate: true })
    await expect(result.get({ timeout: 5 })).rejects.toThrow('terminated')
  })
})
