import { expect, it, vi } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp(replies: object[]) {
  return { conf: { update: vi.fn() }, worker: vi.fn(), control: { ping: vi.fn(() => Promise.resolve(replies)) } }
}

const replies = [{ 'celery@a': { ok: 'pong' } }, { 'celery@b': { ok: 'pong' } }]

it('lists the workers that answer', async () => {
  const app = fakeApp(replies)
  const { code, stdout } = await runCommandLine(['status'], { app })
  expect([code, stdout]).toEqual([0, '->  celery@a: OK\n->  celery@b: OK\n\n2 nodes online.\n'])
  expect(app.control.ping).toHaveBeenCalledWith({ timeout: 1 })
})

it('leaves out the sum when quiet', async () => {
  const { stdout } = await runCommandLine(['-q', 'status'], { app: fakeApp(replies.slice(0, 1)) })
  expect(stdout).toBe('->  celery@a: OK\n')
})

it('asks some, and waits as told', async () => {
  const app = fakeApp(replies)
  await runCommandLine(['status', '-t', '0.5', '-d', 'celery@a,celery@b'], { app })
  expect(app.control.ping).toHaveBeenCalledWith({ timeout: 0.5, destination: ['celery@a', 'celery@b'] })
})

it('prints JSON for programs', async () => {
  const { stdout } = await runCommandLine(['status', '--json'], { app: fakeApp(replies) })
  expect(JSON.parse(stdout)).toEqual({ 'celery@a': { ok: 'pong' }, 'celery@b': { ok: 'pong' } })
})

it('ends with 69 when nobody answers', async () => {
  const { code, stdout, stderr } = await runCommandLine(['status'], { app: fakeApp([]) })
  expect([code, stdout]).toEqual([69, ''])
  expect(stderr).toBe('Error: No nodes replied within time constraint.\n')
})
