/** Pools for tests: real children, with the tasks of `testing/pool-runner.ts` and no app. */
import { fileURLToPath } from 'node:url'
import { PoolBench } from '../../src/testing/pool-suite.ts'
import type { Job, Pool } from '../../src/worker/pool/pool.ts'
import type { ChildPoolOptions } from '../../src/worker/pool/child-pool.ts'
import { PreforkPool } from '../../src/worker/pool/prefork.ts'
import { ThreadsPool } from '../../src/worker/pool/threads.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** The absolute path of a file of the built package: children run from it, for Node knows no TypeScript there. */
export function built(path: string): string {
  return fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))
}

/** What children are in tests: the built program, with the suite's tasks. */
function withSuiteTasks(options: ChildPoolOptions): ChildPoolOptions {
  return { childEntry: built('worker/pool/child.js'), runner: built('testing/pool-runner.js'), ...options }
}

/** A prefork pool over the built package. */
export function preforkPool(options: ChildPoolOptions): PreforkPool {
  return new PreforkPool(withSuiteTasks(options))
}

/** A pool of threads over the built package. */
export function threadsPool(options: ChildPoolOptions): ThreadsPool {
  return new ThreadsPool(withSuiteTasks(options))
}

/** The suite's bench over a prefork pool, not started yet. Close it in the end. */
export function preforkBench(overrides: Partial<ChildPoolOptions> = {}): PoolBench {
  return childBench(preforkPool, overrides)
}

/** Likewise over the pool that `make` makes. */
export function childBench(
  make: (options: ChildPoolOptions) => Pool,
  overrides: Partial<ChildPoolOptions> = {},
): PoolBench {
  return new PoolBench({ make: (options) => make({ ...options, ...overrides }), folder: temporaryDirectory }, overrides)
}

/** A job whose body is `body`, for what does not run it. */
export function makeJob(key: number, taskName: string = 'suite.task', body: string = '{}'): Job {
  const taskId = `id-${String(key)}`
  return {
    key,
    taskId,
    taskName,
    message: { body, contentType: 'application/json', contentEncoding: 'utf-8', headers: {}, properties: {} },
    deliveryInfo: { exchange: '', routing_key: 'celery', priority: 0, redelivered: false },
    hostname: 'worker@example.com',
    softLimitMs: undefined,
    hardLimitMs: undefined,
  }
}
