/**
 * What the network and servers do to callers, workers and waiters, and how they heal: every task that was accepted runs,
 * every waiter gets its answer, and publishing never hangs. The same faults for each broker, by a proxy before it.
 */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { Celery, createLogger, OperationalError } from '../../src/index.ts'
import type { AppOptions, AsyncResult } from '../../src/index.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import type { Direction, FaultProxy } from '../support/fault-proxy.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { APPEND_ONLY, describeWithRedis, startRedis } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

/** A server to be broken. */
interface Server {
  readonly port: number
  readonly url: string
  stop(): Promise<void>
  kill(): Promise<void>
  start(): Promise<void>
}

/** A broker of the suite, and the result backend beside it. */
interface Broker<S extends Server> {
  readonly start: () => Promise<S>
  /** `url` is the broker's, by way of the proxy. */
  readonly options: (url: string) => AppOptions
  /** Has the server noticed who is gone, and does nobody hold anything? */
  readonly settled: (server: S) => Promise<boolean>
  /** Names of what is left in the server that nobody needs any more. */
  readonly strays: (server: S) => Promise<string[]>
}

const TASKS = 200

function testHealing<S extends Server>(broker: Broker<S>): void {
  let server: S
  let proxy: FaultProxy
  let apps: Celery[]
  let stops: (() => Promise<void>)[]
  /** How often each task ran, by its number. */
  let runs: Map<number, number>
  let lines: string[]

  beforeAll(async () => {
    server = await broker.start()
  }, 60_000)
  afterAll(() => server.stop())

  beforeEach(async () => {
    proxy = await startFaultProxy(server.port)
    apps = []
    stops = []
    runs = new Map()
    lines = []
  })
  afterEach(async () => {
    proxy.resume()
    await proxy.accept()
    await closeAll()
    await proxy.close()
  })

  async function closeAll(): Promise<void> {
    for (const stop of stops.splice(0)) await stop()
    for (const app of apps.splice(0)) await app.close()
  }

  function makeApp(options: AppOptions = {}): Celery {
    const write = ({ level, message }: { level: string; message: string }): void =>
      void lines.push(`${level} ${message}`)
    const logger = createLogger({ level: 'INFO', write })
    const app = new Celery('healing', { ...broker.options(proxy.urlOf(server.url)), logger, ...options })
    app.task('healing.run', (number: number) => {
      runs.set(number, (runs.get(number) ?? 0) + 1)
      return number
    })
    app.task('healing.slow', { acksLate: true }, async (ms: number) => {
      runs.set(-1, (runs.get(-1) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, ms))
      return 'done'
    })
    apps.push(app)
    return app
  }

  async function startWorker(options: AppOptions = {}): Promise<void> {
    const worker = makeApp(options).worker({ pool: 'async', concurrency: 10 })
    stops.push(() => worker.stop('warm'))
    await worker.start()
  }

  async function waitingMessages(app: Celery): Promise<number> {
    const connection = await app.connect()
    const queue = { name: 'celery', durable: true, exclusive: false, autoDelete: false }
    try {
      return await connection.withChannel(async (channel) => (await channel.queueDeclare(queue)).messages)
    } finally {
      await connection.close()
    }
  }

  /** Calls in small batches, so that some are under way at any time. */
  async function callAll(app: Celery, count: number): Promise<AsyncResult[]> {
    const results: AsyncResult[] = []
    for (let first = 0; first < count; first += 30) {
      const calls = Array.from({ length: Math.min(30, count - first) }, (_, index) => ({
        name: 'healing.run',
        args: [first + index],
      }))
      results.push(...(await app.sendTasks(calls)))
    }
    return results
  }

  /** Every task has run, every waiter has its answer, and next to nothing ran twice. */
  async function expectAll(results: readonly AsyncResult[], duplicates: number): Promise<void> {
    const values = await Promise.all(results.map((result) => result.get({ timeout: 25 })))
    expect(values).toEqual(results.map((_, number) => number))
    const again = [...runs.values()].filter((count) => count > 1).length
    expect(again, 'tasks that ran more than once').toBeLessThanOrEqual(duplicates)
  }

  /** Cut all connections at some byte, again and again, until `work` has ended. */
  async function cutWhile<T>(work: Promise<T>, most: number): Promise<T> {
    const ended = work.then(
      () => 'ended' as const,
      () => 'ended' as const,
    )
    for (let cut = 0; cut < most; cut += 1) {
      const direction: Direction = cut % 2 === 0 ? 'up' : 'down'
      const next = await Promise.race([proxy.cutAfter(Math.floor(Math.random() * 4000), direction), ended])
      if (next === 'ended') break
    }
    return work
  }

  it('calls wait for a broker that is away, and the worker comes back by itself', async () => {
    const app = makeApp()
    await startWorker()
    await proxy.refuse()
    const calling = callAll(app, 30)
    await waitFor(() => lines.some((line) => line.includes('Trying again in')))
    await proxy.accept()
    await expectAll(await calling, 0)
  })

  it('calls end in time when the broker stays away, and say where and why', async () => {
    await proxy.refuse()
    const app = makeApp({ taskPublishRetryPolicy: { timeout: 2 } })
    const error = await app.sendTask('healing.run', [1]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OperationalError)
    expect(String(error)).toContain(`127.0.0.1:${String(proxy.port)}`)
    expect(String(error)).toContain('ECONNREFUSED')
  })

  it('calls end in time on a line that is half open, and go on when it is mended', async () => {
    const app = makeApp({ taskPublishRetryPolicy: { timeout: 1 } })
    await app.sendTask('healing.run', [0])
    proxy.stall()
    await expect(app.sendTask('healing.run', [1])).rejects.toThrow(OperationalError)
    proxy.resume()
    const result = await app.sendTask('healing.run', [2])
    await startWorker()
    expect(await result.get({ timeout: 10 })).toBe(2)
  })

  it('loses nothing to connections that are cut at any byte while calls are made', async () => {
    const app = makeApp()
    await startWorker()
    await expectAll(await cutWhile(callAll(app, TASKS), 6), TASKS)
  })

  it('loses nothing to connections that are cut at any byte while tasks run and are waited for', async () => {
    const app = makeApp()
    const results = await callAll(app, TASKS)
    await startWorker()
    await cutWhile(expectAll(results, TASKS), 4)
  })

  it('lets a task go on that runs when the connection is cut, and does not run it twice', async () => {
    const app = makeApp()
    await startWorker()
    const result = await app.sendTask('healing.slow', [300])
    await waitFor(() => runs.get(-1) === 1)
    proxy.cut()
    expect(await result.get({ timeout: 10 })).toBe('done')
    await waitFor(() => lines.some((line) => line.includes('does not run twice')), { timeoutMs: 15_000 })
    expect(runs.get(-1)).toBe(1)
  })

  it('loses nothing to a server that is restarted, and leaves nothing behind', async () => {
    const app = makeApp()
    const results = await callAll(app, TASKS)
    await startWorker()
    const waiting = expectAll(results, TASKS)
    await waitFor(() => runs.size > 20)
    await server.kill()
    await server.start()
    await waiting
    // A server that is killed may have forgotten acknowledgements: what comes again is to run first.
    await waitFor(async () => (await waitingMessages(app)) === 0 && broker.settled(server), { intervalMs: 50 })
    await closeAll()
    await vi.waitFor(async () => expect(await broker.strays(server)).toEqual([]), { timeout: 10_000, interval: 100 })
  })
}

describeWithRedis('redis', () => {
  testHealing({
    start: () => startRedis({ args: APPEND_ONLY }),
    options: (url) => ({ broker: url, backend: url, brokerTransportOptions: { lease: 1 } }),
    settled: async (server) =>
      (await server.ask('HLEN', 'unacked')) === '0' && (await server.ask('ZCARD', 'celeriac.owners')) === '1',
    strays: async (server) => {
      const keys = (await server.ask('KEYS', '*')).split('\n')
      const channels = (await server.ask('PUBSUB', 'CHANNELS')).split('\n')
      return [...keys, ...channels].filter(
        (name) => !/^(celery-task-meta-.*|celeriac\.exchanges|_kombu\.binding\..*|)$/.test(name),
      )
    },
  })
})

describeWithRabbitmq('rabbitmq', () => {
  const file = join(temporaryDirectory(), 'results.db')
  testHealing({
    start: startRabbitmq,
    options: (url) => ({ broker: url, backend: `sqlite:///${file}` }),
    settled: async (server) => /^celery\t0$/m.test(await server.control('list_queues', 'name', 'messages')),
    strays: async (server) => {
      const queues = (await server.control('list_queues', 'name', 'messages')).trim().split('\n')
      return queues.filter((line) => !/^celery\t0$/.test(line))
    },
  })
})
