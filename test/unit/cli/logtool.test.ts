import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const LOG = [
  '[2026-11-21 10:00:00,000: INFO/MainProcess] celery@here ready.',
  '[2026-11-21 10:00:00,001: INFO/MainProcess] Task proj.add[1] received',
  '[2026-11-21 10:00:00,002: INFO/ForkPoolWorker-1] Task proj.add[1] succeeded in 0.1s: 4',
  '[2026-11-21 10:00:00,003: INFO/MainProcess] Task proj.fail[2] received',
  "[2026-11-21 10:00:00,004: ERROR/ForkPoolWorker-1] Task proj.fail[2] raised unexpected: KeyError('a')",
  'Traceback (most recent call last):',
  "KeyError: 'a'",
  '[2026-11-21 10:00:00,005: INFO/MainProcess] Task proj.add[3] received',
]

let log: string

beforeEach(() => {
  log = join(temporaryDirectory(), 'worker.log')
  writeFileSync(log, LOG.map((line) => `${line}\n`).join(''))
})

describe('logtool', () => {
  it.each([
    ['traces', LOG.slice(4, 7)],
    ['errors', LOG.slice(4, 5)],
    ['incomplete', ['Did not complete: proj.add[3]']],
    ['debug', LOG.slice(0, 1)],
    [
      'stats',
      [
        ...['Report', '======', 'Task total: 3', 'Task errors: 1', 'Task success: 1', 'Task completed: 2'],
        ...['Task retries: 0', 'Tasks', '=====', 'proj.add: 2', 'proj.fail: 1'],
      ],
    ],
  ])('%s', async (command, lines) => {
    const { code, stdout } = await runCommandLine(['logtool', command, log])
    expect([code, stdout]).toEqual([0, lines.map((line) => `${line}\n`).join('')])
  })

  it('prints JSON for programs', async () => {
    const stats = await runCommandLine(['logtool', 'stats', '--json', log])
    expect(JSON.parse(stats.stdout)).toMatchObject({ total: 3, types: { 'proj.add': 2, 'proj.fail': 1 } })
    const incomplete = await runCommandLine(['logtool', 'incomplete', '--json', log])
    expect(JSON.parse(incomplete.stdout)).toEqual([{ id: '3', name: 'proj.add' }])
  })

  it('names a file that is not there', async () => {
    const { code, stderr } = await runCommandLine(['logtool', 'stats', 'nowhere.log'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: The log nowhere\.log cannot be read: ENOENT/)
  })
})
