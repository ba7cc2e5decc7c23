/** What the compiler says of a user's calls, with the package as it was built. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { makeProject } from './support/cli.ts'
import { ROOT } from './support/sources.ts'

const TSCONFIG = JSON.stringify({
  compilerOptions: { module: 'NodeNext', strict: true, noEmit: true, skipLibCheck: true, types: [] },
  files: ['calls.ts'],
})
const APP = `
import { Celery } from 'celeriac'
const app = new Celery('proj')
const add = app.task('proj.add', (x: number, y: number) => x + y)
`

/** What `npx tsc --noEmit` prints; empty when it is content. */
async function compile(calls: string): Promise<string> {
  const cwd = makeProject({ 'tsconfig.json': TSCONFIG, 'calls.ts': APP + calls })
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  return promisify(execFile)(process.execPath, [tsc, '-p', '.'], { cwd }).then(
    () => '',
    (error: unknown) => (error as { stdout: string }).stdout,
  )
}

it('lets right calls pass', async () => {
  expect(await compile('export const sum: Promise<number> = add.delay(1, 2).then((result) => result.get())\n')).toBe('')
})

it('refuses wrong argument types', async () => {
  const errors = await compile("void add.delay('a', 2)\nvoid add.delay(1)\n")
  expect(errors).toMatch(/calls\.ts\(5,\d+\): error TS2345: Argument of type 'string'/)
  expect(errors).toMatch(/calls\.ts\(6,\d+\): error TS2554: Expected 2 arguments/)
})
