/** The events of `celeriac worker`, over the embedded broker, with children and without: what a monitor hears of them. */
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Celery } from '../../src/index.ts'
import type { State } from '../../src/events/state.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { makeProject, startCli } from '../support/cli.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj', { broker: 'sqlite:///celeriac.db', backend: 'sqlite:///celeriac.db' })
export const add = app.task('proj.add', (x: number, y: number): number => x + y)
export const fail = app.task('proj.fail', (): number => { throw new RangeError('bad moon') })
export const again = app.task('proj.again', { bind: true }, (self): string => {
  if (self.request.retries === 0) throw self.retry({ countdown: 0.1, exc: new RangeError('not yet') })
  return 'done'
})
export const page = app.task('proj.page', { bind: true }, async (self) => self.sendEvent('task-page', { page: 1 }))
export const quiet = app.task('proj.quiet', { sendEvents: false }, () => 1)
`

/** An app that looks at the same broker, and what it sees. */
async function watch(cwd: string): Promise<{ app: Celery; state: State; counts: Map<string, number> }> {
  const url = `sqlite:///${join(cwd, 'celeriac.db')}`
  const app = new Celery('proj', { broker: url, backend: url, logger: silentLogger() })
  const state = app.events.state()
  const counts = new Map<string, number>()
  const ending = new AbortController()
  let onReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => (onReady = resolve))
  const handlers = {
    '*': (event: { readonly type: string }) => {
      counts.set(event.type, (counts.get(event.type) ?? 0) + 1)
      state.event(event)
    },
  }
  const capturing = app.events.receiver({ handlers }).capture({ signal: ending.signal, onReady })
  onTestFinished(async () => {
    ending.abort()
    await capturing
    await app.close()
  })
  await ready
  return { app, state, counts }
}

it.each(['prefork', 'async'])('are of tasks with -E, and of the worker (%s)', async (pool) => {
  const cwd = makeProject({ 'app.ts': APP })
  const { app, state, counts } = await watch(cwd)
  const worker = startCli(['-A', 'app.ts', 'worker', '-l', 'info', '-c', '2', '-P', pool, '-E', '-n', 'w1@here'], {
    cwd,
  })
  await worker.sees(/ready\./)
  const names = ['add', 'fail', 'again', 'page', 'quiet'].map((name) => `proj.${name}`)
  const sent = await app.sendTasks(names.map((name) => ({ name, args: name === 'proj.add' ? [2, 3] : [] })))
  const stateOf = (index: number): string | undefined => state.tasks.get(sent[index]?.id ?? '')?.state
  await waitFor(() => [0, 1, 2, 3].every((index) => ['SUCCESS', 'FAILURE'].includes(stateOf(index) ?? '')))
  expect([0, 1, 2].map(stateOf)).toEqual(['SUCCESS', 'FAILURE', 'SUCCESS'])
  const known = sent.map(({ id }) => state.tasks.get(id)?.toJSON())
  expect(known[0]).toMatchObject({ name: 'proj.add', args: '(2, 3)', result: '5', worker: 'w1@here', retries: 0 })
  expect(known[1]).toMatchObject({
    exception: "ValueError('bad moon')",
    traceback: expect.stringContaining('bad moon'),
  })
  expect(known[2]).toMatchObject({ result: "'done'", retries: 1 })
  expect(known[0]?.['runtime']).toBeGreaterThan(0)
  await waitFor(() => counts.get('task-page') === 1)
  expect(await sent[4]?.get({ timeout: 10 })).toBe(1)
  expect(known[4]).toBeUndefined()
  await waitFor(() => state.workers.get('w1@here')?.processed === 6)
  expect(state.workers.get('w1@here')).toMatchObject({ swIdent: 'celeriac', alive: true })
  worker.signal('SIGTERM')
  await waitFor(() => counts.get('worker-offline') === 1)
  expect((await worker.ended).code).toBe(0)
})

it('are of the worker alone without -E, until somebody asks for more', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const { app, counts } = await watch(cwd)
  const worker = startCli(['-A', 'app.ts', 'worker', '-l', 'info', '-P', 'solo', '--heartbeat-interval', '0.1'], {
    cwd,
  })
  await worker.sees(/ready\./)
  await waitFor(() => (counts.get('worker-heartbeat') ?? 0) > 2)
  await (await app.sendTask('proj.add', [1, 2])).get({ timeout: 10 })
  expect([...counts.keys()].filter((type) => type.startsWith('task-'))).toEqual([])
  const [reply] = await app.control.ask('enable_events', { timeout: 10 })
  expect(Object.values(reply ?? {})).toEqual([{ ok: 'task events enabled' }])
  await (await app.sendTask('proj.add', [1, 2])).get({ timeout: 10 })
  await waitFor(() => counts.get('task-succeeded') === 1)
})
