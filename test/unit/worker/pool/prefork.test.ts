import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { PoolBench, TrackedJob } from '../../../../src/testing/pool-suite.ts'
import type { ChildPoolOptions } from '../../../../src/worker/pool/child-pool.ts'
import { preforkBench } from '../../../support/pools.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { waitFor } from '../../../support/wait-for.ts'

const benches: PoolBench[] = []

async function startBench(overrides: Partial<ChildPoolOptions> = {}): Promise<PoolBench> {
  const bench = preforkBench(overrides)
  benches.push(bench)
  await bench.pool.start()
  return bench
}

/** A bench whose pool takes jobs for tiny, and so hands them ahead. */
async function startTinyBench(overrides: Partial<ChildPoolOptions> = {}): Promise<PoolBench> {
  const bench = await startBench(overrides)
  while (bench.pool.free < 10) await bench.run().outcome
  return bench
}

async function kinds(jobs: readonly TrackedJob[]): Promise<string[]> {
  return (await Promise.all(jobs.map((job) => job.outcome))).map(({ kind }) => kind)
}

function messages(bench: PoolBench): string[] {
  return bench.logs.map(({ message }) => message)
}

function processes(bench: PoolBench): number[] {
  return bench.pool.info()['processes'] as number[]
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

function expectOnce(job: TrackedJob | undefined): void {
  expect(job?.events.filter((event) => event === 'accepted')).toHaveLength(1)
  expect(job?.events.filter((event) => event.startsWith('outcome'))).toHaveLength(1)
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.close()))
})

describe('PreforkPool, when a child dies', () => {
  it('loses the running job, tells how, and goes on', async () => {
    const bench = await startBench()
    const jobs = [bench.run({ exit: 3 }), bench.run({ exit: 'SIGKILL' }), bench.run()]
    expect(await Promise.all(jobs.map((job) => job.outcome))).toMatchObject([
      { kind: 'lost', exit: 3 },
      { kind: 'lost', exit: 'SIGKILL' },
      { kind: 'success' },
    ])
    expect(messages(bench)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Process ForkPoolWorker-\d pid:\d+ exited with code 3$/),
        expect.stringMatching(/^Process ForkPoolWorker-\d pid:\d+ ended by SIGKILL$/),
      ]),
    )
    await waitFor(() => bench.pool.free >= 2)
  })

  it('knows all that was stored before', async () => {
    const bench = await startBench()
    const job = bench.run({ states: ['STARTED', 'PROGRESS'], exit: 'SIGKILL' })
    await job.outcome
    expect(job.events).toEqual(['accepted', 'store STARTED', 'store PROGRESS', 'outcome lost'])
  })

  it('runs the jobs behind it elsewhere, each once', async () => {
    const bench = await startTinyBench({ concurrency: 1 })
    const blocking = bench.run({ blockUntil: bench.path('gate') })
    const behind = times(8, () => bench.run({ mark: bench.path('marks') }))
    // In its line, not in the backlog: the child has work for more than the one that runs.
    expect(bench.pool.free).toBeGreaterThan(0)
    process.kill(blocking.pid ?? 0, 'SIGKILL')
    expect(await blocking.outcome).toEqual({ kind: 'lost', exit: 'SIGKILL' })
    expect(new Set(await kinds(behind))).toEqual(new Set(['success']))
    expect([...bench.marks('marks').values()]).toEqual(times(8, () => 1))
    for (const job of behind) expectOnce(job)
  })

  it('runs 2000 jobs once at most while children are killed, and loses none but those that were running', async () => {
    const bench = await startBench()
    const jobs = times(2000, () => bench.run({ mark: bench.path('marks') }))
    let kills = 0
    const killed = new Set<number>()
    const killing = setInterval(() => {
      const pid = jobs.findLast((job) => job.isAccepted)?.pid
      if (pid === undefined || killed.has(pid) || kills === 12) return
      killed.add(pid)
      kills += 1
      process.kill(pid, 'SIGKILL')
    }, 3)
    const outcomes = await kinds(jobs)
    clearInterval(killing)
    const marks = bench.marks('marks')
    for (const [index, job] of jobs.entries()) {
      expectOnce(job)
      const count = marks.get(job.job.key) ?? 0
      if (outcomes[index] === 'success') expect(count).toBe(1)
      else expect(count).toBeLessThanOrEqual(1)
    }
    const lost = outcomes.filter((kind) => kind !== 'success')
    expect(new Set(lost)).toEqual(new Set(['lost']))
    expect(lost.length).toBeLessThanOrEqual(kills)
    expect(kills).toBe(12)
  })
})

describe('PreforkPool, with jobs handed ahead', () => {
  it('takes them elsewhere when the first one turns out to be long', async () => {
    const bench = await startTinyBench()
    const long = bench.run({ waitUntil: bench.path('gate') })
    const others = times(20, () => bench.run({ mark: bench.path('marks') }))
    expect(new Set(await kinds(others))).toEqual(new Set(['success']))
    expect(long.events).toEqual(['accepted'])
    expect([...bench.marks('marks').values()]).toEqual(times(20, () => 1))
    for (const job of others) expectOnce(job)
  })

  it('loses none of them when the first one is over its hard limit', async () => {
    const bench = await startTinyBench({ concurrency: 1 })
    const blocking = bench.run({ blockUntil: bench.path('never') }, { hard: 50 })
    const behind = times(8, () => bench.run({ mark: bench.path('marks') }))
    expect(await blocking.outcome).toEqual({ kind: 'timeout', seconds: 0.05 })
    expect(new Set(await kinds(behind))).toEqual(new Set(['success']))
    expect([...bench.marks('marks').values()]).toEqual(times(8, () => 1))
  })

  it('terminates one of them without harm to the others', async () => {
    const bench = await startTinyBench({ concurrency: 1 })
    const long = bench.run({ waitUntil: bench.path('gate') })
    const [first, second, third] = times(3, () => bench.run())
    expect(bench.pool.terminate(second?.job.key ?? 0, 'SIGTERM')).toBe(true)
    expect(bench.pool.terminate(second?.job.key ?? 0, 'SIGTERM')).toBe(true)
    expect(await second?.outcome).toEqual({ kind: 'terminated', signal: 'SIGTERM' })
    expect(second?.events).toEqual(['outcome terminated'])
    bench.open()
    expect(await kinds([long, first, third] as TrackedJob[])).toEqual(['success', 'success', 'success'])
    expect(long.pid).toBe(third?.pid)
  })

  it('terminates the first without harm to the others', async () => {
    const bench = await startTinyBench({ concurrency: 1 })
    for (const task of [{ waitUntil: bench.path('never') }, { blockUntil: bench.path('never') }]) {
      const first = bench.run(task)
      const behind = times(4, () => bench.run())
      bench.pool.terminate(first.job.key, 'SIGTERM')
      expect(await first.outcome).toEqual({ kind: 'terminated', signal: 'SIGTERM' })
      expect(new Set(await kinds(behind))).toEqual(new Set(['success']))
      for (const job of behind) expectOnce(job)
    }
  })

  it('gives them back when it stops', async () => {
    const bench = await startTinyBench({ concurrency: 1 })
    const long = bench.run({ waitUntil: bench.path('gate') })
    const behind = times(4, () => bench.run())
    const stop = bench.pool.stop('warm')
    expect(await kinds(behind)).toEqual(times(4, () => 'unstarted'))
    expect(behind[0]?.events).toEqual(['outcome unstarted'])
    bench.open()
    await stop
    expect((await long.outcome).kind).toBe('success')
  })
})

describe('PreforkPool, with a blocked child', () => {
  it('kills it at the hard limit', async () => {
    const bench = await startBench()
    const job = bench.run({ blockUntil: bench.path('never') }, { soft: 10, hard: 50 })
    expect(await job.outcome).toEqual({ kind: 'timeout', seconds: 0.05 })
    expect((await bench.run().outcome).kind).toBe('success')
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)('terminates it by %s', async (signal) => {
    const bench = await startBench()
    const job = bench.run({ blockUntil: bench.path('never') })
    expect(bench.pool.terminate(job.job.key, signal)).toBe(true)
    expect(await job.outcome).toEqual({ kind: 'terminated', signal })
  })

  it('cuts it in a cold stop', async () => {
    const bench = await startBench()
    const job = bench.run({ blockUntil: bench.path('never') })
    await bench.pool.stop('cold')
    expect(await job.outcome).toEqual({ kind: 'cancelled' })
  })
})

describe('PreforkPool, with a busy parent', () => {
  it('does not kill for a limit that was kept', async () => {
    const bench = await startBench()
    const before = processes(bench)
    const jobs = [bench.run({}, { hard: 30 }), bench.run({}, { hard: 30 })]
    // The children are done long before this process comes to read it.
    await new Promise((resolve) => setImmediate(resolve))
    const endMs = performance.now() + 100
    while (performance.now() < endMs) continue
    expect(await kinds(jobs)).toEqual(['success', 'success'])
    expect(processes(bench)).toEqual(before)
  })
})

describe('PreforkPool, recycling', () => {
  it('ends a child after so many tasks, and runs no more at a time for it', async () => {
    const bench = await startBench({ maxTasksPerChild: 5 })
    const jobs = times(40, () => bench.run())
    const pids = new Map<string, number>()
    for (const job of jobs) {
      const outcome = await job.outcome
      if (outcome.kind === 'success') pids.set(outcome.resultRepr, (pids.get(outcome.resultRepr) ?? 0) + 1)
    }
    expect([...pids.values()].reduce((sum, count) => sum + count)).toBe(40)
    expect(Math.max(...pids.values())).toBeLessThanOrEqual(5)
    expect(messages(bench)).toEqual([])
    expect(bench.pool.info()['max-tasks-per-child']).toBe(5)
  })

  it('runs no more at a time because a replacement is ready already', async () => {
    const starts = join(temporaryDirectory(), 'starts')
    const bench = await startBench({ maxTasksPerChild: 1, settings: { markStart: starts } })
    const jobs = await bench.occupy()
    const next = bench.run({ waitUntil: bench.path('gate') })
    await waitFor(() => readFileSync(starts, 'utf8').split('\n').length > 4, { what: 'two replacements' })
    await bench.running(jobs)
    expect(next.isAccepted).toBe(false)
    expect(bench.pool.free).toBe(0)
    bench.open()
    expect(await kinds([...jobs, next])).toEqual(['success', 'success', 'success'])
    expect(new Set([...jobs, next].map((job) => job.pid)).size).toBe(3)
  })

  it('ends a child that has grown too large, after its job', async () => {
    const bench = await startBench({ concurrency: 1, maxMemoryPerChildBytes: 300_000_000 })
    const small = bench.run({ keepBytes: 1000 })
    const large = bench.run({ keepBytes: 400_000_000 })
    expect(await kinds([small, large])).toEqual(['success', 'success'])
    const next = bench.run()
    await next.outcome
    expect(large.pid).toBe(small.pid)
    expect(next.pid).not.toBe(large.pid)
    expect(messages(bench)).toEqual([])
  })
})

describe('PreforkPool, restart', () => {
  it('lets new children take over, and what runs ends in the old ones', async () => {
    const bench = await startBench()
    const before = processes(bench)
    const long = bench.run({ waitUntil: bench.path('gate') })
    await bench.running([long])
    const short = times(50, () => bench.run({ mark: bench.path('marks') }))
    await bench.pool.restart()
    expect(new Set(await kinds(short))).toEqual(new Set(['success']))
    expect([...bench.marks('marks').values()]).toEqual(times(50, () => 1))
    const after = processes(bench)
    expect(after.filter((pid) => before.includes(pid))).toEqual([long.pid])
    // The old child still counts: no more at a time for the restart.
    const [first, second] = times(2, () => bench.run({ waitUntil: bench.path('later') }))
    await bench.running([first] as TrackedJob[])
    expect(second?.isAccepted).toBe(false)
    bench.open()
    expect(await kinds([long])).toEqual(['success'])
    bench.open('later')
    expect(await kinds([first, second] as TrackedJob[])).toEqual(['success', 'success'])
    expect(before).toContain(long.pid)
    expect(messages(bench)).toEqual([])
  })

  it('keeps the old children where new ones cannot start', async () => {
    const settings: Record<string, unknown> = {}
    const bench = await startBench({ settings })
    const before = processes(bench)
    settings['failToStart'] = 'a syntax error'
    await expect(bench.pool.restart()).rejects.toThrow(/Could not restart worker processes: [^]*a syntax error/)
    expect(processes(bench)).toEqual(before)
    expect(await kinds([bench.run(), bench.run()])).toEqual(['success', 'success'])
  })
})

describe('PreforkPool, output of tasks', () => {
  it('is logged line by line with the name of the process', async () => {
    const bench = await startBench({ concurrency: 1 })
    await bench.run({ print: { lines: 2, length: 3 } }).outcome
    await bench.run({ print: { lines: 1, length: 4, end: '' } }).outcome
    await bench.pool.stop('warm')
    await waitFor(() => bench.logs.length === 3)
    expect(bench.logs.map(({ level, message, fields }) => [level, message, fields?.processName])).toEqual([
      ['WARNING', 'xxx', 'ForkPoolWorker-1'],
      ['WARNING', 'xxx', 'ForkPoolWorker-1'],
      ['WARNING', 'xxxx', 'ForkPoolWorker-1'],
    ])
  })

  it('may be a lot', async () => {
    const bench = await startBench({ childOutput: 'INFO' })
    const chatty = bench.run({ print: { lines: 100_000, length: 100 } })
    const endless = bench.run({ print: { lines: 100, length: 100_000, end: '' } })
    expect(await kinds([chatty, endless, bench.run()])).toEqual(['success', 'success', 'success'])
    await bench.pool.stop('warm')
    await waitFor(() => bench.logs.reduce((sum, { message }) => sum + message.length, 0) === 20_000_000)
    expect(new Set(bench.logs.map(({ level }) => level))).toEqual(new Set(['INFO']))
  })
})

describe('PreforkPool, starting', () => {
  it('rejects where the app cannot be loaded, and says why', async () => {
    const bench = preforkBench({ settings: { failToStart: 'no broker in sight' } })
    await expect(bench.pool.start()).rejects.toThrow(
      /Could not start worker processes: ForkPoolWorker-\d exited with code 1:\nError: no broker in sight/,
    )
    await bench.close()
  })

  it('rejects where a child dies, with its last words', async () => {
    const bench = preforkBench({ settings: { exitAtStart: true } })
    await expect(bench.pool.start()).rejects.toThrow(/ForkPoolWorker-\d exited with code 3:\ncannot go on/)
    await bench.close()
  })

  it('rejects where a child is not ready in time', async () => {
    const bench = preforkBench({ settings: { hangAtStart: true }, childStartTimeoutMs: 300 })
    await expect(bench.pool.start()).rejects.toThrow(/ForkPoolWorker-\d was not ready after 0.3 s/)
    await bench.close()
  })

  it('rejects where the program of children is missing', async () => {
    const bench = preforkBench({ childEntry: '/nowhere/child.js' })
    await expect(bench.pool.start()).rejects.toThrow(/Cannot find module '\/nowhere\/child.js'/)
    await bench.close()
  })

  it('refuses an app that children could not import', () => {
    expect(() => preforkBench({ appLocation: undefined })).toThrow(/export the app/)
  })

  it('is cut short by a stop', async () => {
    const bench = preforkBench({ settings: { hangAtStart: true } })
    const start = expect(bench.pool.start()).rejects.toThrow(/stopped/)
    await bench.pool.stop('warm')
    await start
  })
})

describe('PreforkPool, facts', () => {
  it('are those of Celery', async () => {
    const bench = await startBench()
    const jobs = await bench.occupy()
    expect(bench.pool.info()).toEqual({
      implementation: 'celeriac.worker.pool.prefork:PreforkPool',
      'max-concurrency': 2,
      processes: [expect.any(Number), expect.any(Number)],
      'max-tasks-per-child': 'N/A',
      'put-guarded-by-semaphore': true,
      timeouts: [0, 0],
      writes: {
        total: 2,
        avg: '0.50',
        all: '0.50, 0.50',
        raw: '1, 1',
        strategy: 'fair',
        inqueues: { total: 2, active: 2 },
      },
    })
    expect(processes(bench).sort()).toEqual(jobs.map((job) => job.pid).sort())
  })
})
