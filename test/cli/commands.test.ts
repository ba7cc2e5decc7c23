/** The other commands, as a user runs them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'

const APP = `
import { existsSync } from 'node:fs'
import { Celery } from 'celeriac'
export const app: Celery = new Celery('proj')
class TooFar extends Error {}
app.task('proj.fail', (): void => { throw new TooFar('by a mile') })
app.task('proj.block', (): void => { for (const end = Date.now() + 60_000; Date.now() < end && !existsSync('go on'); ); })
`

let cwd: string

beforeEach(() => {
  cwd = makeProject({ 'app.ts': APP, 'package.json': '{ "type": "module", "celeriac": { "app": "app.ts" } }' })
})

it('status and inspect answer while a task blocks the only child, and status ends with 69 where nobody is', async () => {
  expect(await runCli(['status', '-t', '0.2'], { cwd })).toMatchObject({ code: 69, stdout: '' })
  const worker = startCli(['worker', '-c', '1', '-l', 'info', '-n', 'w1@here'], { cwd })
  await worker.sees(/ready\./)
  await runCli(['call', 'proj.block'], { cwd })
  await worker.sees(/proj\.block\[.*\] received/)
  try {
    const { code, stdout } = await runCli(['status', '-d', 'w1@here', '-t', '10'], { cwd })
    expect([code, stdout]).toEqual([0, '->  w1@here: OK\n\n1 node online.\n'])
    const active = await runCli(['inspect', 'active', '-d', 'w1@here', '-t', '10', '--json'], { cwd })
    expect(JSON.parse(active.stdout)).toMatchObject({
      'w1@here': [{ name: 'proj.block', worker_pid: expect.any(Number) }],
    })
  } finally {
    writeFileSync(join(cwd, 'go on'), '')
  }
  await worker.sees(/proj\.block\[.*\] succeeded/)
})

it('purge empties the queues', async () => {
  for (const _ of [1, 2]) expect((await runCli(['call', 'proj.x'], { cwd })).code).toBe(0)
  expect(await runCli(['purge'], { cwd })).toMatchObject({ code: 1, stdout: '' })
  const first = await runCli(['purge', '--force'], { cwd })
  expect(first).toMatchObject({ code: 0, stdout: 'Purged 2 messages from 1 known task queue.\n', stderr: '' })
  const second = await runCli(['purge', '--force'], { cwd })
  expect(second.stdout).toBe('No messages purged from 1 queue\n')
})

it('list bindings names queues, exchanges and keys', async () => {
  await runCli(['call', 'proj.x'], { cwd })
  const { code, stdout } = await runCli(['list', 'bindings'], { cwd })
  expect([code, stdout]).toEqual([0, 'celery\tcelery\tcelery\n'])
})

it('report masks passwords', async () => {
  const { code, stdout } = await runCli(['report', '-b', 'redis://me:hush@h/1'], { cwd })
  expect(code).toBe(0)
  expect(stdout).toMatch(/software -> celeriac:\d/)
  expect(stdout).toContain('transport:redis')
  expect(stdout).not.toContain('hush')
})

it('result ends with 1 when the task failed, and shows its traceback', async () => {
  const worker = startCli(['worker', '-P', 'solo', '-l', 'info'], { cwd })
  await worker.sees(/ready\./)
  const id = (await runCli(['call', 'proj.fail'], { cwd })).stdout.trim()
  const { code, stderr } = await runCli(['result', id, '--timeout', '20'], { cwd })
  expect(code).toBe(1)
  expect(stderr).toMatch(/ended as FAILURE\. TooFar: by a mile/)
  const { stdout } = await runCli(['result', id, '--traceback'], { cwd })
  expect(stdout).toMatch(/Error: by a mile\n +at .*app\.ts:6/)
})

it('works without an app where a broker is enough', async () => {
  const { code, stdout } = await runCli(['call', 'elsewhere.task', '-b', 'sqlite:///other.db', '--json'], {
    cwd: makeProject({}),
  })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
})

describe('an app that cannot be loaded', () => {
  it.each([
    [['-A', 'ap.ts', 'report'], /no file .*ap\.ts; did you mean "app\.ts"\?/],
    [['-A', 'app.ts:ap', 'report'], /app\.ts has no export "ap"; did you mean "app"\?/],
    [['-A', 'bad.ts', 'report'], /bad\.ts could not be loaded\. RangeError: boom\n +at .*bad\.ts:3/],
    [['-A', 'syntax.mjs', 'report'], /syntax\.mjs could not be loaded\. SyntaxError[^]*syntax\.mjs:2/],
  ])('%j says why, without our own stack', async (argv, message) => {
    cwd = makeProject({
      'app.ts': APP,
      'bad.ts': 'interface X {}\n\nthrow new RangeError("boom")\n',
      'syntax.mjs': 'const x = (\nconst y = 1\n',
    })
    const { code, stdout, stderr } = await runCli(argv, { cwd })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/dist\/|node:internal|jiti/)
  })
})
