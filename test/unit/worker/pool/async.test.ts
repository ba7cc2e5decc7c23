import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../../src/task/outcome.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { AsyncPool, checkConcurrency } from '../../../../src/worker/pool/async.ts'
import type { Job, JobControl, JobObserver, PoolOptions, RunJob } from '../../../../src/worker/pool/pool.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { makeJob } from '../../../support/pools.ts'

const success: Outcome = { kind: 'success', runtimeMs: 1, resultRepr: '1' }
const deaf = { accepted: () => undefined, store: () => undefined, endPart: () => undefined }

/** Runs the job; resolves with its outcome. */
function run(pool: AsyncPool, job: Job, observer: Partial<JobObserver> = {}): Promise<Outcome> {
  return new Promise((ended) => {
    pool.execute(job, { ...deaf, ...observer, ended })
  })
}

function setUp(runJob: RunJob, overrides: Partial<PoolOptions> = {}) {
  const clock = fakeClock()
  const logs: string[] = []
  const pool = new AsyncPool({
    concurrency: 2,
    run: runJob,
    logger: createLogger({ write: ({ message }) => logs.push(message) }),
    clock,
    appLocation: undefined,
    settings: {},
    maxTasksPerChild: undefined,
    maxMemoryPerChildBytes: undefined,
    childStartTimeoutMs: 1000,
    onFree: () => undefined,
    ...overrides,
  })
  return { clock, logs, pool }
}

describe('AsyncPool', () => {
  it('sets no timer for jobs without limits', async () => {
    const { clock, pool } = setUp(() => Promise.resolve(success))
    const outcome = run(pool, makeJob(1))
    expect(clock.pending).toBe(0)
    expect(await outcome).toBe(success)
  })

  it('aborts the signal that a job asks for late', async () => {
    let control: JobControl | undefined
    const { clock, pool } = setUp((_job, given) => {
      control = given
      return new Promise(() => undefined)
    })
    void run(pool, { ...makeJob(1), softLimitMs: 100 })
    await clock.advance(100)
    expect(control?.signal.reason).toMatchObject({ name: 'SoftTimeLimitExceeded', seconds: 0.1 })
  })

  it('tells a timeout, and does not listen to the job any more', async () => {
    const stored: string[] = []
    const ends: ((outcome: Outcome) => void)[] = []
    const controls: JobControl[] = []
    const { clock, pool } = setUp((_job, control) => {
      controls.push(control)
      return new Promise((resolve) => ends.push(resolve))
    })
    const outcome = run(
      pool,
      { ...makeJob(1), hardLimitMs: 200 },
      { store: ({ status }) => stored.push(status), endPart: (body) => stored.push(String(body)) },
    )
    await clock.advance(200)
    expect(await outcome).toEqual({ kind: 'timeout', seconds: 0.2 })
    expect(pool.free).toBe(2)
    expect(controls[0]?.signal.reason).toMatchObject({ name: 'TimeLimitExceeded' })
    controls[0]?.store({ taskId: 'id', status: 'SUCCESS', body: '' })
    ends[0]?.(success)
    await nextTurn()
    expect(stored).toEqual([])
    expect(pool.free).toBe(2)
  })

  it('says what aborted the signal of a terminated job, and of one that is shut down', async () => {
    const controls: JobControl[] = []
    const { clock, pool } = setUp((_job, control) => {
      controls.push(control)
      return new Promise(() => undefined)
    })
    void run(pool, makeJob(1))
    const outcome = run(pool, makeJob(2))
    pool.terminate(1, 'SIGTERM')
    expect(controls[0]?.signal.reason).toMatchObject({ name: 'Terminated', signal: 'SIGTERM' })
    const stop = pool.stop('cold')
    expect(controls[1]?.signal.reason).toMatchObject({ name: 'WorkerShutdown' })
    await clock.advance(500)
    await stop
    expect(await outcome).toEqual({ kind: 'cancelled' })
  })

  it('gives a slot back after a run that rejects, against its promise', async () => {
    const { logs, pool } = setUp(() => Promise.reject(new Error('oh')))
    expect(await run(pool, makeJob(1))).toEqual({ kind: 'lost', exit: 'Error: oh' })
    expect(pool.free).toBe(2)
    expect(logs).toEqual(['Task suite.task[id-1] ended without an outcome'])
  })

  it('has nothing to restart', async () => {
    const { pool } = setUp(() => Promise.resolve(success))
    await expect(pool.restart()).rejects.toThrow(/restart the worker/)
  })

  it('tells jobs that end in one turn together', async () => {
    let freed = 0
    const { pool } = setUp(() => Promise.resolve(success), {
      concurrency: 100,
      onFree: () => {
        freed += 1
      },
    })
    await Promise.all(Array.from({ length: 100 }, (_, key) => run(pool, makeJob(key))))
    await nextTurn()
    expect(freed).toBe(1)
  })
})

describe('checkConcurrency', () => {
  it('takes whole numbers', () => {
    expect([checkConcurrency(0), checkConcurrency(1)]).toEqual([0, 1])
    for (const wrong of [-1, 1.5, NaN, Infinity]) expect(() => checkConcurrency(wrong)).toThrow(/whole number/)
  })
})
