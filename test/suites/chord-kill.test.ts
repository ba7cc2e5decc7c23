/** kill -9 just before and just after the body of a chord is sent: whoever gets the last part next sees to it, and it runs once. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { chord } from 'celeriac'
import { Celery, silentLogger } from '../support/product.ts'
import { makeProject, startCli } from '../support/cli.ts'
import type { RunningCli } from '../support/cli.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

/** A worker that is told to dies with the first body that it sends, after it has counted all parts. */
const APP = `
import { appendFileSync } from 'node:fs'
import { Celery } from 'celeriac'

// The dead are missed soon.
export const app = new Celery('proj', { brokerTransportOptions: { lease: 3 } })
app.task('proj.part', { acksLate: true, rejectOnWorkerLost: true }, (number: number) => {
  appendFileSync('parts', 'x')
  return number
})
// Nobody who is about to die may begin it: what was acknowledged early and is being worked on goes with the worker.
app.task('proj.body', { queue: 'bodies' }, (numbers: readonly number[]) => {
  appendFileSync('bodies', \`\${JSON.stringify(numbers)}\\n\`)
  return numbers
})
for (const moment of ['before', 'after'] as const) {
  app.signals.on(\`\${moment}-task-publish\`, ({ task }) => {
    if (task !== 'proj.body' || process.env['DIES'] !== moment) return
    appendFileSync('deaths', 'x')
    process.kill(process.pid, 'SIGKILL')
  })
}
`

function testKill(pool: string, moment: 'before' | 'after', urlOf: (cwd: string) => string): void {
  it(`the body runs once (killed ${moment} it is sent, ${pool})`, { timeout: 90_000 }, async () => {
    const cwd = makeProject({ 'app.ts': APP })
    const url = urlOf(cwd)
    const app = new Celery('proj', { broker: url, backend: url, logger: silentLogger() })
    onTestFinished(() => app.close())
    const start = (DIES: string, queues: string): RunningCli =>
      startCli(['-A', 'app.ts', '-b', url, '--result-backend', url, 'worker', '-P', pool, '-c', '1', '-Q', queues], {
        cwd,
        env: { DIES },
      })
    const parts = [1, 2, 3].map((number) => app.signature('proj.part', [number]))
    const doomed = start(moment, 'celery')
    const result = await chord(parts, app.signature('proj.body')).delay()
    await waitFor(() => existsSync(join(cwd, 'deaths')), { timeoutMs: 20_000, what: 'the worker to die' })
    await doomed.kill()
    expect(existsSync(join(cwd, 'bodies'))).toBe(false)
    start('no', 'celery,bodies')
    expect(await result.get({ timeout: 60 })).toEqual([1, 2, 3])
    // The last part comes again from the dead.
    await waitFor(() => readFileSync(join(cwd, 'parts'), 'utf8').length > parts.length, {
      timeoutMs: 30_000,
      what: 'the last part to come again',
    })
    const isIdle = async (): Promise<boolean> =>
      Object.values(await app.control.inspect({ timeout: 5, limit: 1 }).active()).flat().length === 0
    await waitFor(isIdle, { timeoutMs: 30_000, intervalMs: 200, what: 'all to be settled' })
    expect(await app.control.purge()).toBe(0)
    expect(readFileSync(join(cwd, 'bodies'), 'utf8')).toBe('[1,2,3]\n')
  })
}

describe('over sqlite', () => {
  for (const moment of ['before', 'after'] as const) {
    testKill('prefork', moment, (cwd) => `sqlite:///${join(cwd, 'celeriac.db')}`)
  }
})

describeWithRedis('over redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await server.stop()
  })
  for (const moment of ['before', 'after'] as const) testKill('async', moment, () => server.url)
})
