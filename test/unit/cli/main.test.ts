import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { ConnectionError } from '../../../src/errors.ts'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp(sendTask: () => Promise<unknown>) {
  return { conf: { update: vi.fn() }, worker: vi.fn(), sendTask, close: vi.fn(() => Promise.resolve()) }
}

const COMMANDS = [
  ...['worker', 'call', 'result', 'status', 'purge', 'list', 'migrate', 'graph', 'logtool', 'amqp', 'shell', 'upgrade'],
  ...['report', 'completion'],
]

describe('help', () => {
  it('is shown when there is no command', async () => {
    const { code, stdout } = await runCommandLine([])
    expect(code).toBe(0)
    for (const command of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    }
    expect(stdout).toMatch(/Examples:\n.*\$ celeriac -A app\.ts worker/)
  })

  it.each(COMMANDS)('of %s ends with examples', async (name) => {
    const { code, stdout } = await runCommandLine([name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`Usage: celeriac ${name}[^]*Examples:\n.*\\$ celeriac .*${name}`))
    expect((await runCommandLine(['help', name])).stdout).toBe(stdout)
  })
})

describe('--version', () => {
  it('is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(await runCommandLine(['--version'])).toMatchObject({ code: 0, stdout: `${String(version)}\n` })
  })
})

describe('a wrong command line', () => {
  it.each([
    [['wroker'], /unknown command 'wroker'\n\(Did you mean worker\?\)/],
    [['call', 't', '--coutndown', '1'], /unknown option '--coutndown'\n\(Did you mean --countdown\?\)/],
    [['call'], /missing required argument 'task'/],
    [['call', 'a', 'b'], /too many arguments/],
    [['-A'], /argument missing/],
  ])('%j ends with 2 and a hint', async (argv, message) => {
    const { code, stdout, stderr } = await runCommandLine(argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/^Error: /)
    expect(stderr).toContain('--help shows what there is')
  })
})

describe('global options', () => {
  it('may stand before and after the command', async () => {
    const app = fakeApp(() => Promise.resolve({ id: 'x' }))
    for (const argv of [
      ['-b', 'redis://h', 'call', 't'],
      ['call', '-b', 'redis://h', 't'],
      ['call', 't', '--broker=redis://h'],
    ]) {
      expect(await runCommandLine(argv, { app })).toMatchObject({ code: 0, stdout: 'x\n' })
      expect(app.conf.update).toHaveBeenLastCalledWith({ brokerUrl: 'redis://h' })
    }
  })
})

describe('a command that fails', () => {
  it('ends with 69 where the broker cannot be reached, and closes the app', async () => {
    const app = fakeApp(() => Promise.reject(new ConnectionError('Cannot connect to redis://h: refused')))
    const { code, stderr } = await runCommandLine(['call', 't'], { app })
    expect([code, stderr]).toEqual([69, 'Error: Cannot connect to redis://h: refused\n'])
    expect(app.close).toHaveBeenCalledOnce()
  })

  it('ends with 1 and shows where, for errors that nobody expected', async () => {
    const app = fakeApp(() => Promise.reject(new TypeError('oops')))
    const { code, stderr } = await runCommandLine(['call', 't'], { app })
    expect(code).toBe(1)
    expect(stderr).toMatch(/Error: TypeError: oops\n {4}at .*main\.test\.ts/)
  })
})
