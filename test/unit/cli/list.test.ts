import { expect, it, vi } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp(channel: object) {
  const close = vi.fn(() => Promise.resolve())
  const broker = { withChannel: (work: (channel: object) => Promise<unknown>) => work(channel), close }
  return { conf: { update: vi.fn() }, worker: vi.fn(), connect: () => Promise.resolve(broker), broker }
}

const bindings = [
  { queue: 'celery', exchange: 'celery', routingKey: 'celery' },
  { queue: 'video', exchange: 'media', routingKey: 'video.#' },
]

it('lists bindings, for people as a table', async () => {
  const app = fakeApp({ listBindings: () => Promise.resolve(bindings) })
  const { code, stdout } = await runCommandLine(['-C', 'list', 'bindings'], { app, terminal: true })
  expect(code).toBe(0)
  expect(stdout).toBe('Queue   Exchange  Routing Key\ncelery  celery    celery\nvideo   media     video.#\n')
  expect(app.broker.close).toHaveBeenCalledOnce()
})

it('lists bindings for programs', async () => {
  const app = fakeApp({ listBindings: () => Promise.resolve(bindings) })
  expect(JSON.parse((await runCommandLine(['list', 'bindings', '-j'], { app })).stdout)).toEqual(bindings)
})

it('says so where the transport cannot tell', async () => {
  const app = fakeApp({})
  const { code, stderr } = await runCommandLine(['list', 'bindings'], { app })
  expect([code, stderr]).toEqual([1, 'Error: This transport cannot list bindings.\n'])
  expect(app.broker.close).toHaveBeenCalledOnce()
})

it('shows what there is to list', async () => {
  const { code, stderr } = await runCommandLine(['list', 'bindigns'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/unknown command 'bindigns'[^]*Did you mean bindings\?/)
})
