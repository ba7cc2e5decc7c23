/**
 * What every worker pool must do, as tests. Whoever writes a pool runs this over it: hand in the runner's `describe` and
 * `it`, and a function that makes a pool. The tasks are those of `pool-runner.ts`.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EncodedResult } from '../backend/backend.ts'
import type { Body } from '../protocol/message.ts'
import type { Outcome } from '../task/outcome.ts'
import { systemClock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import { createLogger } from '../util/logger.ts'
import type { LogRecord } from '../util/logger.ts'
import type { Job, JobObserver, Pool, PoolOptions } from '../worker/pool/pool.ts'
import { runPoolTask } from './pool-runner.ts'
import type { PoolTask } from './pool-runner.ts'
import { until } from './suite.ts'
import type { TestRunner } from './suite.ts'

export interface PoolSuiteOptions {
  readonly name: string
  /** Makes a pool that runs the tasks of `pool-runner.ts`; the suite starts and stops it. */
  make(options: PoolOptions): Pool
  /** A new, empty folder for one test. */
  folder(): string
  /** The pool has one slot, whatever is asked for. Default false. */
  readonly single?: boolean
}

/** No pool takes a job that runs for so long for a tiny one. */
const LONG_MS = 20

/** Declare the suite with the runner's functions. */
export function testPool(runner: TestRunner, options: PoolSuiteOptions): void {
  runner.describe(`pool ${options.name}`, () => {
    const test: Test = (name, body, overrides = {}) => {
      runner.it(name, async () => {
        const bench = new PoolBench(options, overrides)
        try {
          await body(bench)
        } finally {
          await bench.close()
        }
      })
    }
    runner.describe('jobs', () => {
      testJobs(test)
    })
    runner.describe('slots', () => {
      testSlots(test)
      if (options.single === true) testSingle(test)
      else testResize(test)
    })
    runner.describe('limits', () => {
      testLimits(test)
    })
    runner.describe('terminate', () => {
      testTerminate(test)
    })
    runner.describe('stop', () => {
      testStop(test)
    })
  })
}

type Test = (name: string, body: (bench: PoolBench) => Promise<void>, overrides?: Partial<PoolOptions>) => void

/** One job of a test, and what became known of it. */
export class TrackedJob implements JobObserver {
  readonly job: Job
  /** `accepted`, `store STATE`, `part BODY`, `outcome KIND`, in the order in which they came. */
  readonly events: string[] = []
  readonly results: EncodedResult[] = []
  pid: number | undefined
  readonly #end = deferred<Outcome>()

  readonly #onEnded: () => void

  constructor(job: Job, onEnded: () => void) {
    this.job = job
    this.#onEnded = onEnded
  }

  get outcome(): Promise<Outcome> {
    return this.#end.promise
  }

  get isAccepted(): boolean {
    return this.events.includes('accepted')
  }

  accepted(pid: number): void {
    this.pid = pid
    this.events.push('accepted')
  }

  store(result: EncodedResult): void {
    this.events.push(`store ${result.status}`)
    this.results.push(result)
  }

  endPart(body: Body): void {
    this.events.push(`part ${String(body)}`)
  }

  ended(outcome: Outcome): void {
    this.events.push(`outcome ${outcome.kind}`)
    this.#end.resolve(outcome)
    this.#onEnded()
  }
}

/** A pool under test, and short verbs. */
export class PoolBench {
  readonly pool: Pool
  /** How many jobs may run at the same time. */
  readonly slots: number
  readonly folder: string
  readonly logs: LogRecord[] = []
  readonly jobs: TrackedJob[] = []
  freed = 0
  #keys = 0

  constructor(options: Pick<PoolSuiteOptions, 'make' | 'folder' | 'single'>, overrides: Partial<PoolOptions>) {
    this.slots = options.single === true ? 1 : (overrides.concurrency ?? 2)
    this.folder = options.folder()
    this.pool = options.make({
      run: runPoolTask,
      logger: createLogger({ level: 'INFO', write: (record) => this.logs.push(record) }),
      clock: systemClock,
      appLocation: { file: join(this.folder, 'app.js'), exportName: undefined },
      settings: {},
      maxTasksPerChild: undefined,
      maxMemoryPerChildBytes: undefined,
      childStartTimeoutMs: 20_000,
      onFree: () => {
        this.freed += 1
      },
      ...overrides,
      concurrency: this.slots,
    })
  }

  /** Run a job. `limits` are in milliseconds; `onEnded` is called in the moment in which the pool tells the outcome. */
  run(
    task: PoolTask = {},
    limits: { readonly soft?: number; readonly hard?: number; readonly name?: string } = {},
    onEnded: () => void = () => undefined,
  ): TrackedJob {
    this.#keys += 1
    const name = limits.name ?? 'suite.task'
    const tracked = new TrackedJob(
      {
        key: this.#keys,
        taskId: `id-${String(this.#keys)}`,
        taskName: name,
        message: {
          body: JSON.stringify(task),
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          headers: { id: `id-${String(this.#keys)}`, task: name },
          properties: {},
        },
        deliveryInfo: { exchange: '', routing_key: 'celery', priority: 0, redelivered: false },
        hostname: 'worker@example.com',
        softLimitMs: limits.soft,
        hardLimitMs: limits.hard,
      },
      onEnded,
    )
    this.jobs.push(tracked)
    this.pool.execute(tracked.job, tracked)
    return tracked
  }

  /** As many jobs as there are slots, each waiting for the gate; all of them run. */
  async occupy(task: PoolTask = {}): Promise<TrackedJob[]> {
    const jobs = Array.from({ length: this.slots }, () => this.run({ waitUntil: this.path('gate'), ...task }))
    await this.running(jobs)
    return jobs
  }

  /** Resolves when all of them run, and do so long enough for a pool that hands tiny jobs ahead to see no such in them. */
  async running(jobs: readonly TrackedJob[]): Promise<void> {
    await until('the jobs run', () => jobs.every((job) => job.isAccepted))
    await sleep(LONG_MS)
  }

  /** The file that jobs wait for; made by `open`. */
  path(name: string): string {
    return join(this.folder, name)
  }

  open(name: string = 'gate'): void {
    writeFileSync(this.path(name), '')
  }

  /** How often each key was marked in the file. */
  marks(name: string): Map<number, number> {
    const counts = new Map<number, number>()
    if (!existsSync(this.path(name))) return counts
    for (const line of readFileSync(this.path(name), 'utf8').split('\n').slice(0, -1)) {
      counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1)
    }
    return counts
  }

  /** The end of a test: nothing must be left, in whatever state it is. */
  async close(): Promise<void> {
    this.open()
    await this.pool.stop('cold')
  }
}

function testJobs(test: Test): void {
  test('runs a job: accepted, its documents in order, then its outcome', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ states: ['STARTED', 'PROGRESS'], resultLength: 5 })
    const outcome = await job.outcome
    assert.ok(outcome.kind === 'success')
    assert.deepEqual(job.events, ['accepted', 'store STARTED', 'store PROGRESS', 'store SUCCESS', 'outcome success'])
    assert.deepEqual(job.results.at(-1), { taskId: job.job.taskId, status: 'SUCCESS', body: 'rrrrr' })
    assert.equal(outcome.resultRepr, String(job.pid))
    assert.equal(job.pid === process.pid, !bench.pool.isolated)
  })

  test('hands over documents before the outcome', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ states: ['STARTED'] })
    await job.outcome
    assert.deepEqual(job.events, ['accepted', 'store STARTED', 'store SUCCESS', 'outcome success'])
  })

  test('takes the next job in the moment in which it tells the end of one', async (bench) => {
    await bench.pool.start()
    const follow = (): void => {
      if (bench.jobs.length < 50) bench.run({}, {}, follow)
    }
    follow()
    await until(
      'all have ended',
      () => bench.jobs.length === 50 && bench.jobs.every(({ events }) => events.length === 3),
    )
    for (const { events } of bench.jobs) assert.deepEqual(events, ['accepted', 'store SUCCESS', 'outcome success'])
  })

  test('hands over what a part of a chord says before its result', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ part: 'said' })
    await job.outcome
    assert.deepEqual(job.events, ['accepted', 'part said', 'store SUCCESS', 'outcome success'])
  })

  test('drops what a function stores after its end', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ storeLate: true })
    await job.outcome
    await sleep(LONG_MS)
    assert.deepEqual(job.events, ['accepted', 'store SUCCESS', 'outcome success'])
  })

  test('tells progress while a job runs', async (bench) => {
    await bench.pool.start()
    const [job] = await bench.occupy({ states: ['PROGRESS'] })
    await until('progress is stored', () => job?.events.includes('store PROGRESS') === true)
    assert.deepEqual(job?.events, ['accepted', 'store PROGRESS'])
  })

  test('runs many short jobs, each once', async (bench) => {
    await bench.pool.start()
    const jobs = Array.from({ length: 500 }, () => bench.run({ mark: bench.path('marks') }))
    await Promise.all(jobs.map((job) => job.outcome))
    for (const job of jobs) assert.deepEqual(job.events, ['accepted', 'store SUCCESS', 'outcome success'])
    const marks = bench.marks('marks')
    assert.equal(marks.size, 500)
    for (const [key, count] of marks) assert.equal(count, 1, `job ${String(key)}`)
  })

  test('carries large documents', async (bench) => {
    await bench.pool.start()
    const length = 3_000_000
    const jobs = [bench.run({ resultLength: length }), bench.run({ resultLength: length }), bench.run()]
    await Promise.all(jobs.map((job) => job.outcome))
    assert.deepEqual(
      jobs.map((job) => job.results[0]?.body.length),
      [length, length, 2],
    )
  })

  test('keeps a failure apart from others', async (bench) => {
    await bench.pool.start()
    const outcomes = [bench.run(), bench.run({ heeds: true, waitUntil: bench.path('never') }, { soft: 5 }), bench.run()]
    assert.deepEqual(
      (await Promise.all(outcomes.map((job) => job.outcome))).map((outcome) => outcome.kind),
      ['success', 'failure', 'success'],
    )
  })
}

function testSlots(test: Test): void {
  test('runs as many as there are slots, and the next when one is free', async (bench) => {
    await bench.pool.start()
    assert.equal(bench.pool.free, bench.slots)
    const running = Array.from({ length: bench.slots }, (_, index) =>
      bench.run({ waitUntil: bench.path(`gate-${String(index)}`) }),
    )
    const next = bench.run({ waitUntil: bench.path('gate') })
    const last = bench.run({ waitUntil: bench.path('gate') })
    await bench.running(running)
    assert.equal(bench.pool.free, 0)
    bench.open('gate-0')
    await running[0]?.outcome
    await bench.running([next])
    assert.equal(last.isAccepted, false)
    assert.equal(bench.pool.free, 0)
  })

  test('says when it can take more', async (bench) => {
    await bench.pool.start()
    const jobs = await bench.occupy()
    bench.freed = 0
    bench.open()
    await Promise.all(jobs.map((job) => job.outcome))
    await until('it says so', () => bench.freed > 0 && bench.pool.free >= bench.slots)
  })

  test('does not say so for nothing', async (bench) => {
    await bench.pool.start()
    const jobs = await bench.occupy()
    const waiting = Array.from({ length: bench.slots }, () => bench.run({ waitUntil: bench.path('later') }))
    bench.freed = 0
    bench.open()
    await Promise.all(jobs.map((job) => job.outcome))
    await until('the others run', () => waiting.every((job) => job.isAccepted))
    assert.equal(bench.freed, 0)
    bench.open('later')
  })

  test('may be started twice', async (bench) => {
    await Promise.all([bench.pool.start(), bench.pool.start()])
    await bench.pool.start()
    assert.equal(bench.pool.free, bench.slots)
  })

  test('tells how many slots it has', async (bench) => {
    await bench.pool.start()
    assert.equal(bench.pool.info()['max-concurrency'], bench.slots)
  })
}

function testResize(test: Test): void {
  test('grows, and what waits runs', async (bench) => {
    await bench.pool.start()
    await bench.occupy()
    const waiting = [bench.run({ waitUntil: bench.path('gate') }), bench.run({ waitUntil: bench.path('gate') })]
    await bench.pool.resize(bench.slots + 1)
    await until('one more runs', () => waiting[0]?.isAccepted === true)
    assert.equal(waiting[1]?.isAccepted, false)
    assert.equal(bench.pool.info()['max-concurrency'], bench.slots + 1)
    assert.equal(bench.pool.free, 0)
  })

  test('shrinks, and what runs ends first', async (bench) => {
    await bench.pool.start()
    const first = bench.run({ waitUntil: bench.path('first') })
    const second = bench.run({ waitUntil: bench.path('second') })
    await bench.running([first, second])
    const waiting = bench.run({ waitUntil: bench.path('gate') })
    await bench.pool.resize(1)
    bench.open('first')
    assert.equal((await first.outcome).kind, 'success')
    assert.equal(bench.pool.free, 0)
    assert.equal(waiting.isAccepted, false)
    bench.open('second')
    assert.equal((await second.outcome).kind, 'success')
    await until('the next runs', () => waiting.isAccepted)
    bench.open()
    assert.equal((await waiting.outcome).kind, 'success')
    await until('one slot is left', () => bench.pool.free === 1)
  })

  test('may have no slot for a while', async (bench) => {
    await bench.pool.start()
    await bench.pool.resize(0)
    await until('no slot is left', () => bench.pool.free === 0)
    const waiting = bench.run()
    await sleep(LONG_MS)
    assert.deepEqual(waiting.events, [])
    await bench.pool.resize(1)
    assert.equal((await waiting.outcome).kind, 'success')
  })

  test('refuses a number of slots that cannot be', async (bench) => {
    await bench.pool.start()
    for (const wrong of [-1, 1.5, NaN]) await assert.rejects(bench.pool.resize(wrong), /whole number/)
    assert.equal((await bench.run().outcome).kind, 'success')
  })
}

function testSingle(test: Test): void {
  test('has one slot and no more', async (bench) => {
    await bench.pool.start()
    await bench.pool.resize(1)
    await assert.rejects(bench.pool.resize(2), /one slot/)
  })
}

function testLimits(test: Test): void {
  test('aborts the signal at the soft limit', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ heeds: true, waitUntil: bench.path('never') }, { soft: 20, hard: 20_000 })
    const outcome = await job.outcome
    assert.equal(
      outcome.kind === 'failure' && outcome.failure.repr,
      'SoftTimeLimitExceeded(SoftTimeLimitExceeded(0.02))',
    )
    assert.deepEqual(job.events, ['accepted', 'store FAILURE', 'outcome failure'])
  })

  test('ends a job at the hard limit, once, and goes on', async (bench) => {
    await bench.pool.start()
    const job = bench.run({ waitUntil: bench.path('gate') }, { hard: 30 })
    assert.deepEqual(await job.outcome, { kind: 'timeout', seconds: 0.03 })
    const next = bench.run()
    assert.equal((await next.outcome).kind, 'success')
    bench.open()
    await bench.pool.stop('warm')
    assert.deepEqual(job.events, ['accepted', 'outcome timeout'])
  })

  test('counts the limits from the start, not from the wait before', async (bench) => {
    await bench.pool.start()
    const running = await bench.occupy()
    const waiting = bench.run({}, { soft: 20, hard: 20 })
    await sleep(2 * LONG_MS)
    bench.open()
    assert.equal((await waiting.outcome).kind, 'success')
    await Promise.all(running.map((job) => job.outcome))
  })

  test('does nothing to jobs that are in time', async (bench) => {
    await bench.pool.start()
    const jobs = Array.from({ length: 50 }, () => bench.run({}, { soft: 5000, hard: 5000 }))
    for (const job of jobs) assert.equal((await job.outcome).kind, 'success')
  })
}

function testTerminate(test: Test): void {
  test('ends a running job', async (bench) => {
    await bench.pool.start()
    const [job] = await bench.occupy()
    assert.equal(bench.pool.terminate(job?.job.key ?? 0, 'SIGTERM'), true)
    assert.deepEqual(await job?.outcome, { kind: 'terminated', signal: 'SIGTERM' })
    assert.deepEqual(job?.events, ['accepted', 'outcome terminated'])
    assert.equal((await bench.run().outcome).kind, 'success')
  })

  test('is the outcome of a job that heeds its signal too', async (bench) => {
    await bench.pool.start()
    const [job] = await bench.occupy({ heeds: true })
    bench.pool.terminate(job?.job.key ?? 0, 'SIGTERM')
    assert.deepEqual(await job?.outcome, { kind: 'terminated', signal: 'SIGTERM' })
    assert.equal((await bench.run().outcome).kind, 'success')
  })

  test('ends a job that waits, which then never starts', async (bench) => {
    await bench.pool.start()
    const running = await bench.occupy()
    const waiting = bench.run()
    assert.equal(bench.pool.terminate(waiting.job.key, 'SIGKILL'), true)
    assert.deepEqual(await waiting.outcome, { kind: 'terminated', signal: 'SIGKILL' })
    assert.deepEqual(waiting.events, ['outcome terminated'])
    bench.open()
    for (const job of running) assert.equal((await job.outcome).kind, 'success')
  })

  test('knows no other jobs', async (bench) => {
    await bench.pool.start()
    const job = bench.run()
    await job.outcome
    assert.equal(bench.pool.terminate(job.job.key, 'SIGTERM'), false)
    assert.equal(bench.pool.terminate(12345, 'SIGTERM'), false)
  })
}

function testStop(test: Test): void {
  test('warm: what runs ends, what waits is given back', async (bench) => {
    await bench.pool.start()
    const running = await bench.occupy()
    const waiting = bench.run()
    let stopped = false
    const stop = bench.pool.stop('warm').then(() => {
      stopped = true
    })
    assert.deepEqual(await waiting.outcome, { kind: 'unstarted' })
    assert.deepEqual(waiting.events, ['outcome unstarted'])
    assert.equal(bench.pool.free, 0)
    assert.equal(stopped, false)
    bench.open()
    await stop
    for (const job of running) assert.equal((await job.outcome).kind, 'success')
  })

  test('cold: aborts what runs, and cuts what does not heed', async (bench) => {
    await bench.pool.start()
    const deaf = await bench.occupy()
    await bench.pool.stop('cold')
    for (const job of deaf) {
      assert.deepEqual(await job.outcome, { kind: 'cancelled' })
      assert.deepEqual(job.events, ['accepted', 'outcome cancelled'])
    }
  })

  test('cold hastens warm', async (bench) => {
    await bench.pool.start()
    const running = await bench.occupy()
    const warm = bench.pool.stop('warm')
    await bench.pool.stop('cold')
    await warm
    for (const job of running) assert.equal((await job.outcome).kind, 'cancelled')
  })

  test('may be called twice, and takes no job after it', async (bench) => {
    await bench.pool.start()
    await Promise.all([bench.pool.stop('warm'), bench.pool.stop('warm')])
    await bench.pool.stop('cold')
    const job = bench.run()
    assert.deepEqual(await job.outcome, { kind: 'unstarted' })
    assert.equal(bench.pool.free, 0)
  })

  test('may come before the start', async (bench) => {
    await bench.pool.stop('warm')
    assert.deepEqual(await bench.run().outcome, { kind: 'unstarted' })
  })
}
