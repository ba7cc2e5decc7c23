/**
 * The whole worker, as one list: pool, line, consumer. Started top to bottom, stopped bottom to top.
 *
 * Stopping has two strengths here. Warm: take no more messages, give back what waits, let running tasks end. Cold: abort
 * and end running tasks as well; what is not acknowledged goes back. A soft shutdown is a warm one with a deadline, after
 * which it turns cold. Cold may follow warm, and hastens it.
 */
import { availableParallelism } from 'node:os'
import type { App } from '../app/app.ts'
import type { AppLocation } from '../app/loader.ts'
import { ImproperlyConfigured, InvalidTaskError } from '../errors.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Queue } from '../messaging/queue.ts'
import { expandNodename } from '../protocol/nodename.ts'
import type { Connection } from '../transport/transport.ts'
import { BoundedSet } from '../util/bounded-set.ts'
import { LOG_LEVELS } from '../util/logger.ts'
import type { LogLevel } from '../util/logger.ts'
import { createCommands } from './commands/all.ts'
import type { CommandArguments, CommandTarget } from './commands/command.ts'
import { Consumer } from './consumer.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Pool, RunJob } from './pool/pool.ts'
import { findPool } from './pool/registry.ts'
import { PrefetchCount } from './qos.ts'
import { receive } from './receive.ts'
import type { ReceiveParts } from './receive.ts'
import type { Request } from './request.ts'
import { ResultWriter } from './result-writer.ts'
import { WorkerState } from './state.ts'

/** How a worker works. What is left out comes from the settings. Durations are seconds. */
export interface WorkerOptions {
  /** The node name; `%h %n %d` are expanded. Default `celery@%h`. */
  readonly hostname?: string
  /** `prefork`, `async`, `solo`. Default: `workerPool`. */
  readonly pool?: string
  /** How many tasks run at the same time. Default: `workerConcurrency`, else the number of cores. */
  readonly concurrency?: number
  /** Only these queues. Default: all declared ones. */
  readonly queues?: readonly string[]
  /** All declared queues but these. */
  readonly excludeQueues?: readonly string[]
  /** Messages in hand are at most this times the concurrency; 0 is no limit. */
  readonly prefetchMultiplier?: number
  readonly maxTasksPerChild?: number
  /** In KiB, as in Celery. */
  readonly maxMemoryPerChild?: number
  /** Throw away what waits in the queues before the start. */
  readonly purge?: boolean
  /** Where child processes find the app. Default: in the file that made it, the first export that is an app. */
  readonly appLocation?: AppLocation
}

/** How strongly to stop. */
export type StopStrength = 'warm' | 'soft' | 'cold'

/** What a worker is, for the banner and for commands. */
export interface WorkerFacts {
  readonly hostname: string
  readonly pool: string
  readonly concurrency: number
  readonly queues: readonly Queue[]
}

/** Celery's limits of the set of revoked ids (`CELERY_WORKER_REVOKES_MAX`, `CELERY_WORKER_REVOKE_EXPIRES`). */
const REVOKES_MAX = 50_000
const REVOKE_EXPIRES_MS = 10_800_000

/** The parts of a worker that runs. */
interface Running {
  readonly facts: WorkerFacts
  readonly pool: Pool
  readonly dispatcher: Dispatcher
  readonly consumer: Consumer
}

export class Worker {
  readonly #app: App
  readonly #options: WorkerOptions
  readonly #state: WorkerState<Request>
  readonly #commands = createCommands()
  /** Aborted when nothing is waited for any more. */
  readonly #ending = new AbortController()
  #prefetch: PrefetchCount | undefined
  #prepared: Promise<WorkerFacts> | undefined
  #running: Promise<Running> | undefined
  #stopped: Promise<void> | undefined
  /** Why the pool could not go on. */
  #failure: Error | undefined

  constructor(app: App, options: WorkerOptions = {}) {
    this.#app = app
    this.#options = options
    this.#state = new WorkerState<Request>(
      new BoundedSet({ maxSize: REVOKES_MAX, maxAgeMs: REVOKE_EXPIRES_MS, clock: app.clock }),
    )
  }

  /** Requests in hand, revoked ids, totals. */
  get state(): WorkerState<Request> {
    return this.#state
  }

  /**
   * Read the settings, import the task modules, and tell what this worker will be. `start` does so first of all; ask
   * before to say it, as the command line does. May be called twice.
   */
  prepare(): Promise<WorkerFacts> {
    return (this.#prepared ??= this.#prepare())
  }

  /** Start. Resolves when it consumes. Rejects when the pool or the broker cannot be had. May be called twice. */
  async start(): Promise<WorkerFacts> {
    this.#running ??= this.#start()
    return (await this.#running).facts
  }

  /** Resolves when the worker has stopped; rejects when the broker cannot be had any more, or the pool cannot go on. */
  async closed(): Promise<void> {
    if (this.#running === undefined) return
    const { consumer } = await this.#running
    await consumer.ended()
    await this.#stopped
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Stop. Resolves when all is closed. May be called twice, and more strongly the second time. */
  async stop(how: StopStrength = 'warm'): Promise<void> {
    if (this.#running === undefined) return
    const running = await this.#running
    const first = this.#stopped === undefined
    this.#stopped ??= this.#stop(running, how)
    if (!first && how !== 'warm') await this.#hasten(running, how)
    await this.#stopped
  }

  async #prepare(): Promise<WorkerFacts> {
    const app = this.#app
    if (app.isChild) {
      throw new ImproperlyConfigured(
        'This module starts a worker when it is imported, and the children of a worker import it too. ' +
          'Define the app and its tasks in a module of their own, and start the worker from another one',
      )
    }
    const settings = await app.prepare()
    await app.importTasks()
    await app.serialization.loadCompressions()
    return this.#facts(settings)
  }

  async #start(): Promise<Running> {
    const app = this.#app
    const facts = await this.prepare()
    await app.signals.send('worker-init', { hostname: facts.hostname })
    if (this.#options.purge === true) await app.control.purge(facts.queues.map((queue) => queue.name))
    const parts = await this.#build(facts)
    await parts.pool.start()
    try {
      await parts.consumer.start()
    } catch (error) {
      await parts.pool.stop('cold')
      throw error
    }
    await app.signals.send('worker-ready', { hostname: facts.hostname })
    return parts
  }

  #facts(settings: App['conf']['values']): WorkerFacts {
    const { queues, excludeQueues } = this.#options
    const selected = this.#app.queues
    if (queues !== undefined) selected.select(queues)
    if (excludeQueues !== undefined) selected.deselect(excludeQueues)
    return {
      hostname: expandNodename(this.#options.hostname ?? 'celery@%h'),
      pool: this.#options.pool ?? settings.workerPool,
      concurrency: this.#options.concurrency ?? settings.workerConcurrency ?? availableParallelism(),
      queues: [...selected.consumeFrom.values()],
    }
  }

  async #build(facts: WorkerFacts): Promise<Running> {
    const app = this.#app
    const settings = app.conf.values
    const tracer = await app.createTracer({ joinWillBlock: true })
    const run: RunJob = (job, control) => tracer.run(job, control)
    const pool = await this.#createPool(facts, run)
    const broker = await app.connect()
    const backend = await app.backend()
    // Opened now: a backend that cannot be had shall be told of before the first task has run.
    await backend.getMetas([])
    const { clock, logger } = app
    const parts: ReceiveParts = {
      host: app,
      pool,
      backend,
      results: new ResultWriter({ backend, clock, logger, stopping: this.#ending.signal }),
      state: this.#state,
      signals: app.signals,
      logger: app.logger,
      clock: app.clock,
      hostname: facts.hostname,
      tasks: app.tasks,
      zone: settings.timezone,
      decode: (message) => app.decode(message),
      accepts: (contentType) => app.acceptList().find(contentType) !== undefined,
      encode: (body) => app.serialization.encodeBody(body, 'json'),
    }
    const smallest = facts.concurrency * (this.#options.prefetchMultiplier ?? settings.workerPrefetchMultiplier)
    const prefetch = new PrefetchCount({
      smallest,
      clock,
      apply: (count) => {
        void this.#applyPrefetch(consumer, dispatcher, count)
      },
    })
    const dispatcher: Dispatcher = new Dispatcher({
      pool,
      state: this.#state,
      clock: app.clock,
      logger: app.logger,
      receive: (message) => receive(message, parts),
      onEnded: () => {
        if (smallest > 0) prefetch.ended()
      },
      onReceived: (request) => {
        if (app.logger.enabled('INFO')) app.logger.info(`Task ${request.label} received`)
        if (!app.signals.has('task-received')) return
        const { id: taskId, name: task } = request.head
        void app.signals.send('task-received', { taskId, task, headers: request.message.message.headers })
      },
    })
    const consumer = new Consumer({
      broker,
      queues: facts.queues,
      prefetchCount: smallest,
      logger: app.logger,
      onMessages: (messages) => {
        dispatcher.add(messages)
      },
      attach: (connection) => this.#attachMailbox(connection, broker, facts),
      onLost: () => {
        this.#state.reserved.clear()
      },
    })
    this.#prefetch = prefetch
    this.#dispatch = () => {
      dispatcher.dispatch()
    }
    return { facts, pool, dispatcher, consumer }
  }

  async #applyPrefetch(consumer: Consumer, dispatcher: Dispatcher, count: number): Promise<void> {
    try {
      await consumer.setPrefetchCount(count)
      await dispatcher.shrink(count)
    } catch (error) {
      this.#app.logger.warning('The prefetch count could not be changed', { error })
    }
  }

  /** Set once the dispatcher stands; the pool may call earlier. */
  #dispatch: () => void = () => undefined

  async #createPool(facts: WorkerFacts, run: RunJob): Promise<Pool> {
    const createPool = await findPool(facts.pool)
    const app = this.#app
    const settings = app.conf.values
    const maxMemory = this.#options.maxMemoryPerChild ?? settings.workerMaxMemoryPerChild
    return createPool({
      concurrency: facts.concurrency,
      run,
      logger: app.logger,
      clock: app.clock,
      appLocation: this.#options.appLocation ?? app.location,
      settings: app.conf.changes,
      maxTasksPerChild: this.#options.maxTasksPerChild ?? settings.workerMaxTasksPerChild ?? undefined,
      maxMemoryPerChildBytes: maxMemory === null ? undefined : maxMemory * 1024,
      childStartTimeoutMs: settings.workerProcAliveTimeout * 1000,
      childOutput: settings.workerRedirectStdouts ? logLevelOf(settings.workerRedirectStdoutsLevel) : 'inherit',
      onFree: () => {
        this.#dispatch()
      },
      onFailed: (error) => {
        this.#failure = error
        void this.stop('cold')
      },
    })
  }

  async #attachMailbox(
    connection: Connection,
    broker: BrokerConnection,
    facts: WorkerFacts,
  ): Promise<() => Promise<void>> {
    const app = this.#app
    if (!app.conf.values.workerEnableRemoteControl || !connection.features.fanout) return () => Promise.resolve()
    const target: CommandTarget = {
      hostname: facts.hostname,
      state: this.#state,
      terminate: (key, signal) => this.#terminate(key, signal),
      shutdown: () => {
        void this.stop('warm')
      },
    }
    const mailbox = app.createMailbox(broker)
    const node = await mailbox.serve(connection, {
      nodename: facts.hostname,
      handle: (method, args) => this.#command(target, method, args),
    })
    return () => node.stop()
  }

  #command(target: CommandTarget, method: string, args: CommandArguments): unknown {
    const command = this.#commands.get(method)
    if (command === undefined) throw new InvalidTaskError(`There is no command ${method}`)
    return command.run(target, args)
  }

  #terminate(key: number, signal: NodeJS.Signals): boolean {
    return this.#state.active.get(key)?.terminate(signal) ?? false
  }

  async #stop({ facts, pool, dispatcher, consumer }: Running, how: StopStrength): Promise<void> {
    const { signals } = this.#app
    await signals.send('worker-shutting-down', { hostname: facts.hostname, sig: undefined, how, exitcode: 0 })
    this.#prefetch?.stop()
    // No new messages first, so that what is given back next cannot come again to us.
    await consumer.stopConsuming()
    await dispatcher.close()
    await this.#stopPool(pool, how)
    this.#ending.abort()
    // Outcomes are acknowledged before the channel closes, for what is unacknowledged then goes back.
    await dispatcher.drained()
    await consumer.stop()
    await signals.send('worker-shutdown', { hostname: facts.hostname })
  }

  async #stopPool(pool: Pool, how: StopStrength): Promise<void> {
    if (how !== 'soft') return pool.stop(how)
    const seconds = this.#app.conf.values.workerSoftShutdownTimeout
    const timer = this.#app.clock.after(seconds * 1000, () => {
      void pool.stop('cold')
    })
    await pool.stop('warm')
    timer.cancel()
  }

  #hasten({ pool }: Running, how: 'soft' | 'cold'): Promise<void> {
    return this.#stopPool(pool, how)
  }
}

/** A setting's text as a level; Celery takes any case. */
function logLevelOf(text: string): LogLevel {
  return LOG_LEVELS.find((level) => level === text.toUpperCase()) ?? 'WARNING'
}
