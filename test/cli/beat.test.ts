/** `celeriac beat` and `worker --beat`, as an operator has them: real processes, on the embedded store. */
import { expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import type { CliResult } from '../support/cli.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj')
export const ping = app.task('proj.ping', (host: string): string => host)
app.addPeriodicTask(0.5, ping.s('here'), { name: 'often' })
app.addPeriodicTask('0 9 * * mon-fri', ping.s('there'), { name: 'office' })
`

it('sends what is due, takes up what is added, and ends in order', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const celeriac = (...args: string[]): Promise<CliResult> => runCli(['-A', 'app.ts', 'beat', ...args], { cwd })
  const beat = startCli(['-A', 'app.ts', 'beat', '-l', 'info'], { cwd })
  await beat.sees(/Sending due task often \(proj\.ping\)/)
  expect(beat.output).toMatch(/beat v\S+ is starting/)
  expect((await celeriac('add', 'later', 'proj.ping', '0.3', '-a', '["later"]')).code).toBe(0)
  await beat.sees(/Sending due task later \(proj\.ping\)/)
  beat.signal('SIGTERM')
  expect((await beat.ended).code).toBe(0)
  const ran: unknown = expect.toSatisfy((count: number) => count > 0)
  expect(JSON.parse((await celeriac('list', '--json')).stdout)).toMatchObject([
    { name: 'later', source: 'runtime', totalRunCount: ran },
    { name: 'office', source: 'app', totalRunCount: 0 },
    { name: 'often', source: 'app', totalRunCount: ran },
  ])
})

it('runs inside a worker', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const worker = startCli(['-A', 'app.ts', 'worker', '-B', '-P', 'solo', '-l', 'info'], { cwd })
  await worker.sees(/Task proj\.ping\[\S+\] succeeded in /)
  expect(worker.output).toContain('Sending due task often (proj.ping)')
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
