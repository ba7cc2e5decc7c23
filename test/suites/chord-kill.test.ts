/** kill -9 between the last part of a chord and its body: whoever gets the part next sends the body, once. */
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

/** A worker that is told to dies with the first body that it is about to send, after it has counted all parts. */
const APP = `
import { appendFileSync } from 'node:fs'
import { Celery } from 'celeriac'

// The dead are missed soon.
export const app = new Celery('proj', { brokerTransportOptions: { lease: 3 } })
app.task('proj.part', { acksLate: true, rejectOnWorkerLost: true }, (number: number) => number)
app.task('proj.body', (numbers: readonly number[]) => {
  appendFileSync('bodies', \`\${JSON.stringify(numbers)}\\n\`)
  return numbers
})
app.signals.on('before-task-publish', ({ task }) => {
  if (task !== 'proj.body' || process.env['DIES'] !== 'yes') return
  appendFileSync('deaths', 'x')
  process.kill(process.pid, 'SIGKILL')
})
`

function testKill(pool: string, urlOf: (cwd: string) => string): void {
  it(`the body runs once (${pool})`, { timeout: 90_000 }, async () => {
    const cwd = makeProject({ 'app.ts': APP })
    const url = urlOf(cwd)
    const app = new Celery('proj', { broker: url, backend: url, logger: silentLogger() })
    onTestFinished(() => app.close())
    const start = (DIES: string): RunningCli =>
      startCli(['-A', 'app.ts', '-b', url, '--result-backend', url, 'worker', '-P', pool, '-c', '1'], {
        cwd,
        env: { DIES },
      })
    const parts = [1, 2, 3].map((number) => app.signature('proj.part', [number]))
    const doomed = start('yes')
    const result = await chord(parts, app.signature('proj.body')).delay()
    await waitFor(() => existsSync(join(cwd, 'deaths')), { timeoutMs: 20_000, what: 'the worker to die' })
    await doomed.kill()
    expect(existsSync(join(cwd, 'bodies'))).toBe(false)
    start('no')
    expect(await result.get({ timeout: 60 })).toEqual([1, 2, 3])
    expect(readFileSync(join(cwd, 'bodies'), 'utf8')).toBe('[1,2,3]\n')
  })
}

describe('over sqlite', () => {
  testKill('prefork', (cwd) => `sqlite:///${join(cwd, 'celeriac.db')}`)
})

describeWithRedis('over redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await server.stop()
  })
  testKill('async', () => server.url)
})
