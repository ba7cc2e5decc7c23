/**
 * Blueprint (Celery's word): the parts of one worker and who hands what to whom. From the broker to the task and back:
 *
 *     consumer --messages--> dispatcher --requests--> pool --results--> result writer
 *         ^-- prefetch count <--ended--'     '--acknowledgements--> consumer's channel
 *
 * Starts nothing; `worker.ts` does.
 */
import type { App } from '../app/app.ts'
import type { ResultBackend } from '../backend/backend.ts'
import type { WorkerError } from '../errors.ts'
import { LOG_LEVELS } from '../util/logger.ts'
import type { LogLevel } from '../util/logger.ts'
import { Consumer } from './consumer.ts'
import { Dispatcher } from './dispatcher.ts'
import type { WorkerFacts, WorkerOptions } from './options.ts'
import type { Pool } from './pool/pool.ts'
import { findPool } from './pool/registry.ts'
import { PrefetchCount } from './qos.ts'
import { receive } from './receive.ts'
import type { ReceiveParts } from './receive.ts'
import { RemoteControl } from './remote-control.ts'
import type { Request } from './request.ts'
import { ResultWriter } from './result-writer.ts'
import type { WorkerState } from './state.ts'

/** What a worker is built from. */
export interface Plan {
  readonly app: App
  readonly options: WorkerOptions
  readonly facts: WorkerFacts
  readonly state: WorkerState<Request>
  /** Aborted when results are waited for no longer. */
  readonly ending: AbortSignal
  /** The command `shutdown` came. */
  readonly onShutdown: () => void
  /** The pool cannot go on. */
  readonly onFailed: (error: WorkerError) => void
}

/** The parts that a worker starts and stops. */
export interface WorkerParts {
  readonly facts: WorkerFacts
  readonly pool: Pool
  readonly dispatcher: Dispatcher
  readonly prefetch: PrefetchCount
  readonly consumer: Consumer
}

/** Put the parts together. Throws `ImproperlyConfigured` for a pool that there is not, and what opening a backend throws. */
export async function createParts(plan: Plan): Promise<WorkerParts> {
  const { app, state } = plan
  const backend = await app.backend()
  // Opened now: a backend that cannot be had shall be told of before the first task has run.
  await backend.getMetas([])
  const pool = await createPool(plan, () => {
    dispatcher.dispatch()
  })
  const dispatcher = createDispatcher(plan, pool, backend, () => {
    prefetch.ended()
  })
  const prefetch = createPrefetch(plan, (count) => {
    void holdAtMost(count)
  })
  const consumer = await createConsumer(plan, prefetch.count, dispatcher)
  const holdAtMost = async (count: number): Promise<void> => {
    try {
      await consumer.setPrefetchCount(count)
      await dispatcher.shrink(count)
    } catch (error) {
      app.logger.warning('The prefetch count could not be changed', { error })
    }
  }
  state.reserved.clear()
  return { facts: plan.facts, pool, dispatcher, prefetch, consumer }
}

async function createPool({ app, options, facts, onFailed }: Plan, onFree: () => void): Promise<Pool> {
  const create = await findPool(facts.pool)
  const tracer = await app.createTracer({ joinWillBlock: true })
  const settings = app.conf.values
  const { maxTasksPerChild = settings.workerMaxTasksPerChild, maxMemoryPerChild = settings.workerMaxMemoryPerChild } =
    options
  return create({
    concurrency: facts.concurrency,
    run: (job, control) => tracer.run(job, control),
    logger: app.logger,
    clock: app.clock,
    appLocation: options.appLocation ?? app.location,
    settings: app.conf.changes,
    maxTasksPerChild: maxTasksPerChild ?? undefined,
    maxMemoryPerChildBytes: maxMemoryPerChild === null ? undefined : maxMemoryPerChild * 1024,
    childStartTimeoutMs: settings.workerProcAliveTimeout * 1000,
    childOutput: settings.workerRedirectStdouts ? logLevelOf(settings.workerRedirectStdoutsLevel) : 'inherit',
    onFree,
    onFailed,
  })
}

function createDispatcher(plan: Plan, pool: Pool, backend: ResultBackend, onEnded: () => void): Dispatcher {
  const { state } = plan
  const { clock, logger, signals } = plan.app
  const parts = receiveParts(plan, pool, backend)
  return new Dispatcher({
    pool,
    state,
    clock,
    logger,
    receive: (message) => receive(message, parts),
    onReceived: (request) => {
      if (logger.enabled('INFO')) logger.info(`Task ${request.label} received`)
      if (!signals.has('task-received')) return
      const { id: taskId, name: task } = request.head
      void signals.send('task-received', { taskId, task, headers: request.message.message.headers })
    },
    onEnded,
  })
}

function receiveParts({ app, state, facts, ending }: Plan, pool: Pool, backend: ResultBackend): ReceiveParts {
  const { clock, logger } = app
  return {
    host: app,
    pool,
    backend,
    results: new ResultWriter({ backend, clock, logger, stopping: ending }),
    state,
    signals: app.signals,
    logger,
    clock,
    hostname: facts.hostname,
    tasks: app.tasks,
    zone: app.conf.values.timezone,
    decode: (message) => app.decode(message),
    accepts: (contentType) => app.acceptList().find(contentType) !== undefined,
    encode: (body) => app.serialization.encodeBody(body, 'json'),
  }
}

function createPrefetch({ app, options, facts }: Plan, apply: (count: number) => void): PrefetchCount {
  const { prefetchMultiplier = app.conf.values.workerPrefetchMultiplier } = options
  return new PrefetchCount({ smallest: facts.concurrency * prefetchMultiplier, clock: app.clock, apply })
}

async function createConsumer(plan: Plan, prefetchCount: number, dispatcher: Dispatcher): Promise<Consumer> {
  const { app, options, facts, state, onShutdown } = plan
  const broker = await app.connect()
  const remote = new RemoteControl({
    app,
    broker,
    target: {
      hostname: facts.hostname,
      state,
      terminate: (key, signal) => state.active.get(key)?.terminate(signal) ?? false,
      shutdown: onShutdown,
    },
  })
  return new Consumer({
    broker,
    queues: facts.queues,
    prefetchCount,
    purge: options.purge ?? false,
    retryFirst: app.conf.values.brokerConnectionRetryOnStartup,
    logger: app.logger,
    clock: app.clock,
    onMessages: (messages) => {
      dispatcher.add(messages)
    },
    attach: (connection) => remote.attach(connection),
    onLost: () => {
      state.reserved.clear()
    },
  })
}

/** A setting's text as a level; Celery takes any case. */
function logLevelOf(text: string): LogLevel {
  return LOG_LEVELS.find((level) => level === text.toUpperCase()) ?? 'WARNING'
}
