/**
 * SIGTERM to real workers with tasks running and hundreds in hand: what runs ends, the rest goes back, the worker exits,
 * and each task has run once in the end. All pools at a time, on each broker that outlives a worker.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Celery } from '../../src/celery.ts'
import { makeProject, startCli } from '../support/cli.ts'
import type { RunningCli } from '../support/cli.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celery } from 'celeriac'

export const app = new Celery('proj', { broker: process.env['BROKER'], backend: 'disabled://' })

app.task('proj.mark', async (queue: string, number: number): Promise<void> => {
  await sleep(20)
  appendFileSync(queue, String(number) + '\\n')
})
`

const POOLS = ['prefork', 'threads', 'async', 'solo'] as const
const TASKS = 250
/** What runs is over in a moment; the rest is for a slow machine. */
const DEADLINE_MS = 10_000

async function shutDownInTheMiddle(broker: (cwd: string) => string): Promise<void> {
  const cwd = makeProject({ 'app.ts': APP })
  const url = broker(cwd)
  const env = { BROKER: url }
  const app = new Celery('proj', { broker: url, backend: 'disabled://' })
  onTestFinished(() => app.close())
  const start = (queues: readonly string[], ...options: string[]): RunningCli =>
    startCli(['-A', 'app.ts', 'worker', '-Q', queues.join(), '-l', 'info', ...options], { cwd, env })
  const marks = (queue: string): string[] => {
    const file = join(cwd, queue)
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  }
  for (const queue of POOLS) {
    const tasks = Array.from({ length: TASKS }, (_, number) => ({
      name: 'proj.mark',
      args: [queue, number],
      options: { queue },
    }))
    await app.sendTasks(tasks)
  }

  // So many in hand that all of them are.
  const options = ['-c', '2', '--prefetch-multiplier', String(TASKS)]
  const workers = POOLS.map((pool) => start([pool], '-P', pool, '-n', `${pool}@here`, ...options))
  await Promise.all(
    workers.map(async (worker, index) => {
      const pool = POOLS[index] ?? 'solo'
      await waitFor(() => marks(pool).length >= 10, { timeoutMs: 40_000, what: `tasks in ${pool}\n${worker.output}` })
      worker.signal('SIGTERM')
      const fromMs = performance.now()
      const { code } = await worker.ended
      expect([pool, code, performance.now() - fromMs < DEADLINE_MS]).toEqual([pool, 0, true])
      expect(marks(pool).length).toBeLessThan(TASKS)
    }),
  )

  const last = start(POOLS, '-P', 'async', '-c', '100')
  await waitFor(() => POOLS.every((pool) => marks(pool).length >= TASKS), { timeoutMs: 40_000, what: 'the rest' })
  last.signal('SIGTERM')
  expect((await last.ended).code).toBe(0)
  for (const pool of POOLS) expect([pool, new Set(marks(pool)).size, marks(pool).length]).toEqual([pool, TASKS, TASKS])
}

it('SIGTERM during a thousand tasks loses none, on the embedded store', async () => {
  await shutDownInTheMiddle((cwd) => `sqlite:///${join(cwd, 'broker.db')}`)
}, 90_000)

describeWithRedis('SIGTERM during a thousand tasks', () => {
  it('loses none, on Redis', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    await shutDownInTheMiddle(() => server.url)
  }, 90_000)
})

describeWithRabbitmq('SIGTERM during a thousand tasks', () => {
  it('loses none, on RabbitMQ', async () => {
    const server = await startRabbitmq()
    onTestFinished(() => server.stop())
    await shutDownInTheMiddle(() => server.url)
  }, 120_000)
})
