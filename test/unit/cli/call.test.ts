import { expect, it, onTestFinished, vi } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp() {
  return { conf: { update: vi.fn() }, worker: vi.fn(), sendTask: vi.fn(() => Promise.resolve({ id: 'id-1' })) }
}

it('sends a task by its name and prints its id', async () => {
  const app = fakeApp()
  const argv = ['call', 'proj.add', '-a', '[2, 2]', '-k', '{"z": 1}', '--countdown', '10', '--queue', 'lopri']
  expect(await runCommandLine(argv, { app })).toMatchObject({ code: 0, stdout: 'id-1\n', stderr: '' })
  expect(app.sendTask).toHaveBeenCalledWith('proj.add', [2, 2], { kwargs: { z: 1 }, countdown: 10, queue: 'lopri' })
})

it('passes on times, serializer, exchange and routing key', async () => {
  const app = fakeApp()
  const argv = [
    'call',
    't',
    '--eta',
    '2026-11-21',
    '--expires',
    '2.5',
    '--serializer',
    'yaml',
    '--exchange',
    'x',
    '--routing-key',
    'r',
  ]
  await runCommandLine(argv, { app })
  const eta = new Date(Date.UTC(2026, 10, 21))
  expect(app.sendTask).toHaveBeenCalledWith('t', [], {
    eta,
    expires: 2.5,
    serializer: 'yaml',
    exchange: 'x',
    routingKey: 'r',
  })
})

it('prints JSON for programs', async () => {
  expect((await runCommandLine(['call', 't', '--json'], { app: fakeApp() })).stdout).toBe('{"id":"id-1"}\n')
})

it('reads its options from the environment as Celery does', async () => {
  const app = fakeApp()
  vi.stubEnv('CELERY_CALL_QUEUE', 'from-env')
  onTestFinished(() => void vi.unstubAllEnvs())
  await runCommandLine(['call', 't'], { app })
  expect(app.sendTask).toHaveBeenCalledWith('t', [], { queue: 'from-env' })
})

it('says what is wrong with an argument, and sends nothing', async () => {
  const app = fakeApp()
  const { code, stderr } = await runCommandLine(['call', 't', '--args', '{2}'], { app })
  expect(code).toBe(2)
  expect(stderr).toMatch(/--args <json>' argument '\{2\}' is invalid\. That is not JSON/)
  expect(app.sendTask).not.toHaveBeenCalled()
})
