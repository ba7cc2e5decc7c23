/** What holds for children of either kind. More on processes is in `prefork.test.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { PoolBench, TrackedJob } from '../../../../src/testing/pool-suite.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import type { ChildPoolOptions } from '../../../../src/worker/pool/child-pool.ts'
import { childBench, preforkPool, threadsPool } from '../../../support/pools.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** Runs fifty times as fast, for what takes its time. */
const FAST: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 50,
  after: (delayMs, callback, options) => systemClock.after(delayMs / 50, callback, options),
}

describe.each([
  ['prefork', preforkPool],
  ['threads', threadsPool],
] as const)('children of %s', (name, make) => {
  async function startBench(overrides: Partial<ChildPoolOptions> = {}): Promise<PoolBench> {
    const bench = childBench(make, overrides)
    onTestFinished(() => bench.close())
    await bench.pool.start()
    return bench
  }

  /** Runs jobs one after the other until `over`, and tells how many. */
  async function keepBusy(bench: PoolBench, over: Promise<unknown>): Promise<number> {
    const end = new AbortController()
    void over.then(() => {
      end.abort()
    })
    let count = 0
    for (; !end.signal.aborted; count += 1) expect((await bench.run().outcome).kind).toBe('success')
    return count
  }

  async function msUntil(job: TrackedJob): Promise<number> {
    const fromMs = performance.now()
    await job.outcome
    return performance.now() - fromMs
  }

  it('in an endless loop are ended at the hard limit, with the others at work', async () => {
    const bench = await startBench()
    const endless = bench.run({ blockUntil: bench.path('never') }, { hard: 300, name: 'suite.endless' })
    const [elapsedMs, others] = await Promise.all([msUntil(endless), keepBusy(bench, endless.outcome)])
    expect(await endless.outcome).toEqual({ kind: 'timeout', seconds: 0.3 })
    expect(elapsedMs).toBeLessThan(1300)
    expect(others).toBeGreaterThan(3)
    await waitFor(() => bench.pool.free >= 2)
  })

  it('that end at once are replaced, with the others at work', async () => {
    const bench = await startBench()
    const how = name === 'prefork' ? 'SIGSEGV' : 4
    const dying = bench.run({ exit: how }, { name: 'suite.dying' })
    const [elapsedMs, others] = await Promise.all([msUntil(dying), keepBusy(bench, dying.outcome)])
    expect(await dying.outcome).toEqual({ kind: 'lost', exit: how })
    expect([elapsedMs < 1000, others >= 0]).toEqual([true, true])
    await waitFor(() => bench.pool.free >= 2)
    expect((await bench.run().outcome).kind).toBe('success')
  })

  it('are replaced after so many tasks, each task once', async () => {
    const starts = join(temporaryDirectory(), 'starts')
    const bench = await startBench({ maxTasksPerChild: 5, settings: { markStart: starts } })
    const jobs = Array.from({ length: 40 }, () => bench.run({ mark: bench.path('marks') }))
    for (const job of jobs) expect((await job.outcome).kind).toBe('success')
    expect([...bench.marks('marks').values()]).toEqual(jobs.map(() => 1))
    expect(readFileSync(starts, 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(8)
  })

  it('that leak are replaced at their limit', async () => {
    const starts = join(temporaryDirectory(), 'starts')
    const bench = await startBench({
      concurrency: 1,
      maxMemoryPerChildBytes: 300_000_000,
      settings: { markStart: starts },
    })
    for (let leaks = 0; leaks < 6; leaks += 1) {
      expect((await bench.run({ keepBytes: 150_000_000 }).outcome).kind).toBe('success')
    }
    await waitFor(() => readFileSync(starts, 'utf8').trim().split('\n').length >= 3)
    expect(bench.logs).toEqual([])
  })

  it('are restarted one after the other, and no task is lost', async () => {
    const starts = join(temporaryDirectory(), 'starts')
    const bench = await startBench({ settings: { markStart: starts } })
    const jobs = Array.from({ length: 200 }, () => bench.run({ mark: bench.path('marks') }))
    await bench.pool.restart()
    for (const job of jobs) expect((await job.outcome).kind).toBe('success')
    expect([...bench.marks('marks').values()]).toEqual(jobs.map(() => 1))
    expect(readFileSync(starts, 'utf8').trim().split('\n')).toHaveLength(4)
  })

  it('that do not answer while a task runs are told of, and that hang after it are replaced', async () => {
    const bench = await startBench({ clock: FAST, concurrency: 1, childStartTimeoutMs: 10_000_000 })
    const busy = bench.run({ blockUntil: bench.path('gate') })
    await waitFor(() => bench.logs.length === 1)
    expect(bench.logs[0]?.message).toMatch(/has not answered for \d+ s: task suite.task\[id-1\] keeps its event loop/)
    bench.open()
    expect((await busy.outcome).kind).toBe('success')
    const leaving = bench.run({ blockAfter: bench.path('never') })
    expect((await leaving.outcome).kind).toBe('success')
    const next = bench.run()
    expect((await next.outcome).kind).toBe('success')
    expect(next.events).toEqual(['accepted', 'store SUCCESS', 'outcome success'])
    await waitFor(() => bench.logs.length === 2)
    writeFileSync(bench.path('never'), '')
    expect(bench.logs[1]?.message).toMatch(/though it had nothing to do, and is replaced/)
  })

  it('are announced before they are made', async () => {
    let spawned = 0
    await startBench({ onSpawn: () => (spawned += 1) })
    expect(spawned).toBe(2)
  })
})
