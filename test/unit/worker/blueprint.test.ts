import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import { WorkerError } from '../../../src/errors.ts'
import { BoundedSet } from '../../../src/util/bounded-set.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { createParts } from '../../../src/worker/blueprint.ts'
import type { WorkerParts } from '../../../src/worker/blueprint.ts'
import { workerFacts } from '../../../src/worker/options.ts'
import type { WorkerOptions } from '../../../src/worker/options.ts'
import type { Job, JobObserver, PoolOptions } from '../../../src/worker/pool/pool.ts'
import type { Request } from '../../../src/worker/request.ts'
import { WorkerState } from '../../../src/worker/state.ts'
import { CutTransport } from '../../support/cut-transport.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly app: App
  readonly transport: CutTransport
  readonly parts: WorkerParts
  readonly state: WorkerState<Request>
  /** What the pool was made with. */
  readonly pool: PoolOptions
  readonly jobs: Job[]
  readonly lines: string[]
  readonly trail: string[]
  /** How much the pool takes. */
  free: number
}

async function fixture(
  options: WorkerOptions = {},
  settings: AppOptions = {},
  change: (app: App) => void = () => undefined,
): Promise<Fixture> {
  const transport = new CutTransport()
  const lines: string[] = []
  const logger = createLogger({ level: 'INFO', write: (record) => lines.push(record.message) })
  const app = new App('proj', { broker: 'cut://', backend: 'memory://', logger, ...settings })
  app.transports.registerTransport('cut', transport.load)
  change(app)
  app.task('proj.add', (x: number, y: number) => x + y)
  const jobs: Job[] = []
  let pool: PoolOptions | undefined
  const all = { app, transport, jobs, lines, trail: [] as string[], free: 0 }
  Reflect.set(globalThis, 'createBlueprintPool', (given: PoolOptions) => {
    pool = given
    return {
      isolated: true,
      get free() {
        return all.free
      },
      resize: async (size: number) => void all.trail.push(`resize ${String(size)}`),
      info: () => ({}),
      execute: (job: Job, observer: JobObserver) => {
        jobs.push(job)
        queueMicrotask(() => {
          observer.ended({ kind: 'success', runtimeMs: 1, resultRepr: '3' })
        })
      },
    }
  })
  const name = join(temporaryDirectory(), 'pool.mjs')
  writeFileSync(name, 'export default (options) => globalThis.createBlueprintPool(options)')
  const state = new WorkerState<Request>(new BoundedSet({ maxSize: 10, maxAgeMs: 1000, clock: app.clock }))
  const facts = workerFacts({ pool: name, concurrency: 3, ...options }, await app.prepare(), app.queues)
  const parts = await createParts({
    app,
    options,
    facts,
    state,
    ending: new AbortController().signal,
    stopping: new AbortController().signal,
    stop: () => all.trail.push('shutdown'),
    onFailed: (error) => all.trail.push(error.message),
  })
  onTestFinished(async () => {
    await parts.consumer.stop()
    await app.close()
  })
  return Object.assign(all, { parts, state, pool: pool as unknown as PoolOptions })
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, 'createBlueprintPool')
})

describe('the pool', () => {
  it('gets the limits of the settings, or of the options', async () => {
    const { pool, app } = await fixture(
      {},
      {
        workerMaxTasksPerChild: 10,
        workerMaxMemoryPerChild: 100,
        workerProcAliveTimeout: 7,
        workerRedirectStdoutsLevel: 'debug',
      },
    )
    expect(pool).toMatchObject({
      concurrency: 3,
      maxTasksPerChild: 10,
      maxMemoryPerChildBytes: 102_400,
      childStartTimeoutMs: 7000,
      childOutput: 'DEBUG',
      appLocation: app.location,
    })
    const appLocation = { file: '/app.ts', exportName: 'app' }
    const other = await fixture(
      { maxTasksPerChild: 2, maxMemoryPerChild: 1, appLocation },
      { workerRedirectStdouts: false },
    )
    expect(other.pool).toMatchObject({
      maxTasksPerChild: 2,
      maxMemoryPerChildBytes: 1024,
      childOutput: 'inherit',
      appLocation,
    })
    expect((await fixture()).pool).toMatchObject({ maxTasksPerChild: undefined, maxMemoryPerChildBytes: undefined })
    const odd = await fixture({}, { workerRedirectStdoutsLevel: 'LOUD' })
    expect(odd.pool.childOutput).toBe('WARNING')
  })

  it('hands on what was changed on the way, for children', async () => {
    const changed = await fixture({}, {}, (app) => {
      app.conf.update({ taskAcksLate: true })
    })
    expect([changed.pool.settings, (await fixture()).pool.settings]).toEqual([{ taskAcksLate: true }, {}])
  })

  it('has children announced to listeners before they are made', async () => {
    const told: unknown[] = []
    const { pool, parts } = await fixture({}, { workerLostWait: 3 }, (app) => {
      app.signals.on('worker-before-create-process', (facts) => void told.push(facts))
    })
    pool.onSpawn?.()
    expect([told, pool.lostWaitMs]).toEqual([[{ hostname: parts.facts.hostname }], 3000])
  })

  it('tells of its failure', async () => {
    const { pool, trail } = await fixture()
    pool.onFailed?.(new WorkerError('children die'))
    expect(trail).toEqual(['children die'])
  })
})

describe('messages', () => {
  it('go to the pool when it has room, and listeners are told', async () => {
    const all = await fixture({ withoutMingle: true })
    const { app, parts, jobs, lines, state, pool } = all
    const told: unknown[] = []
    app.signals.on('task-received', ({ taskId, task }) => void told.push([taskId, task]))
    await parts.consumer.start()
    const { id } = await app.sendTask('proj.add', [1, 2])
    await waitFor(() => state.reserved.size === 1)
    expect([told, lines, jobs]).toEqual([[[id, 'proj.add']], [`Task proj.add[${id}] received`], []])
    all.free = 1
    pool.onFree()
    await waitFor(() => lines.some((line) => line.includes('succeeded')))
    expect(jobs).toMatchObject([{ taskId: id, hostname: parts.facts.hostname }])
  })

  it('are as many in hand as the prefetch multiplier says, with 0 all there are', async () => {
    const { app, parts, state } = await fixture({ prefetchMultiplier: 2 })
    await parts.consumer.start()
    await app.sendTasks(Array.from({ length: 10 }, () => ({ name: 'proj.add', args: [1, 2] })))
    await waitFor(() => state.reserved.size === 6)
    const all = await fixture({ prefetchMultiplier: 0 })
    await all.parts.consumer.start()
    await all.app.sendTasks(Array.from({ length: 50 }, () => ({ name: 'proj.add', args: [1, 2] })))
    await waitFor(() => all.state.reserved.size === 50)
    expect(state.reserved.size).toBe(6)
  })

  it('are fetched only when they can start at once, where prefetching is off', async () => {
    const all = await fixture({}, { workerDisablePrefetch: true })
    const { app, parts, state, pool, jobs } = all
    let most = 0
    app.signals.on('task-received', () => {
      // It is not in hand yet itself.
      most = Math.max(most, state.reserved.size + state.active.size + 1)
    })
    await parts.consumer.start()
    await app.sendTasks(Array.from({ length: 20 }, () => ({ name: 'proj.add', args: [1, 2] })))
    await waitFor(() => state.reserved.size === 3)
    all.free = 2
    pool.onFree()
    // Each that has ended makes room for one, until all have run.
    await waitFor(() => jobs.length === 20)
    expect(most).toBe(3)
  })

  it('are more in hand while tasks end quickly, and fewer when they do not', async () => {
    const clock = fakeClock()
    const all = await fixture({ prefetchMultiplier: 1 }, { clock })
    const { app, parts, state, pool, jobs } = all
    await parts.consumer.start()
    await app.sendTasks(Array.from({ length: 500 }, () => ({ name: 'proj.add', args: [1, 2] })))
    await waitFor(() => state.reserved.size === 3)
    all.free = 1000
    pool.onFree()
    await waitFor(() => jobs.length >= 100)
    await clock.advance(20)
    all.free = 0
    await waitFor(() => state.reserved.size > 3 || jobs.length === 500)
    await clock.advance(1000)
    await waitFor(() => state.reserved.size <= 3)
    expect(parts.prefetch.count).toBe(3)
  })

  it('are forgotten when their connection is lost, for they come again', async () => {
    const { app, parts, state, transport } = await fixture()
    await parts.consumer.start()
    await app.sendTask('proj.add', [1, 2])
    await waitFor(() => state.reserved.size === 1)
    const [before] = state.reserved.values()
    await transport.cut()
    const [after] = await waitFor(() => {
      const requests = [...state.reserved.values()]
      return requests[0] === before ? undefined : requests.length === 1 && requests
    })
    expect([after?.head.id, after?.message.deliveryInfo.redelivered]).toEqual([before?.head.id, true])
  })
})

describe('a connection that is lost', () => {
  it.each([
    [true, 4],
    [false, 12],
  ])('while tasks run lets the next one give fewer messages: %s', async (workerEnablePrefetchCountReduction, count) => {
    const { parts, state, transport } = await fixture({}, { workerEnablePrefetchCountReduction })
    await parts.consumer.start()
    for (let key = 0; key < 2; key += 1) state.active.set(key, { message: { state: 'acked' } } as Request)
    await transport.cut()
    await waitFor(() => transport.open > 0)
    expect(parts.prefetch.count).toBe(count)
  })
})

describe('a pool that is scaled', () => {
  it('grows with the messages in hand, which are as many as its largest size says', async () => {
    const all = await fixture({ autoscale: { max: 4, min: 1 }, prefetchMultiplier: 2 })
    const { app, parts, state, trail } = all
    expect([parts.facts.concurrency, parts.prefetch.count, parts.slots.size]).toEqual([1, 8, 1])
    await parts.consumer.start()
    await app.sendTasks(Array.from({ length: 20 }, () => ({ name: 'proj.add', args: [1, 2] })))
    await waitFor(() => state.reserved.size === 8)
    expect([parts.slots.size, trail]).toEqual([4, ['resize 4']])
    expect(parts.autoscaler?.info()).toEqual({ max: 4, min: 1, current: 4, qty: 8 })
    parts.autoscaler?.update({ max: 6 })
    await waitFor(() => state.reserved.size === 12)
    parts.autoscaler?.stop()
  })

  it('has the autoscaler of the options', async () => {
    const made: unknown[] = []
    const mine = {
      maybeScale: () => undefined,
      update: (range: object) => range,
      info: () => ({}),
      stop: () => undefined,
    }
    const { parts } = await fixture({
      autoscale: { max: 4, min: 1 },
      autoscaler: (given) => {
        made.push(given)
        return mine as never
      },
    })
    expect(parts.autoscaler).toBe(mine)
    expect(made).toMatchObject([{ max: 4, min: 1, keepaliveMs: 30_000 }])
    expect((await fixture()).parts.autoscaler).toBeUndefined()
  })
})

it('commands reach the worker', async () => {
  const { app, parts, trail, state } = await fixture({ hostname: 'celery@test', prefetchMultiplier: 2 })
  await parts.consumer.start()
  const destination = ['celery@test']
  const inspect = app.control.inspect({ destination, timeout: 5 })
  await app.control.revoke('id-1', { terminate: true, reply: true, destination, timeout: 5 })
  await app.control.addConsumer('extra', { reply: true, destination, timeout: 5 })
  const names = async (): Promise<string[]> =>
    ((await inspect.activeQueues())['celery@test'] as readonly { name: string }[]).map(({ name }) => name)
  expect(await names()).toEqual(['celery', 'extra'])
  await app.sendTask('proj.add', [1, 2], { queue: 'extra' })
  await waitFor(() => state.reserved.size === 1)
  await app.control.cancelConsumer('celery', { reply: true, destination, timeout: 5 })
  expect(await names()).toEqual(['extra'])
  expect((await inspect.stats())['celery@test']).toMatchObject({ prefetch_count: 6, broker: { transport: 'cut' } })
  await app.control.shutdown()
  await waitFor(() => trail.length === 1)
  expect([trail, state.revoked.has('id-1')]).toEqual([['shutdown'], true])
})
