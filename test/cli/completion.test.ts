/** Completion in a real bash, as if somebody pressed the tab key. */
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { makeProject } from '../support/cli.ts'
import { ROOT } from '../support/sources.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj', { taskQueues: ['celery', 'lopri'] })
app.task('proj.add', (x: number, y: number) => x + y)
app.task('proj.mul', (x: number, y: number) => x * y)
`

/** Sets what bash sets when somebody has typed these words, calls what completes them, and prints what it finds. */
const PRESS_TAB = `
eval "$(celeriac completion bash)"
press() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  $(complete -p celeriac | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
  echo "\${COMPREPLY[*]}"
}
press celeriac mig
press celeriac -A app.ts call proj.
press celeriac -A app.ts purge --queues ''
press celeriac call --count
press celeriac -A ''
`

it('completes commands, tasks, queues and options', { timeout: 60_000 }, async () => {
  const cwd = makeProject({ 'app.ts': APP })
  mkdirSync(join(cwd, 'bin'))
  const command = join(cwd, 'bin/celeriac')
  writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, 'bin/celeriac.js')} "$@"\n`)
  chmodSync(command, 0o755)
  const env = { ...process.env, PATH: `${join(cwd, 'bin')}:${process.env['PATH'] ?? ''}` }
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', PRESS_TAB], { cwd, env })
  expect(stdout.split('\n')).toEqual(['migrate', 'proj.add proj.mul', 'celery lopri', '--countdown', '', ''])
})
