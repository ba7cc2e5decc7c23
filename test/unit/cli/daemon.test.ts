import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Daemon, detach, replaceDaemon } from '../../../src/cli/daemon.ts'
import { Output } from '../../../src/cli/output.ts'
import { FakeProcess } from '../../support/command-line.ts'
import { waitFor } from '../../support/wait-for.ts'
import { existsSync } from 'node:fs'

/** Runs a program as the daemon of `celeriac x`; what it is told is in its environment. */
async function run(program: string, executable?: string) {
  const process = new FakeProcess()
  const script = join(process.cwd(), 'daemon.mjs')
  writeFileSync(
    script,
    `import fs from 'node:fs'
     const tell = (news) => fs.writeSync(Number(process.env.CELERIAC_DAEMON), JSON.stringify(news) + '\\n')
     ${program}`,
  )
  const line = { argv: ['node', script, 'x'], execArgv: [], env: {} }
  const output = new Output({ stdout: process.stdout, stderr: process.stderr, color: false, quiet: false })
  const code = await detach({ process: line, output, startFolder: process.cwd() }, executable)
  return { code, text: process.stderr.text, folder: process.cwd(), line }
}

describe('detach', () => {
  it('ends when the daemon is ready, and tells who it is', async () => {
    const { code, text } = await run(`
      tell({ kind: 'started', hostname: 'w1@here', logs: false })
      tell({ kind: 'ready' })`)
    expect(code).toBe(0)
    expect(text).toMatch(/^w1@here is up \(process \d+\)\nIt has no --logfile/)
  })

  it('is run by another Node.js where one is named', async () => {
    expect(await run('', '/no/node')).toMatchObject({ code: 1, text: expect.stringContaining('/no/node') })
  })

  it('says why it is not up', async () => {
    expect(await run(`tell({ kind: 'failed', text: 'no broker', exitCode: 69 })`)).toMatchObject({
      code: 69,
      text: 'Error: no broker\n',
    })
    expect(await run(`process.exit(9)`)).toMatchObject({ code: 1, text: expect.stringContaining('exit code 9') })
    const later = await run(`tell({ kind: 'started', hostname: 'w1@here', logs: true }); process.exit(8)`)
    expect(later).toMatchObject({ code: 1, text: expect.stringContaining('exit code 8') })
  })
})

describe('replaceDaemon', () => {
  it('starts the same command line where it was typed, with nobody listening', async () => {
    const process = new FakeProcess()
    const script = join(process.cwd(), 'again.mjs')
    writeFileSync(
      script,
      `import fs from 'node:fs'; fs.writeFileSync('seen', process.argv[2] + process.env.CELERIAC_DAEMON)`,
    )
    replaceDaemon({ process: { argv: ['node', script, 'x'], execArgv: [], env: {} }, startFolder: process.cwd() })
    await waitFor(() => existsSync(join(process.cwd(), 'seen')))
  })
})

describe('Daemon', () => {
  it('is one where the environment says so, once', () => {
    const env = { CELERIAC_DAEMON: '' }
    const daemon = Daemon.from(env)
    expect(env).toEqual({})
    expect(Daemon.from(env)).toBeUndefined()
    daemon?.started('w1@here', true)
    daemon?.failed('nobody listens', 1)
    daemon?.ready()
  })

  it('goes on where nobody reads any more', () => {
    const daemon = Daemon.from({ CELERIAC_DAEMON: '987' })
    expect(() => daemon?.started('w1@here', true)).not.toThrow()
  })
})
