/** The log of `celeriac worker` as an operator has it: files, JSON, rotation, a full disk. */
import { existsSync, openSync, closeSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'
import { waitFor } from '../support/wait-for.ts'

const APP = `
import { Celery } from 'celeriac'
export const app = new Celery('proj')
export const say = app.task('proj.say', { bind: true }, (self, text: string): string => {
  console.log('printed ' + text)
  self.log.info('logged ' + text)
  app.logger.warning('by the app: ' + text)
  return text
})
export const fail = app.task('proj.fail', (): void => { throw new TypeError('on purpose') })
`

async function call(cwd: string, ...args: string[]): Promise<void> {
  const { stderr } = await runCli(['-A', 'app.ts', 'call', ...args], { cwd })
  expect(stderr).toBe('')
}

it('goes to a file that follows its name, with what child processes log and print', async () => {
  const cwd = makeProject({ 'app.ts': APP })
  const options = ['-c', '1', '-l', 'info', '-n', 'w1@%h', '-f', '%n%I.log', '--log-format', 'json']
  const worker = startCli(['-A', 'app.ts', 'worker', ...options], { cwd })
  const lines = (name: string): Record<string, unknown>[] =>
    existsSync(join(cwd, name))
      ? readFileSync(join(cwd, name), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
      : []
  const find = (name: string, part: string): Record<string, unknown> | undefined =>
    lines(name).find(({ message }) => String(message).includes(part))
  await waitFor(() => find('w1.log', 'ready.'))
  await call(cwd, 'proj.say', '-a', '["hello"]')
  await call(cwd, 'proj.fail')
  await waitFor(() => find('w1.log', 'raised unexpected'))
  expect(find('w1.log', 'ready.')).toMatchObject({ level: 'INFO', process: 'MainProcess' })
  expect(find('w1.log', 'printed hello')).toMatchObject({ level: 'WARNING', process: 'ForkPoolWorker-1' })
  const logged = find('w1.log', 'logged hello')
  expect(logged).toMatchObject({ level: 'INFO', process: 'ForkPoolWorker-1', task: 'proj.say' })
  expect(find('w1.log', 'by the app: hello')).toMatchObject({ level: 'WARNING', message: 'by the app: hello' })
  expect(find('w1.log', 'succeeded')).toMatchObject({ task: 'proj.say', taskId: logged?.['taskId'] })
  expect(find('w1.log', 'raised unexpected')).toMatchObject({ level: 'ERROR', task: 'proj.fail' })

  renameSync(join(cwd, 'w1.log'), join(cwd, 'w1.log.1'))
  worker.signal('SIGUSR2')
  await waitFor(() => existsSync(join(cwd, 'w1.log')))
  await call(cwd, 'proj.say', '-a', '["again"]')
  await waitFor(() => find('w1.log', 'succeeded'))
  worker.signal('SIGTERM')
  const { code, stderr } = await worker.ended
  expect([code, stderr]).toEqual([0, ''])
  expect(find('w1.log', 'Warm shutdown')).toBeDefined()
})

it.each([['a log file'], ['standard error']])('on a full disk, as %s, keeps no task from running', async (where) => {
  const cwd = makeProject({ 'app.ts': APP })
  const full = openSync('/dev/full', 'w')
  const worker = startCli(
    ['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info', ...(where === 'a log file' ? ['-f', '/dev/full'] : [])],
    { cwd, ...(where === 'standard error' && { stdout: full, stderr: full }) },
  )
  closeSync(full)
  const { stdout: id } = await runCli(['-A', 'app.ts', 'call', 'proj.say', '-a', '["hello"]'], { cwd })
  const { stdout } = await runCli(['-A', 'app.ts', 'result', id.trim(), '--timeout', '20'], { cwd })
  expect(stdout).toBe('hello\n')
  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
