/** Python's Celery looks at a cluster of ours, and lives beside our workers. */
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { Celery, createLogger } from '../../src/index.ts'
import type { TaskContext, Worker, WorkerOptions } from '../../src/index.ts'
import { describeWithPythonCelery, startPythonClient, startPythonWorker } from '../support/python-celery.ts'
import type { PythonClient } from '../support/python-celery.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { waitFor } from '../support/wait-for.ts'

/** What Python knows of a task: state, name, args, retries, worker. */
type Known = Record<string, [state: string, name: string, args: string, retries: number, worker: string]>

interface Cluster {
  readonly app: Celery
  readonly log: string[]
  start(hostname: string, options?: WorkerOptions): Promise<Worker>
}

function cluster(broker: string): Cluster {
  const log: string[] = []
  const logger = createLogger({ level: 'INFO', write: ({ level, message }) => log.push(`${level} ${message}`) })
  const app = new Celery('interop', { broker, backend: 'memory://', logger, taskDefaultQueue: 'events' })
  app.task('ev.add', (x: number, y: number) => x + y)
  app.task('ev.fail', () => {
    throw new RangeError('bad moon')
  })
  app.task('ev.again', { bind: true }, (self: TaskContext) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 1, exc: new RangeError('not yet') })
    return 'done'
  })
  app.task('ev.progress', { bind: true }, async (self: TaskContext) => self.sendEvent('task-progress', { done: 1 }))
  const workers: Worker[] = []
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.stop('cold')))
    await app.close()
  })
  const start = async (hostname: string, options: WorkerOptions = {}): Promise<Worker> => {
    const worker = app.worker({ pool: 'async', concurrency: 5, hostname, taskEvents: true, ...options })
    workers.push(worker)
    await worker.start()
    return worker
  }
  return { app, log, start }
}

function testMonitor(url: () => string, python: () => PythonClient): void {
  it('knows all tasks and workers of a TypeScript cluster', { timeout: 60_000 }, async () => {
    const { app, start } = cluster(url())
    await python().evaluate("kept.update(m=Monitor(app)) or kept['m'].ready.is_set()")
    const workers = [await start('one@ts'), await start('two@ts')]
    const revoked = app.newId()
    for (const { state } of workers) state.revoked.add(revoked)
    const calls = Array.from({ length: 240 }, (_, n) => ({
      name: ['ev.add', 'ev.fail', 'ev.again'][n % 3] as string,
      args: n % 3 === 0 ? [n, 1] : [],
    }))
    const results = await app.sendTasks(calls)
    await app.sendTask('ev.add', [1, 2], { taskId: revoked })
    const ended = ['SUCCESS', 'FAILURE', 'REVOKED']
    let known: Known = {}
    const isComplete = async (): Promise<boolean> => {
      known = await python().evaluate<Known>("kept['m'].tasks()")
      const states = Object.values(known).map(([state]) => state)
      if (states.length !== 241) throw new Error(`${String(states.length)} are known`)
      return states.every((state) => ended.includes(state))
    }
    await waitFor(isComplete, { timeoutMs: 30_000, what: 'all tasks to be known' })
    const count = (state: string): number => Object.values(known).filter((task) => task[0] === state).length
    expect(ended.map(count)).toEqual([160, 80, 1])
    expect(known[results[0]?.id ?? '']?.slice(0, 4)).toEqual(['SUCCESS', 'ev.add', '(0, 1)', 0])
    expect(known[results[2]?.id ?? '']?.slice(0, 4)).toEqual(['SUCCESS', 'ev.again', '()', 1])
    expect(new Set(Object.values(known).map((task) => task[4]))).toEqual(new Set(['one@ts', 'two@ts']))
    const runtimes = await python().evaluate<number[]>("kept['m'].runtimes()")
    expect(runtimes.every((runtime) => runtime > 0 && runtime < 10)).toBe(true)
    const failed = await python().evaluate<Record<string, unknown>>(`kept['m'].task('${results[1]?.id ?? ''}')`)
    expect(failed).toMatchObject({ exception: "ValueError('bad moon')", root_id: results[1]?.id })
    expect(failed['traceback']).toContain('RangeError: bad moon')
    expect(await python().evaluate("kept['m'].counts()")).toMatchObject({
      // What is given back to the broker is received twice.
      ...{ 'task-started': 320, 'task-succeeded': 160, 'task-failed': 80 },
      ...{ 'task-retried': 80, 'task-revoked': 1, 'worker-online': 2 },
    })
    await waitFor(async () => {
      const told = await python().evaluate<Record<string, unknown[]>>("kept['m'].workers()")
      const [one, two] = [told['one@ts'], told['two@ts']]
      return Number(one?.[3]) + Number(two?.[3]) === 320 && one?.[0] === true && one[1] === 'celeriac' && one[4] === 0
    })
    await workers[0]?.stop()
    const alive = async (): Promise<unknown> => {
      return (await python().evaluate<Record<string, unknown[]>>("kept['m'].workers()"))['one@ts']?.[0]
    }
    await waitFor(async () => (await alive()) === false)
    expect(await python().evaluate("kept['m'].errors")).toEqual([])
  })
}

function testNeighbours(url: () => string, python: () => PythonClient): void {
  it('mingles and gossips with our workers, and neither complains', { timeout: 60_000 }, async () => {
    const { app, log, start } = cluster(url())
    const joined: string[] = []
    app.signals.on('node-join', ({ node }) => void joined.push(node))
    app.signals.on('node-leave', ({ node }) => void joined.push(`-${node}`))
    const first = await start('one@ts')
    first.state.revoked.add('revoked-here')
    const settings = { broker_url: url(), result_backend: 'rpc://' }
    const worker = await startPythonWorker(settings, ['python'], 'python', ['--heartbeat-interval', '1'])
    try {
      expect(worker.log).toContain('mingle: sync with 1 nodes')
      const told = "app.control.inspect(timeout=5, destination=['python@localhost']).revoked()"
      expect(await python().evaluate(told)).toEqual({ 'python@localhost': ['revoked-here'] })
      await python().evaluate("app.control.revoke('revoked-there', destination=['python@localhost'])")
      await waitFor(async () => JSON.stringify(await python().evaluate(told)).includes('revoked-there'))
      const second = await start('two@ts')
      expect(second.state.revoked.values().sort()).toEqual(['revoked-here', 'revoked-there'])
      expect(log).toContain('INFO mingle: sync with 2 nodes')
      await waitFor(() => joined.includes('python@localhost'), { timeoutMs: 10_000 })
      await second.stop()
      await waitFor(() => joined.includes('-two@ts'))
      expect(log.filter((line) => /^(WARNING|ERROR|CRITICAL)/.test(line))).toEqual([])
      expect(worker.log.split('\n').filter((line) => /ERROR|CRITICAL|Traceback/.test(line))).toEqual([])
    } finally {
      await worker.stop()
    }
  })
}

describeWithPythonCelery('Python Celery', () => {
  describeWithRedis('over Redis', () => {
    let url: string
    let python: PythonClient
    beforeAll(async () => {
      const redis = await startRedis()
      url = redis.url
      python = await startPythonClient({ broker_url: url, result_backend: url })
      return async () => {
        await python.stop()
        await redis.stop()
      }
    })

    testMonitor(
      () => url,
      () => python,
    )

    it('hears what a caller has sent, and what a task itself says', async () => {
      const { app, start } = cluster(url)
      await python.evaluate("kept.update(m=Monitor(app)) or kept['m'].ready.is_set()")
      app.conf.update({ taskSendSentEvent: true })
      await start('one@ts', { taskEvents: false })
      const { id } = await app.sendTask('ev.progress', [])
      const counts = async (): Promise<Record<string, number>> => python.evaluate("kept['m'].counts()")
      await waitFor(async () => (await counts())['task-progress'] === 1)
      expect(await python.evaluate(`kept['m'].task('${id}')`)).toMatchObject({
        ...{ name: 'ev.progress', state: 'PROGRESS', routing_key: 'events' },
        ...{ client: `gen${String(process.pid)}@${(await import('node:os')).hostname()}` },
      })
      expect(await counts()).not.toHaveProperty('task-received')
      const switched = await python.evaluate("app.control.enable_events(reply=True, destination=['one@ts'], timeout=5)")
      expect(switched).toEqual([{ 'one@ts': { ok: 'task events enabled' } }])
      await app.sendTask('ev.add', [1, 2])
      await waitFor(async () => (await counts())['task-succeeded'] === 1)
    })

    testNeighbours(
      () => url,
      () => python,
    )
  })

  describeWithRabbitmq('over RabbitMQ', () => {
    let url: string
    let python: PythonClient
    beforeAll(async () => {
      const server = await startRabbitmq()
      url = server.url
      python = await startPythonClient({ broker_url: url, result_backend: 'rpc://' })
      return async () => {
        await python.stop()
        await server.stop()
      }
    })

    testMonitor(
      () => url,
      () => python,
    )
    testNeighbours(
      () => url,
      () => python,
    )
  })
})
