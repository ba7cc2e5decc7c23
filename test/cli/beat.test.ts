/** `celeriac beat` and `worker --beat`, as an operator has them: real processes. */
import { expect, it } from 'vitest'
import { makeProject, startCli } from '../support/cli.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
export const ping = app.task('proj.ping', (host: string): string => host)
app.addPeriodicTask(0.5, ping.s('here'), { name: 'often' })
`

it('sends what is due, and ends in order', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const beat = startCli(['-A', 'app.ts', 'beat', '-l', 'info'], { cwd })
  await beat.sees(/Sending due task often \(proj\.ping\)/)
  expect(beat.output).toMatch(/beat v\S+ is starting/)
  beat.signal('SIGTERM')
  expect((await beat.ended).code).toBe(0)
})

it('runs inside a worker', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const worker = startCli(['-A', 'app.ts', 'worker', '-B', '-P', 'solo', '-l', 'info'], { cwd })
  await worker.sees(/Task proj\.ping\[\S+\] succeeded in /)
  expect(worker.output).toContain('Sending due task often (proj.ping)')
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
