/** The `solo` pool: one job at a time in this process. The async pool with one slot, which cannot have another. */
import { ImproperlyConfigured } from '../../errors.ts'
import { AsyncPool } from './async.ts'
import type { PoolOptions } from './pool.ts'

export class SoloPool extends AsyncPool {
  /** `concurrency` does not count: it is 1. */
  constructor(options: PoolOptions) {
    super({ ...options, concurrency: 1 })
  }

  override resize(concurrency: number): Promise<void> {
    if (concurrency === 1) return Promise.resolve()
    return Promise.reject(
      new ImproperlyConfigured(
        'The solo pool has one slot and cannot grow or shrink; use the pool "async" or "prefork"',
      ),
    )
  }

  override info(): Readonly<Record<string, unknown>> {
    return {
      implementation: 'celeriac.worker.pool.solo:SoloPool',
      'max-concurrency': 1,
      processes: [process.pid],
      'max-tasks-per-child': null,
      'put-guarded-by-semaphore': true,
      timeouts: [],
    }
  }
}
