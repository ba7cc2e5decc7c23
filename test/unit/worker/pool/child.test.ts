import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { PoolBench } from '../../../../src/testing/pool-suite.ts'
import type { ChildPoolOptions } from '../../../../src/worker/pool/child-pool.ts'
import { built, preforkBench } from '../../../support/pools.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { waitFor } from '../../../support/wait-for.ts'

const benches: PoolBench[] = []

async function startBench(overrides: Partial<ChildPoolOptions> = {}): Promise<PoolBench> {
  const bench = preforkBench({ concurrency: 1, ...overrides })
  benches.push(bench)
  await bench.pool.start()
  return bench
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.close()))
})

describe('the child', () => {
  it('leaves it to the parent what a signal to the whole group means', async () => {
    const bench = await startBench()
    const [job] = await bench.occupy()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const) process.kill(job?.pid ?? 0, signal)
    bench.open()
    expect((await job?.outcome)?.kind).toBe('success')
    const next = bench.run()
    expect((await next.outcome).kind).toBe('success')
    expect(next.pid).toBe(job?.pid)
  })

  it('survives a promise that was left behind, and says so', async () => {
    const bench = await startBench()
    const job = bench.run({ reject: true })
    expect((await job.outcome).kind).toBe('success')
    await waitFor(() => bench.logs.length > 0)
    expect(bench.logs[0]).toMatchObject({
      level: 'ERROR',
      message: 'A promise was rejected and nobody handled it',
      fields: { error: expect.stringContaining('Error: left behind'), processName: 'ForkPoolWorker-1' },
    })
    const next = bench.run()
    await next.outcome
    expect(next.pid).toBe(job.pid)
  })

  it('lends its runner a logger that is the worker’s', async () => {
    const bench = await startBench()
    await bench.run({ log: 'hello' }).outcome
    expect(bench.logs).toMatchObject([
      { level: 'WARNING', message: 'hello', fields: { processName: 'ForkPoolWorker-1' } },
    ])
  })

  it('lets its runner stop in good order', async () => {
    const file = join(temporaryDirectory(), 'stopped')
    const bench = await startBench({ concurrency: 2, settings: { markStop: file } })
    const pids = bench.pool.info()['processes'] as number[]
    await bench.pool.stop('warm')
    expect(readFileSync(file, 'utf8').trim().split('\n').map(Number).sort()).toEqual(pids.sort())
  })

  it('survives a terminated job that heeds its signal', async () => {
    const bench = await startBench()
    const job = bench.run({ waitUntil: bench.path('never'), heeds: true })
    await waitFor(() => job.isAccepted)
    bench.pool.terminate(job.job.key, 'SIGUSR2')
    expect(await job.outcome).toEqual({ kind: 'terminated', signal: 'SIGUSR2' })
    expect((await bench.run().outcome).kind).toBe('success')
  })

  it('is gone when its parent is, though a job runs', async () => {
    const folder = temporaryDirectory()
    const program = join(folder, 'parent.mjs')
    writeFileSync(
      program,
      `import { PreforkPool } from ${JSON.stringify(built('worker/pool/prefork.js'))}
       import { systemClock } from ${JSON.stringify(built('util/clock.js'))}
       import { silentLogger } from ${JSON.stringify(built('util/logger.js'))}
       const pool = new PreforkPool({
         concurrency: 2, run: undefined, logger: silentLogger(), clock: systemClock, settings: {},
         appLocation: { file: '/app.js' }, childStartTimeoutMs: 20000, onFree: () => undefined,
         runner: ${JSON.stringify(built('testing/pool-runner.js'))},
       })
       await pool.start()
       const job = { key: 1, taskId: 'x', taskName: 'x', deliveryInfo: {}, hostname: 'x', message: {
         body: JSON.stringify({ states: ['PROGRESS'], waitUntil: ${JSON.stringify(join(folder, 'never'))} }), headers: {}, properties: {} } }
       const store = async () => console.log(JSON.stringify(pool.info().processes))
       pool.execute(job, { accepted: () => undefined, store })`,
    )
    const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pids = await new Promise<number[]>((resolve) => {
      parent.stdout.once('data', (chunk: Buffer) => {
        resolve(JSON.parse(chunk.toString()) as number[])
      })
    })
    expect(pids.map(isAlive)).toEqual([true, true])
    parent.kill('SIGKILL')
    await waitFor(() => !pids.some(isAlive), { what: 'the children to be gone' })
  })
})
