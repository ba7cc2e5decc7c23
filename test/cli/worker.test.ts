/** `celeriac worker` as a user runs it: an app in TypeScript, the embedded broker, real processes and signals. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { existsSync, appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celery } from 'celeriac'

export const app = new Celery('proj')

interface Numbers { x: number; y: number }

export const add = app.task('proj.add', (x: number, y: number): number => x + y)
export const sum = app.task('proj.sum', (numbers: Numbers): number => numbers.x + numbers.y)

/** Tells that it runs, and ends when the file "go" is there or when it is aborted. */
export const hold = app.task('proj.hold', { bind: true, acksLate: true }, async (self) => {
  appendFileSync('log', 'started\\n')
  while (!existsSync('go') && !self.signal.aborted) await sleep(5)
  appendFileSync('log', self.signal.aborted ? 'aborted\\n' : 'done\\n')
  self.signal.throwIfAborted()
  return 'held'
})
`

let cwd: string

beforeEach(() => {
  cwd = makeProject({ 'app.ts': APP })
})

function log(): string {
  return existsSync(join(cwd, 'log')) ? readFileSync(join(cwd, 'log'), 'utf8') : ''
}

async function call(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['-A', 'app.ts', 'call', ...args], { cwd })
  expect([code, stderr]).toEqual([0, ''])
  return stdout.trim()
}

async function result(id: string): Promise<unknown> {
  const { stdout, stderr } = await runCli(['-A', 'app.ts', 'result', '--json', '--timeout', '20', id], { cwd })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

it('runs what call sends, and result prints what it returned', async () => {
  const worker = startCli(['-A', 'app.ts', 'worker', '-l', 'info', '-P', 'solo'], { cwd })
  await worker.sees(/celery@\S+ ready\./)
  const id = await call('proj.add', '--args', '[2, 3]')
  expect(await result(id)).toMatchObject({ task_id: id, status: 'SUCCESS', result: 5 })
  await worker.sees(new RegExp(`Task proj\\.add\\[${id}\\] succeeded`))
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})

it('runs tasks in child processes by default', async () => {
  const worker = startCli(['-A', 'app.ts', 'worker', '-l', 'info', '-c', '1'], { cwd })
  await worker.sees(/ready\./)
  expect(await result(await call('proj.sum', '-a', '[{ "x": 2, "y": 40 }]'))).toMatchObject({ result: 42 })
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})

it('prints the banner', async () => {
  const worker = startCli(['-A', 'app.ts', 'worker', '-l', 'info', '-P', 'solo', '-n', 'w1@here'], { cwd })
  await worker.sees(/ready\./)
  for (const pattern of [
    /w1@here v\d+\.\d+\.\d+/,
    /app: +proj/,
    /transport: +sqlite:\/\/\/celeriac\.db/,
    /results: +sqlite:\/\/\/celeriac\.db/,
    /concurrency: +\d+ \(solo\)/,
    /\.> celery +exchange=celery\(direct\) key=celery/,
    /\[tasks\]\n {2}\. proj\.add\n {2}\. proj\.hold\n {2}\. proj\.sum\n/,
  ]) {
    expect(worker.output).toMatch(pattern)
  }
})

describe('signals', () => {
  async function holding(): Promise<{ worker: ReturnType<typeof startCli>; id: string }> {
    const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'async', '-c', '2', '-l', 'info'], { cwd })
    await worker.sees(/ready\./)
    const id = await call('proj.hold')
    await waitFor(() => log() === 'started\n')
    return { worker, id }
  }

  it('SIGTERM lets the running task end, and the command ends with 0', async () => {
    const { worker, id } = await holding()
    worker.signal('SIGTERM')
    await worker.sees(/Warm shutdown/)
    writeFileSync(join(cwd, 'go'), '')
    expect((await worker.ended).code).toBe(0)
    expect(log()).toBe('started\ndone\n')
    expect(await result(id)).toMatchObject({ status: 'SUCCESS', result: 'held' })
  })

  it('SIGINT likewise, with 1', async () => {
    const { worker } = await holding()
    worker.signal('SIGINT')
    await worker.sees(/Ctrl\+C again[^]*Warm shutdown/)
    writeFileSync(join(cwd, 'go'), '')
    expect((await worker.ended).code).toBe(1)
    expect(log()).toBe('started\ndone\n')
  })

  it('Ctrl+C also reaches child processes, which let the task end all the same', async () => {
    const worker = startCli(['-A', 'app.ts', 'worker', '-c', '1', '-l', 'info'], { cwd })
    await worker.sees(/ready\./)
    const id = await call('proj.hold')
    await waitFor(() => log() === 'started\n')
    worker.interrupt()
    await worker.sees(/Warm shutdown/)
    writeFileSync(join(cwd, 'go'), '')
    expect((await worker.ended).code).toBe(1)
    expect(await result(id)).toMatchObject({ status: 'SUCCESS', result: 'held' })
  })

  it('a second SIGINT cancels it and gives its message back', async () => {
    const { worker, id } = await holding()
    worker.signal('SIGINT')
    await worker.sees(/Warm shutdown/)
    worker.signal('SIGINT')
    await worker.sees(/Cold shutdown/)
    expect((await worker.ended).code).toBe(1)
    expect(log()).toBe('started\naborted\n')
    writeFileSync(join(cwd, 'go'), '')
    const next = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info'], { cwd })
    await next.sees(/ready\./)
    expect(await result(id)).toMatchObject({ status: 'SUCCESS', result: 'held' })
    expect(log()).toBe('started\naborted\nstarted\ndone\n')
    next.signal('SIGTERM')
    expect((await next.ended).code).toBe(0)
  })

  it('SIGTERM means SIGQUIT where REMAP_SIGTERM says so', async () => {
    const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'async', '-l', 'info'], {
      cwd,
      env: { REMAP_SIGTERM: 'SIGQUIT' },
    })
    await worker.sees(/ready\./)
    worker.signal('SIGTERM')
    await worker.sees(/Cold shutdown/)
    expect((await worker.ended).code).toBe(1)
  })
})

it('imports task modules that import the app', async () => {
  cwd = makeProject({
    'src/app.ts': `
      import { Celery } from 'celeriac'
      export const app: Celery = new Celery('proj', { include: ['./tasks.ts'] })`,
    'src/tasks.ts': `
      import { app } from './app.ts'
      app.task('proj.one', (): number => 1)`,
    'more.ts': `
      import { app } from './src/app.ts'
      app.task('proj.two', (): number => 2)`,
  })
  const worker = startCli(['-A', 'src/app.ts', 'worker', '-I', 'more', '-c', '1', '-l', 'info'], { cwd })
  await worker.sees(/\[tasks\]\n {2}\. proj\.one\n {2}\. proj\.two\n[^]*ready\./)
  const ids = await Promise.all(['proj.one', 'proj.two'].map((name) => runCli(['-A', 'src', 'call', name], { cwd })))
  const values = ids.map(({ stdout }) => runCli(['-A', 'src', 'result', stdout.trim(), '--timeout', '20'], { cwd }))
  expect((await Promise.all(values)).map(({ stdout }) => stdout)).toEqual(['1\n', '2\n'])
})

it('finds the app again in child processes, wherever it was made and whatever else is exported', async () => {
  cwd = makeProject({
    'factory.ts': `
      import { Celery } from 'celeriac'
      export const make = (name: string): Celery => new Celery(name)`,
    'apps.ts': `
      import { make } from './factory.ts'
      export const app = make('first')
      export const second = make('second')
      second.task('second.where', (): string => second.main)`,
  })
  const worker = startCli(['-A', 'apps.ts:second', 'worker', '-c', '1', '-l', 'info'], { cwd })
  await worker.sees(/ready\./)
  const { stdout: id } = await runCli(['-A', 'apps.ts:second', 'call', 'second.where'], { cwd })
  const { stdout } = await runCli(['-A', 'apps.ts:second', 'result', id.trim(), '--timeout', '20'], { cwd })
  expect(stdout).toBe('second\n')
})

it('--purge throws away what waits', async () => {
  await call('proj.add', '-a', '[1, 1]')
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info', '--purge'], { cwd })
  await worker.sees(/ready\./)
  const id = await call('proj.add', '-a', '[2, 2]')
  await result(id)
  worker.signal('SIGTERM')
  const { stdout, stderr } = await worker.ended
  expect((stdout + stderr).match(/proj\.add\[[^\]]+\] received/g)).toEqual([`proj.add[${id}] received`])
})

it('shares one copy of the package with the app, from TypeScript and JavaScript alike', async () => {
  cwd = makeProject({
    'src/helper.js': `export { Celery as Other } from 'celeriac'`,
    'src/app.ts': `
      import { Celery } from 'celeriac'
      import { Other } from './helper.js'
      const { Celery: own } = await import(${JSON.stringify(`file://${ROOT}/dist/index.js`)})
      console.log('one copy:', Celery === Other && Celery === own)
      export const jobs: Celery = new Celery('jobs')`,
  })
  const { code, stdout } = await runCli(['-A', 'src.app:jobs', 'report'], { cwd })
  expect(stdout).toContain('one copy: true')
  expect(stdout).toMatch(/app +-> jobs/)
  expect(code).toBe(0)
})

it('threads that are ended while they use the embedded store take nothing along', async () => {
  cwd = makeProject({
    'app.ts': `
      import { Celery } from 'celeriac'
      export const app = new Celery('proj')
      const note = app.task('proj.note', (): void => undefined)
      export const busy = app.task('proj.busy', { timeLimit: 0.2 }, async (): Promise<void> => {
        for (;;) await note.applyAsync([], { queue: 'notes' })
      })
      export const add = app.task('proj.add', (x: number, y: number): number => x + y)`,
  })
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'threads', '-c', '2', '-Q', 'celery', '-l', 'info'], { cwd })
  await worker.sees(/ready\./)
  const ids = await Promise.all(Array.from({ length: 6 }, () => call('proj.busy')))
  for (const id of ids) expect(await result(id)).toMatchObject({ result: { exc_type: 'TimeLimitExceeded' } })
  expect(await result(await call('proj.add', '--args', '[40, 2]'))).toMatchObject({ result: 42 })
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
