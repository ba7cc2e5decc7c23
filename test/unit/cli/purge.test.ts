import { expect, it, vi } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp(purged = 3) {
  return {
    conf: { update: vi.fn() },
    worker: vi.fn(),
    prepare: () => Promise.resolve(),
    queues: {
      consumeFrom: new Map([
        ['celery', {}],
        ['lopri', {}],
      ]),
    },
    control: { purge: vi.fn(() => Promise.resolve(purged)) },
  }
}

it('purges all queues when forced', async () => {
  const app = fakeApp()
  const { code, stdout } = await runCommandLine(['purge', '-f'], { app })
  expect([code, stdout]).toEqual([0, 'Purged 3 messages from 2 known task queues.\n'])
  expect(app.control.purge).toHaveBeenCalledWith(['celery', 'lopri'])
})

it.each([
  [
    ['-Q', 'a,b'],
    ['a', 'b'],
  ],
  [['-X', 'lopri'], ['celery']],
  [['-Q', 'a,b', '-X', 'b'], ['a']],
])('%j purges %j', async (options, queues) => {
  const app = fakeApp()
  await runCommandLine(['purge', '-f', ...options], { app })
  expect(app.control.purge).toHaveBeenCalledWith(queues)
})

it('says so when there was nothing', async () => {
  const { stdout } = await runCommandLine(['purge', '-f', '-Q', 'a'], { app: fakeApp(0) })
  expect(stdout).toBe('No messages purged from 1 queue\n')
})

it('prints JSON for programs', async () => {
  const { stdout } = await runCommandLine(['purge', '-f', '--json'], { app: fakeApp() })
  expect(JSON.parse(stdout)).toEqual({ messages: 3, queues: ['celery', 'lopri'] })
})

it.each([
  ['yes', true],
  ['Y', true],
  ['', false],
  ['no', false],
])('asks the person at the terminal: "%s"', async (answer, expected) => {
  const app = fakeApp()
  const { code, stderr } = await runCommandLine(['purge'], { app, terminal: true, answer })
  expect(stderr).toContain('queues celery, lopri')
  expect(code).toBe(expected ? 0 : 1)
  expect(app.control.purge).toHaveBeenCalledTimes(expected ? 1 : 0)
})

it('does not purge when there is nobody to ask', async () => {
  const app = fakeApp()
  const { code, stderr } = await runCommandLine(['purge'], { app })
  expect(code).toBe(1)
  expect(stderr).toContain('--force')
  expect(app.control.purge).not.toHaveBeenCalled()
})
