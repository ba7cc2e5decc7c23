/** `celeriac worker --detach`, pidfiles and users, as an operator has them: real processes on Linux. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import type { CliResult } from '../support/cli.ts'
import { killDaemonsIn, pidIn, runs } from '../support/daemons.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj')
export const add = app.task('proj.add', (x: number, y: number): number => x + y)
`

let cwd: string

beforeEach(() => {
  cwd = makeProject({ 'app.ts': APP })
  killDaemonsIn(cwd)
})

const DAEMON = ['worker', '-P', 'solo', '-l', 'info', '-n', 'w1@%h', '-D', '-f', '%n.log', '--pidfile', '%n.pid']

function celeriac(...args: string[]): Promise<CliResult> {
  return runCli(['-A', 'app.ts', ...args], { cwd })
}

const pid = (): number | undefined => pidIn(join(cwd, 'w1.pid'))
const log = (): string => readFileSync(join(cwd, 'w1.log'), 'utf8')

/** The fields of /proc/PID/stat behind the name: state, parent, group, session, terminal. */
function statOf(id: number): string[] {
  return readFileSync(`/proc/${String(id)}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
}

describe('--detach', () => {
  it('is a daemon that is up when the command ends, in a session of its own, and runs once', async () => {
    const started = await celeriac(...DAEMON, '--umask', '027')
    expect([started.code, started.stdout]).toEqual([0, ''])
    const id = pid() ?? 0
    expect(started.stderr).toMatch(new RegExp(`^w1@\\S+ is up \\(process ${String(id)}\\)\\n$`))
    expect(log()).toContain('ready.')
    const [, , , session, terminal] = statOf(id)
    expect([session, terminal]).toEqual([String(id), '0'])
    expect(readFileSync(`/proc/${String(id)}/cmdline`, 'utf8')).toMatch(/^celeriac worker: w1@/)
    expect(readFileSync(`/proc/${String(id)}/status`, 'utf8')).toMatch(/Umask:\s+0027/)

    const again = await celeriac(...DAEMON)
    expect(again.code).toBe(73)
    expect(again.stderr).toMatch(new RegExp(`^Error: The pidfile .*w1\\.pid belongs to process ${String(id)}`))

    const { stdout: task } = await celeriac('call', 'proj.add', '-a', '[2, 3]')
    expect((await celeriac('result', task.trim(), '--timeout', '20')).stdout).toBe('5\n')
    process.kill(id, 'SIGTERM')
    await waitFor(() => !runs(id))
    expect(existsSync(join(cwd, 'w1.pid'))).toBe(false)
  })

  it('takes over after a kill, reports on SIGUSR1, and starts again on SIGHUP', async () => {
    await celeriac(...DAEMON)
    const killed = pid() ?? 0
    process.kill(killed, 'SIGKILL')
    await waitFor(() => !runs(killed))
    expect((await celeriac(...DAEMON)).code).toBe(0)
    const second = pid() ?? 0
    process.kill(second, 'SIGUSR1')
    await waitFor(() => /Process \d+, up .*\nRunning: 0\n/.test(log()))
    process.kill(second, 'SIGHUP')
    await waitFor(() => !runs(second) && pid() !== undefined && pid() !== second)
    const third = pid() ?? 0
    await waitFor(() => log().split('ready.').length === 4)
    process.kill(third, 'SIGTERM')
    await waitFor(() => !runs(third))
  })

  it.each([
    [
      'code that does not load',
      () => {
        writeFileSync(join(cwd, 'app.ts'), 'throw new Error("broken")')
      },
      /broken/,
      1,
    ],
    [
      'a log that cannot be written',
      () => {
        writeFileSync(join(cwd, 'w1.log'), '')
        return ['-f', 'w1.log/x']
      },
      /The log file .* cannot be opened/,
      1,
    ],
    ['options that are wrong', () => ['-c', 'many'], /whole number/, 2],
    [
      'a crash',
      () => {
        writeFileSync(join(cwd, 'app.ts'), 'process.exit(9)')
      },
      /ended \(exit code 9\) before it was up/,
      1,
    ],
  ])('says what keeps the daemon from starting: %s', async (_name, prepare, message, code) => {
    const { stderr, code: exitCode } = await celeriac(...DAEMON, ...(prepare() ?? []))
    expect(stderr).toMatch(message)
    expect(exitCode).toBe(code)
    expect(pid()).toBeUndefined()
  })
})

it('a pidfile goes in front, too, whatever the end', async () => {
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info', '--pidfile', 'w1.pid'], { cwd })
  await worker.sees(/ready\./)
  expect(pid()).toBe(worker.pid)
  worker.signal('SIGINT')
  worker.signal('SIGQUIT')
  worker.signal('SIGQUIT')
  expect((await worker.ended).code).toBe(1)
  expect(pid()).toBeUndefined()
})

it('SIGHUP does not end a worker in front that has no terminal, and says why', async () => {
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info'], { cwd })
  await worker.sees(/ready\./)
  worker.signal('SIGHUP')
  await worker.sees(/SIGHUP restarts a worker with --detach only/)
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})

describe.skipIf(process.getuid?.() !== 0)('as root', () => {
  it('--uid becomes that user, before any code of the app runs', async () => {
    for (const folder of ['..', '.', 'node_modules']) chmodSync(join(cwd, folder), 0o777)
    writeFileSync(
      join(cwd, 'app.ts'),
      `${APP}console.log('loaded by', process.getuid?.(), process.getgroups?.().join())`,
    )
    const args = ['worker', '-P', 'solo', '-l', 'info', '--uid', '12345', '--gid', '12346', '-b', 'memory://']
    const worker = startCli(['-A', 'app.ts', ...args, '--result-backend', 'memory://'], { cwd })
    await worker.sees(/loaded by 12345 12346\n[^]*ready\./)
    expect(readFileSync(`/proc/${String(worker.pid)}/status`, 'utf8')).toMatch(/Uid:\s+12345\s+12345\s+12345/)
    worker.signal('SIGTERM')
    await worker.ended
  })

  it('pickle is refused, unless forced', async () => {
    writeFileSync(join(cwd, 'app.ts'), APP.replace(`'proj'`, `'proj', { acceptContent: ['json', 'pickle'] }`))
    const { code, stderr } = await celeriac('worker', '-P', 'solo')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/does not run as root: leave pickle out/)])
    const forced = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info'], { cwd, env: { C_FORCE_ROOT: '1' } })
    await forced.sees(/ready\./)
  })
})
