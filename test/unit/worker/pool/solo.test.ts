import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../../src/util/clock.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { SoloPool } from '../../../../src/worker/pool/solo.ts'

function soloPool(): SoloPool {
  return new SoloPool({
    concurrency: 8,
    run: () => Promise.resolve({ kind: 'ignored', runtimeMs: 1 }),
    logger: silentLogger(),
    clock: systemClock,
    appLocation: undefined,
    settings: {},
    maxTasksPerChild: undefined,
    maxMemoryPerChildBytes: undefined,
    childStartTimeoutMs: 1000,
    onFree: () => undefined,
  })
}

describe('SoloPool', () => {
  it('has one slot, whatever is asked for', async () => {
    const pool = soloPool()
    expect(pool.free).toBe(1)
    await pool.resize(1)
    await expect(pool.resize(2)).rejects.toThrow('use the pool "async" or "prefork"')
  })

  it('tells what Celery tells of it', () => {
    expect(soloPool().info()).toEqual({
      implementation: 'celeriac.worker.pool.solo:SoloPool',
      'max-concurrency': 1,
      processes: [process.pid],
      'max-tasks-per-child': null,
      'put-guarded-by-semaphore': true,
      timeouts: [],
    })
  })
})
