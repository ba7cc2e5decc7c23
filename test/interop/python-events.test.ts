/** What a Python worker tells is heard here, over Redis and over RabbitMQ, and gives the same picture of the cluster. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Celery, createLogger } from '../../src/index.ts'
import { describeWithPythonCelery, startPythonClient, startPythonWorker } from '../support/python-celery.ts'
import type { PythonClient, PythonWorker } from '../support/python-celery.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

function testPythonEvents(name: string, startServer: () => Promise<{ url: string; stop(): Promise<void> }>): void {
  describe(name, () => {
    let broker: string
    let python: PythonClient
    let worker: PythonWorker

    beforeAll(async () => {
      const server = await startServer()
      broker = server.url
      const settings = {
        broker_url: broker,
        result_backend: 'rpc://',
        worker_send_task_events: true,
        task_send_sent_event: true,
      }
      python = await startPythonClient(settings)
      worker = await startPythonWorker(settings, ['python'])
      return async () => {
        await Promise.all([python.stop(), worker.stop()])
        await server.stop()
      }
    })

    it('shows workers and tasks', async () => {
      const app = new Celery('proj', { broker, logger: createLogger({ level: 'CRITICAL' }) })
      const state = app.events.state()
      const abort = new AbortController()
      const capturing = app.events.capture({
        handlers: { '*': (event) => state.event(event) },
        signal: abort.signal,
        onReady: () => void send(),
      })
      const send = async (): Promise<void> => {
        await python.evaluate("[app.send_task('py.add', (n, n), queue='python').id for n in range(20)]")
        await python.evaluate("app.send_task('py.fail', ('ValueError', 'moon'), queue='python', task_id='bad').id")
      }
      // The worker was there before us: it says so because it was asked.
      await waitFor(() => state.workers.get(worker.hostname)?.alive)
      await waitFor(() => [...state.tasks.values()].filter(({ ready }) => ready).length === 21, { timeoutMs: 20_000 })
      const added = [...state.tasksByType('py.add', { reverse: false })]
      expect(added.map(({ state: name, result }) => [name, result])).toEqual(
        Array.from({ length: 20 }, (_, n) => ['SUCCESS', String(n + n)]),
      )
      const [first] = added
      expect(first).toMatchObject({ args: expect.stringContaining('0, 0'), queue: 'python', retries: 0 })
      expect(first?.client).toMatch(/^gen\d+@/)
      expect([first?.worker?.hostname, first?.worker?.swIdent]).toEqual([worker.hostname, 'py-celery'])
      expect(first?.sent).toBeLessThanOrEqual(first?.succeeded ?? 0)
      const bad = state.tasks.get('bad')
      // What Python says of the exception itself differs between its versions.
      expect(bad).toMatchObject({ state: 'FAILURE', exception: expect.any(String) })
      expect(bad?.traceback).toMatch(/^Traceback[^]*ValueError: moon/)
      expect([state.taskCount, state.taskTypes()]).toEqual([21, ['py.add', 'py.fail']])
      abort.abort()
      await capturing
      await app.close()
    })
  })
}

describeWithPythonCelery('The events of Python', () => {
  describeWithRedis('with a server', () => {
    testPythonEvents('over Redis', () => startRedis())
  })
  describeWithRabbitmq('with a server', () => {
    testPythonEvents('over RabbitMQ', () => startRabbitmq())
  })
})
