/**
 * The two sides of the interop suite on one broker: an app with a worker in this process, and a Python client and worker
 * beside it. Both have the tasks `both.*`; `ts.*` and `py.*` belong to one side, and are routed there by both.
 */
import { Celery, createLogger } from '../../src/index.ts'
import type { AppOptions, TaskContext, Worker } from '../../src/index.ts'
import { startPythonClient, startPythonWorker } from '../support/python-celery.ts'
import type { PythonClient, PythonSettings, PythonWorker } from '../support/python-celery.ts'

/** All that a test of the interop suite works with. */
export interface Sides {
  readonly app: Celery
  readonly worker: Worker
  /** What `ts.echo` was given, by task id. */
  readonly received: ReadonlyMap<string, Received>
  /** The Python client. */
  readonly python: PythonClient
  readonly pythonWorker: PythonWorker
  /** Is kombu older than its JSON tags for dates, bytes and the like (5.3)? */
  readonly untagged: boolean
  readonly pythonSettings: PythonSettings
  /** Another app on the same broker, with other options. */
  makeApp(options?: AppOptions): Celery
  stop(): Promise<void>
}

/** What a task on this side was given, and when. */
export interface Received {
  readonly value: unknown
  /** Unix time in milliseconds. */
  readonly startedMs: number
}

/** Where the two meet. */
export interface Meeting {
  /** The broker's URL, for both. */
  readonly broker: string
  /** The result backend's URL, for both. */
  readonly backend: string
  /** More settings of Python's. */
  readonly pythonSettings?: PythonSettings
}

/** The name of our worker. */
export const HOSTNAME = 'typescript@localhost'

/** What both are told: everything is accepted, and each kind of task has its queue. */
const ACCEPTED = ['json', 'pickle', 'yaml', 'msgpack']
const ROUTES = { 'py.*': { queue: 'python' }, 'ts.*': { queue: 'typescript' }, 'both.*': { queue: 'both' } }

/** An error that only this side knows by name; Python's driver has one of the same name and module. */
export class Unlucky extends Error {
  static readonly excModule = 'interop'
}

/** Resolves when both workers are ready. */
export async function startSides(meeting: Meeting): Promise<Sides> {
  const pythonSettings = {
    broker_url: meeting.broker,
    result_backend: meeting.backend,
    accept_content: ACCEPTED,
    task_routes: ROUTES,
    // RabbitMQ honours priorities in queues that were made for it only; both sides must make them alike.
    task_queue_max_priority: 10,
    ...meeting.pythonSettings,
  }
  const makeApp = (options: AppOptions = {}): Celery => createApp(meeting, options)
  const app = makeApp()
  const received = new Map<string, Received>()
  declareTasks(app, received)
  const worker = app.worker({ pool: 'async', concurrency: 10, hostname: HOSTNAME, queues: ['typescript', 'both'] })
  const [python, pythonWorker] = await Promise.all([
    startPythonClient(pythonSettings),
    startPythonWorker(pythonSettings, ['python', 'both']),
    worker.start(),
  ])
  const untagged = await python.evaluate<boolean>('kombu.VERSION < (5, 3)')
  const stop = async (): Promise<void> => {
    await Promise.all([worker.stop('cold'), python.stop(), pythonWorker.stop()])
    await app.close()
  }
  return { app, worker, received, python, pythonWorker, untagged, pythonSettings, makeApp, stop }
}

function createApp({ broker, backend }: Meeting, options: AppOptions): Celery {
  return new Celery('interop', {
    broker,
    backend,
    acceptContent: ACCEPTED,
    taskRoutes: ROUTES,
    taskQueueMaxPriority: 10,
    // Tests that fail on purpose would fill the screen.
    logger: createLogger({ level: 'CRITICAL' }),
    ...options,
  })
}

/** The tasks of this side. Add them to any app that has a worker of its own. */
export function declareTasks(app: Celery, received: Map<string, Received> = new Map()): void {
  app.task('ts.add', (x: number, y: number = 0) => x + y)
  app.task('ts.echo', { bind: true }, (self: TaskContext, value: unknown) => {
    received.set(self.request.id, { value, startedMs: Date.now() })
    return value
  })
  app.task('ts.gather', { kwargs: true }, (x: unknown, y: unknown = null, named: unknown = {}) => ({ x, y, named }))
  app.task('ts.fail', (kind: string, message: string) => {
    throw { RangeError: new RangeError(message), Unlucky: new Unlucky(message) }[kind] ?? new Error(message)
  })
  app.task('ts.wait', { bind: true }, async (self: TaskContext) => {
    await self.updateState({ state: 'PROGRESS', meta: { done: 1 } })
    await new Promise((_resolve, reject) => {
      self.signal.addEventListener('abort', () => {
        reject(self.signal.reason as Error)
      })
    })
  })
  app.task('both.who', (...args: unknown[]) => ['ts', ...args])
  app.task('both.work', (kind: 'double' | 'text' | 'list' | 'fail', number: number) => {
    if (kind === 'fail') throw new RangeError(String(number))
    return ['ts', { double: number * 2, text: 'ü'.repeat(number % 7), list: [number] }[kind]]
  })
  app.task('both.flaky', { bind: true, maxRetries: 5 }, (self: TaskContext, fails: number, queue: string) => {
    const { retries } = self.request
    if (retries < fails) throw self.retry({ queue, countdown: 0, exc: new Unlucky('again') })
    return ['ts', retries]
  })
}
