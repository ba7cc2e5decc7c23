/** Results over the broker, with `rpc://` on both sides. */
import { describe, expect, it } from 'vitest'
import { startPythonWorker } from '../support/python-celery.ts'
import { declareTasks } from './side.ts'
import type { Sides } from './side.ts'

export function testRpc(sides: () => Sides): void {
  describe('results over rpc://', () => {
    it('of TypeScript reach a Python client', async () => {
      const { makeApp, python } = sides()
      const app = makeApp({ backend: 'rpc://' })
      declareTasks(app)
      const worker = app.worker({ pool: 'async', hostname: 'rpc@localhost', queues: ['rpc.typescript'] })
      try {
        await worker.start()
        const call = "rpc.send_task('ts.add', (n, 1), queue='rpc.typescript')"
        const sum = await python.evaluate(`[r.get(timeout=10) for r in [${call} for n in range(5)]]`)
        expect(sum).toEqual([1, 2, 3, 4, 5])
        const failing = "rpc.send_task('ts.fail', ('RangeError', 'x'), queue='rpc.typescript').get(timeout=10)"
        await expect(python.evaluate(failing)).rejects.toMatchObject({ type: 'ValueError', args: ['x'] })
      } finally {
        await worker.stop('cold')
        await app.close()
      }
    })

    it('of Python reach a TypeScript client', async () => {
      const { makeApp, pythonSettings } = sides()
      const worker = await startPythonWorker({ ...pythonSettings, result_backend: 'rpc://' }, ['rpc.python'], 'rpc')
      const app = makeApp({ backend: 'rpc://' })
      try {
        const options = { queue: 'rpc.python' }
        const calls = Array.from({ length: 5 }, (_, n) => ({ name: 'py.add', args: [n, 1], options }))
        const results = await app.sendTasks(calls)
        expect(await Promise.all(results.map((result) => result.get({ timeout: 10 })))).toEqual([1, 2, 3, 4, 5])
        const failed = await app.sendTask('py.fail', ['ValueError', 'x'], options)
        await expect(failed.get({ timeout: 10 })).rejects.toMatchObject({ name: 'ValueError', args: ['x'] })
      } finally {
        await Promise.all([worker.stop(), app.close()])
      }
    })
  })
}
