/** The shell as a person sees it: on a terminal, which `script` makes. */
import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { makeProject } from '../support/cli.ts'
import { ROOT } from '../support/sources.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj')
app.task('proj.add', (x: number, y: number) => x + y)
`

it.skipIf(!existsSync('/usr/bin/script'))('awaits, keeps names, shows errors and remembers', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const history = join(cwd, 'history')
  const command = `${process.execPath} ${join(ROOT, 'bin/celeriac.js')} -A app.ts --no-color shell`
  const terminal = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { ...process.env, CELERIAC_HISTORY: history, TERM: 'dumb', NODE_DISABLE_COLORS: '1' },
  })
  onTestFinished(() => void terminal.kill('SIGKILL'))
  const ended = new Promise((resolve) => terminal.once('close', resolve))
  let printed = ''
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const sees = (text: string) =>
    waitFor(() => printed.includes(text), { what: `"${text}"`, timeoutMs: 15_000 }).catch(() => {
      expect.fail(`no "${text}" in:\n${printed}`)
    })
  const type = (line: string): void => void terminal.stdin.write(`${line}\n`)
  await sees('> ')
  expect(printed).toMatch(/app proj, broker sqlite.*\r\nAt hand: app, celery, chain, .*, add/)
  type('const sum = await add(300, 4)')
  type('sum * 100')
  await sees('30400')
  type('nope()')
  await sees('nope is not defined')
  type('new Date(0) instanceof app.constructor.constructor("return Date")()')
  await sees('true')
  type('.exit')
  expect(await ended).toBe(0)
  expect(readFileSync(history, 'utf8')).toContain('sum * 100')
})

it("keeps Node's domains, which slow down all that a process does, out of the other commands", async () => {
  const program = `await import('${join(ROOT, 'dist/cli/main.js')}'); console.log(process.moduleLoadList.join('\\n'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  expect(stdout.split('\n').filter((name) => /\b(domain|repl)$/.test(name))).toEqual([])
})
