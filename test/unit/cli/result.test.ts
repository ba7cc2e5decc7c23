import { expect, it, vi } from 'vitest'
import { runCommandLine } from '../../support/command-line.ts'

function fakeApp(value: unknown, status = 'SUCCESS') {
  const meta = { task_id: 'id-1', status, result: value }
  const result = {
    id: 'id-1',
    get: vi.fn(() => Promise.resolve(value)),
    meta: () => Promise.resolve(meta),
    traceback: () => Promise.resolve('Traceback ...'),
  }
  return { conf: { update: vi.fn() }, worker: vi.fn(), asyncResult: () => result, result }
}

it('waits for the value and prints it', async () => {
  const app = fakeApp({ x: [1] })
  const { code, stdout } = await runCommandLine(['result', 'id-1', '--timeout', '3'], { app })
  expect([code, stdout]).toEqual([0, '{ x: [ 1 ] }\n'])
  expect(app.result.get).toHaveBeenCalledWith({ propagate: false, timeout: 3 })
})

it('prints the document for programs', async () => {
  const { stdout } = await runCommandLine(['result', 'id-1', '-j'], { app: fakeApp(4) })
  expect(JSON.parse(stdout)).toEqual({ task_id: 'id-1', status: 'SUCCESS', result: 4 })
})

it('prints the traceback without waiting', async () => {
  const app = fakeApp(4)
  expect((await runCommandLine(['result', 'id-1', '--traceback'], { app })).stdout).toBe('Traceback ...\n')
  expect(app.result.get).not.toHaveBeenCalled()
})

it('looks whether the app has the task that is named', async () => {
  const tasks = { has: (name: string) => name === 'proj.add', names: () => ['proj.add'] }
  const app = { ...fakeApp(4), tasks, importTasks: () => Promise.resolve() }
  expect(await runCommandLine(['result', 'id-1', '-t', 'proj.add'], { app })).toMatchObject({ code: 0, stdout: '4\n' })
  const { code, stderr } = await runCommandLine(['result', 'id-1', '-t', 'proj.ad'], { app })
  expect(code).toBe(1)
  expect(stderr).toContain('did you mean "proj.add"?')
})

it('ends with 1 when the task failed', async () => {
  const { code, stdout, stderr } = await runCommandLine(['result', 'id-1'], {
    app: fakeApp(new RangeError('x'), 'FAILURE'),
  })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe('Error: The task id-1 ended as FAILURE. RangeError: x\n')
})
