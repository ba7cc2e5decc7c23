import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import { App } from '../../../src/app/app.ts'
import { runService } from '../../../src/cli/service.ts'
import type { ServiceDefaults, ServiceOptions } from '../../../src/cli/service.ts'
import { Session } from '../../../src/cli/session.ts'
import { FakeProcess } from '../../support/command-line.ts'

let fake: FakeProcess

beforeEach(() => {
  fake = new FakeProcess()
})

function run<R>(
  options: Partial<ServiceOptions>,
  defaults: Partial<ServiceDefaults>,
  body: () => Promise<R>,
): Promise<R> {
  return runService(
    new Session({ color: false }, fake),
    new App('proj'),
    {
      command: 'worker',
      hostname: 'w1@here',
      options: { loglevel: 'INFO', logFormat: 'text', ...options },
      defaults: { logfile: null, pidfile: null, uid: null, gid: null, umask: null, ...defaults },
    },
    body,
  )
}

const path = (name: string) => join(fake.cwd(), name)

it('has pidfile, log and title while the body runs', async () => {
  const result = await run({ pidfile: '%n.pid', logfile: '%n.log' }, {}, async () => {
    expect(readFileSync(path('w1.pid'), 'utf8')).toBe(`${String(process.pid)}\n`)
    expect(fake.title).toBe('celeriac worker: w1@here')
    fake.stdout.write('printed\n')
    return 5
  })
  expect(result).toBe(5)
  expect(existsSync(path('w1.pid'))).toBe(false)
  expect(readFileSync(path('w1.log'), 'utf8')).toContain('printed')
  expect(fake.eventNames()).toEqual([])
})

it('takes from the settings what the command line leaves out', async () => {
  const umask = vi.spyOn(fake, 'umask')
  await run({ umask: 0o27 }, { pidfile: 'p', logfile: 'l', umask: 0o77 }, async () => {
    expect([existsSync(path('p')), existsSync(path('l'))]).toEqual([true, true])
  })
  expect(umask).toHaveBeenCalledWith(0o27)
})

it('leaves nothing behind where the body fails, and writes the error to the log', async () => {
  const failed = run({ pidfile: 'p', logfile: 'l' }, {}, () => Promise.reject(new Error('no broker')))
  await expect(failed).rejects.toThrow('no broker')
  expect(existsSync(path('p'))).toBe(false)
  expect(readFileSync(path('l'), 'utf8')).toMatch(/CRITICAL\/MainProcess\] .*no broker/)
  expect(fake.eventNames()).toEqual([])
})

it('releases the pidfile when the process ends in the middle', async () => {
  await run({ pidfile: 'p' }, {}, async () => {
    fake.emit('exit')
    expect(existsSync(path('p'))).toBe(false)
  })
})
