import { beforeEach, describe, expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { main } from '../../../src/cli/main.ts'
import { FakeProcess, runCommandLine } from '../../support/command-line.ts'
import { temporaryFile } from '../../support/sqlite.ts'
import { waitFor } from '../../support/wait-for.ts'

let source: string
let destination: string

beforeEach(async () => {
  source = `sqlite:///${temporaryFile()}`
  destination = `sqlite:///${temporaryFile()}`
  await send('proj.a', 'proj.b', 'proj.a')
})

async function send(...names: readonly string[]): Promise<void> {
  const app = new App('proj', { broker: source })
  for (const name of names) await app.sendTask(name)
  await app.close()
}

describe('migrate', () => {
  it('copies, and says so', async () => {
    const { code, stdout, stderr } = await runCommandLine(['migrate', '-t', '0', source, destination])
    expect([code, stdout, stderr]).toEqual([0, 'Copied 3 messages.\n', ''])
  })

  it('moves tasks of a name', async () => {
    const first = await runCommandLine(['migrate', '-a', '-t', '0', '-T', 'proj.a', source, destination])
    expect(first.stdout).toBe('Moved 2 messages, 1 other left where they were.\n')
    const second = await runCommandLine(['migrate', '-a', '-t', '0', source, destination])
    expect(second.stdout).toBe('Moved 1 message.\n')
  })

  it('tells of what is left', async () => {
    const { stderr } = await runCommandLine(['migrate', '-a', '-n', '1', source, destination])
    expect(stderr).toBe('2 messages more at the source.\n')
  })

  it('prints JSON for programs', async () => {
    const { stdout } = await runCommandLine(['migrate', '-t', '0', '-Q', 'celery:new', '--json', source, destination])
    expect(JSON.parse(stdout)).toEqual({
      moved: 3,
      skipped: 0,
      total: 3,
      remaining: 3,
      aborted: false,
      refused: [],
    })
  })

  it.each([
    ['SIGINT', [], 1],
    ['SIGTERM', ['--forever'], 0],
  ])('ends in order with %s', async (signal, options, expected) => {
    const process = new FakeProcess()
    const ended = main(['migrate', '-a', '-t', '60', ...options, source, destination], process)
    await waitFor(() => process.listenerCount('SIGINT') > 0, { what: 'the command to listen to signals' })
    process.emit(signal)
    expect(await ended).toBe(expected)
    expect(process.listenerCount('SIGINT')).toBe(0)
  })

  it('ends with 69 where a broker cannot be reached', async () => {
    const { code, stderr } = await runCommandLine(['migrate', source, 'redis://127.0.0.1:1'])
    expect(code).toBe(69)
    expect(stderr).toContain('redis://127.0.0.1:1')
  })
})
