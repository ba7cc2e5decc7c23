import { beforeEach, describe, expect, it } from 'vitest'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Celery } from '../../../src/celery.ts'
import { main } from '../../../src/cli/main.ts'
import { FakeProcess } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let app: Celery
let cwd: string

beforeEach(() => {
  app = new Celery('proj', { broker: 'memory://', backend: 'memory://' })
  app.task('proj.add', (x: number, y: number) => x + y)
  app.task('proj.one.twin', () => 1)
  app.task('proj.two.twin', () => 2)
  app.task('proj.chain', () => 'not the work-flow')
  app.task('proj.not-a-name', () => 'not a name')
  app.task('proj.process', () => 'not the global')
  cwd = temporaryDirectory()
  Object.assign(globalThis, { [`shell app ${cwd}`]: app })
  writeFileSync(join(cwd, 'app.mjs'), `export const app = globalThis[${JSON.stringify(`shell app ${cwd}`)}]`)
})

/** Run this program; what it answers with `tell` comes back. */
async function run(program: string, ...argv: readonly string[]) {
  const told: unknown[] = []
  const process = new FakeProcess({ cwd })
  const input = process.stdin as NodeJS.ReadableStream & NodeJS.WritableStream
  const key = `shell test ${cwd}`
  Object.assign(globalThis, { [key]: (value: unknown) => told.push(value) })
  input.end(`const tell = globalThis[${JSON.stringify(key)}]\n${program}`)
  const code = await main(['-A', 'app.mjs', 'shell', ...argv], process)
  return { code, told, stdout: process.stdout.text, stderr: process.stderr.text }
}

describe('a program on standard input', () => {
  it('has the app, its tasks and the work-flows', async () => {
    const { code, told, stderr } = await run(`
      tell(await add(2, 2))
      tell(app === celery && app.main)
      tell([chain, group, chord, chunks, xmap, starmap].every((each) => typeof each === 'function'))
      tell(signature('proj.add', [1, 2]).task)
      tell((await add.delay(1, 2)).id.length)
    `)
    expect([code, stderr]).toEqual([0, ''])
    expect(told).toEqual([4, 'proj', true, 'proj.add', 36])
  })

  it('does not have tasks whose short names would be a trap', async () => {
    const { told } = await run(`
      tell(typeof twin)
      tell(chain.name)
      tell(process.pid)
    `)
    expect(told).toEqual(['undefined', 'chain', process.pid])
  })

  it('does without tasks', async () => {
    expect((await run('tell(typeof add)', '-T')).told).toEqual(['undefined'])
  })

  it.each([
    ['nope()', /nope is not defined/],
    ['await Promise.reject(new RangeError("late"))', /RangeError: late/],
    ['(', /SyntaxError/],
  ])('ends with 1 when it fails: %s', async (program, message) => {
    const { code, stderr } = await run(program)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })
})
