import { expect, it, onTestFinished } from 'vitest'
import { childBench, threadsPool } from '../../../support/pools.ts'

it('tells what Celery tells of it', async () => {
  const bench = childBench(threadsPool)
  onTestFinished(() => bench.close())
  await bench.pool.start()
  expect(bench.pool.info()).toEqual({
    implementation: 'celeriac.worker.pool.threads:ThreadsPool',
    'max-concurrency': 2,
    'max-tasks-per-child': 'N/A',
    threads: 2,
  })
  expect(bench.pool.isolated).toBe(false)
})
