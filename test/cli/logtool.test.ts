/** The logs of real workers, ours and Python's, are understood. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import { Celery, silentLogger } from '../support/product.ts'
import { describeWithPythonCelery, startPythonWorker } from '../support/python-celery.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj')
app.task('proj.add', (x: number, y: number) => x + y)
app.task('proj.fail', (): void => { throw new RangeError('by a mile') })
app.task('proj.again', { bind: true, maxRetries: 1 }, (self) => { throw self.retry({ countdown: 0 }) })
`

it("ours: a worker's log", { timeout: 60_000 }, async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info'], { cwd })
  await worker.sees(/ready\./)
  const app = new Celery('proj', { broker: `sqlite:///${join(cwd, 'celeriac.db')}`, logger: silentLogger() })
  onTestFinished(() => app.close())
  for (const name of ['proj.fail', 'proj.again']) await app.sendTask(name)
  await app.sendTask('proj.add', [2, 2])
  await worker.sees(/proj\.add\[.*succeeded/)
  await worker.sees(/proj\.again\[.*raised/)
  writeFileSync(join(cwd, 'worker.log'), worker.output)
  const { stdout } = await runCli(['logtool', 'stats', '--json', 'worker.log'], { cwd })
  expect(JSON.parse(stdout)).toEqual({
    total: 3,
    errors: 2,
    succeeded: 1,
    completed: 3,
    retries: 1,
    types: { 'proj.fail': 1, 'proj.again': 1, 'proj.add': 1 },
  })
  const traces = await runCli(['logtool', 'traces'], { cwd, input: worker.output })
  expect(traces.stdout).toMatch(/proj\.fail\[.*raised unexpected: .*\nRangeError: by a mile\n +at .*app\.ts:5/)
})

it('ends when nobody reads on, as in "| head"', async () => {
  const line = '[2026-11-21 10:00:00,000: INFO/MainProcess] celery@here ready.\n'
  const cwd = makeProject({ 'worker.log': line.repeat(50_000) })
  const command = `${process.execPath} ${join(ROOT, 'bin/celeriac.js')} logtool debug worker.log | head -n 1`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', `${command}; echo "\${PIPESTATUS[0]}"`], { cwd })
  expect([stdout, stderr]).toEqual([`${line}0\n`, ''])
})

describeWithRedis('a log', () => {
  describeWithPythonCelery('of Python', () => {
    it('is understood', { timeout: 60_000 }, async () => {
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      const worker = await startPythonWorker({ broker_url: redis.url, result_backend: redis.url }, ['celery'])
      onTestFinished(() => worker.stop())
      const app = new Celery('proj', { broker: redis.url, logger: silentLogger() })
      onTestFinished(() => app.close())
      await app.sendTask('py.add', [2, 2])
      await app.sendTask('py.add', [2, 'x'])
      await waitFor(() => /succeeded[^]*raised unexpected[^]*TypeError: /.test(worker.log), {
        what: 'both tasks in the log',
        timeoutMs: 20_000,
      })
      const { stdout } = await runCli(['logtool', 'stats', '--json'], { cwd: makeProject({}), input: worker.log })
      expect(JSON.parse(stdout)).toMatchObject({ total: 2, errors: 1, succeeded: 1, completed: 2 })
      const traces = await runCli(['logtool', 'traces'], { cwd: makeProject({}), input: worker.log })
      expect(traces.stdout).toMatch(/raised unexpected[^]*Traceback \(most recent call last\)/)
    })
  })
})
