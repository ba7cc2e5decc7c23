import { beforeEach, describe, expect, it } from 'vitest'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Celery } from '../../../src/celery.ts'
import { runCommandLine } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let cwd: string

beforeEach(() => {
  const app = new Celery('proj', { broker: 'memory://', taskQueues: ['celery', 'lopri'] })
  app.task('proj.add', () => 1)
  app.task('proj.mul', () => 1)
  app.addPeriodicTask('@daily', app.signature('proj.add'), { name: 'nightly' })
  cwd = temporaryDirectory()
  Object.assign(globalThis, { [`completion app ${cwd}`]: app })
  writeFileSync(join(cwd, 'app.mjs'), `export const app = globalThis[${JSON.stringify(`completion app ${cwd}`)}]`)
})

/** What may stand for the last of these words. */
async function complete(...words: readonly string[]): Promise<string[]> {
  const { code, stdout } = await runCommandLine(['completion', 'words', '--', ...words], { cwd })
  expect(code).toBe(0)
  return stdout.split('\n').filter((line) => line !== '')
}

describe('completion words', () => {
  it('names commands, but no hidden ones', async () => {
    expect(await complete('')).toEqual(expect.arrayContaining(['worker', 'call', 'help', 'completion']))
    expect(await complete('pu')).toEqual(['purge'])
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
    expect(await complete('-A', 'app.mjs', 'li')).toEqual(['list'])
    expect(await complete('list', '')).toContain('bindings')
  })

  it('names options, global ones too', async () => {
    expect(await complete('purge', '--')).toEqual(
      expect.arrayContaining(['--help', '--force', '--queues', '--json', '--app', '--broker']),
    )
    expect(await complete('purge', '--fo')).toEqual(['--force'])
    expect(await complete('--work')).toEqual(['--workdir'])
  })

  it('names tasks and queues of the app', async () => {
    expect(await complete('-A', 'app.mjs', 'call', 'proj.')).toEqual(['proj.add', 'proj.mul'])
    expect(await complete('call', '-A', 'app.mjs', 'proj.m')).toEqual(['proj.mul'])
    expect(await complete('-A', 'app.mjs', 'purge', '-Q', '')).toEqual(['celery', 'lopri'])
    expect(await complete('-A', 'app.mjs', 'purge', '-Q', 'celery,l')).toEqual(['celery,lopri'])
    expect(await complete('-A', 'app.mjs', 'call', 'proj.add', '--queue', 'l')).toEqual(['lopri'])
  })

  it("names entries of beat's timetable, and tasks for new ones", async () => {
    const beat = ['-A', 'app.mjs', 'beat']
    expect(await complete(...beat, '')).toEqual(expect.arrayContaining(['list', 'add', 'pause']))
    expect(await complete(...beat, 'pause', 'ni')).toEqual(['nightly'])
    expect(await complete(...beat, 'run', '')).toEqual(['nightly'])
    expect(await complete(...beat, 'add', 'ping', 'proj.')).toEqual(['proj.add', 'proj.mul'])
    expect(await complete(...beat, 'add', '')).toEqual([])
  })

  it('names values and commands of AMQP', async () => {
    expect(await complete('worker', '-l', 'WA')).toEqual(['WARNING'])
    expect(await complete('amqp', 'queue.d')).toEqual(['queue.declare', 'queue.delete'])
  })

  it('leaves the rest to the shell', async () => {
    expect(await complete('-A', '')).toEqual([])
    expect(await complete('call', 'proj.add', '')).toEqual([])
    expect(await complete('-A', 'nowhere.ts', 'call', '')).toEqual([])
  })
})

it.each(['bash', 'zsh', 'fish'])('there is a script for %s', async (shell) => {
  const { code, stdout } = await runCommandLine(['completion', shell])
  expect(code).toBe(0)
  expect(stdout).toContain('celeriac completion words -- ')
})

it('there is none for others', async () => {
  expect(await runCommandLine(['completion', 'csh'])).toMatchObject({ code: 2 })
})
