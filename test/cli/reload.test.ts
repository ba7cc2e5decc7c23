/** `celeriac worker --reload`: what is on disk is what runs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeProject, runCli, startCli } from '../support/cli.ts'

const app = (value: number): string => `
import { Celery } from 'celeriac'
export const app = new Celery('proj', { include: ['./src/tasks.ts'] })
app.task('proj.value', (): number => ${String(value)})
`
const tasks = (value: number): string => `
import { app } from '../app.ts'
app.task('proj.other', (): number => ${String(value)})
`

it('starts again with what has changed, and after code that did not load', async () => {
  const cwd = makeProject({ 'app.ts': app(1), 'src/tasks.ts': tasks(1) })
  const run = async (task: string): Promise<string> => {
    const { stdout: id } = await runCli(['-A', 'app.ts', 'call', task], { cwd })
    return (await runCli(['-A', 'app.ts', 'result', id.trim(), '--timeout', '20'], { cwd })).stdout
  }
  const worker = startCli(['-A', 'app.ts', 'worker', '-P', 'solo', '-l', 'info', '--reload'], { cwd })
  await worker.sees(/ready\./)
  expect(await run('proj.value')).toBe('1\n')

  writeFileSync(join(cwd, 'src/tasks.ts'), tasks(2))
  await worker.sees(/src\/tasks\.ts has changed: restarting[^]*ready\./)
  expect(await run('proj.other')).toBe('2\n')

  writeFileSync(join(cwd, 'app.ts'), 'export const app = ] broken')
  await worker.sees(/app\.ts has changed[^]*app\.ts could not be loaded[^]*starts again when a file changes/)
  writeFileSync(join(cwd, 'app.ts'), app(3))
  await worker.sees(/starts again when a file changes[^]*ready\./)
  expect(await run('proj.value')).toBe('3\n')

  worker.signal('SIGTERM')
  expect((await worker.ended).code).toBe(0)
})
