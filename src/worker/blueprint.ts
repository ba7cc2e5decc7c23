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
import { ChordEnds } from '../canvas/chord-ends.ts'
import { runOutside } from '../context.ts'
import type { WorkerError } from '../errors.ts'
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import { WORKER_GROUP } from '../protocol/event.ts'
import type { Clock } from '../util/clock.ts'
import { LOG_LEVELS } from '../util/logger.ts'
import type { LogLevel } from '../util/logger.ts'
import { Rounds } from '../util/rounds.ts'
import { Announcer } from './announcer.ts'
import { autoscaleKeepaliveMs, findAutoscaler } from './autoscaler.ts'
import type { Autoscaler, CreateAutoscaler } from './autoscaler.ts'
import { createCommands } from './commands/all.ts'
import type { CommandTarget } from './commands/command.ts'
import type { ComponentHost } from './component.ts'
import { Components } from './components.ts'
import { Consumer } from './consumer.ts'
import { successFinder } from './duplicates.ts'
import { EarlyAcks } from './early-acks.ts'
import { EventSending } from './event-sending.ts'
import { Dispatcher } from './dispatcher.ts'
import type { DispatcherParts } from './dispatcher.ts'
import type { WorkerFacts } from './facts.ts'
import { Gossip } from './gossip.ts'
import { Heartbeat } from './heartbeat.ts'
import { Mingle } from './mingle.ts'
import type { WorkerOptions } from './options.ts'
import type { Pool } from './pool/pool.ts'
import { findPool } from './pool/registry.ts'
import { PrefetchCount } from './qos.ts'
import type { PrefetchParts } from './qos.ts'
import { receive } from './receive.ts'
import type { ReceiveParts } from './receive.ts'
import { RemoteControl } from './remote-control.ts'
import type { Request } from './request.ts'
import { ResultWriter } from './result-writer.ts'
import { Slots } from './slots.ts'
import { StateFile } from './statedb.ts'
import type { WorkerState } from './state.ts'

/** What a worker is built from. */
export interface Plan {
  readonly app: App
  readonly options: WorkerOptions
  readonly facts: WorkerFacts
  readonly state: WorkerState<Request>
  /** Aborted when results are waited for no longer. */
  readonly ending: AbortSignal
  /** Aborted when the worker begins to stop. */
  readonly stopping: AbortSignal
  /** A component or a command asks for the end. */
  readonly stop: ComponentHost['stop']
  /** The pool cannot go on. */
  readonly onFailed: (error: WorkerError) => void
}

/** The parts that a worker starts and stops. */
export interface WorkerParts {
  readonly facts: WorkerFacts
  readonly components: Components
  readonly pool: Pool
  readonly dispatcher: Dispatcher
  readonly prefetch: PrefetchCount
  readonly slots: Slots
  readonly autoscaler: Autoscaler | undefined
  readonly consumer: Consumer
}

/**
 * Put the parts together. Throws `ImproperlyConfigured` for a pool or an autoscaler that there is not, and what opening
 * a backend throws.
 */
export async function createParts(plan: Plan): Promise<WorkerParts> {
  const { app } = plan
  const backend = await app.backend()
  // Opened now: a backend that cannot be had shall be told of before the first task has run.
  await backend.getMetas([])
  const createAutoscaler = await autoscalerOf(plan)
  const pool = await createPool(plan, () => {
    dispatcher.dispatch()
  })
  const events = createEvents(plan)
  const announcer = new Announcer({ events, signals: app.signals, logger: app.logger })
  const tools = { pool, backend, announcer }
  const dispatcher = createDispatcher(plan, tools, {
    brokerDelays: () => consumer.features?.delayed === true,
    onHeld: (count) => {
      prefetch.hold(count)
      // Told after each batch, and when the time of those that were held has come.
      autoscaler?.maybeScale()
    },
    onEnded: () => {
      prefetch.ended()
      if (wanted !== undefined) consumer.fetch()
    },
  })
  const prefetch = createPrefetch(plan, (count, keep) => {
    void holdAtMost(count, keep)
  })
  const slots = createSlots(plan, pool, prefetch)
  const autoscaler = createAutoscaler?.(slots)
  const broker = await app.connect()
  const gossip = new Gossip(events)
  const heartbeat = createHeartbeat(plan, events)
  const components = createComponents(
    plan,
    { broker, events, gossip, heartbeat },
    {
      ...componentHost(plan, pool),
      startedMs: app.clock.monotonic(),
      events,
      slots,
      autoscaler,
      get prefetchCount() {
        return prefetch.count
      },
      get brokerUrl() {
        return broker.displayUrl
      },
      get queues() {
        return consumer.queues
      },
      addQueue: (queue) => consumer.addQueue(queue),
      cancelQueue: (name) => consumer.cancelQueue(name),
      resetRateLimit: (taskName, rateLimit) => {
        dispatcher.resetRateLimit(taskName, rateLimit)
      },
      sendHeartbeat: (freq) => {
        heartbeat.send('worker-heartbeat', freq)
      },
      election: (id, topic, action) => {
        gossip.election(id, topic, action)
      },
    },
  )
  const wanted = disablesPrefetch(plan) ? () => freeSlots(plan, slots) : undefined
  const consumer = createConsumer(plan, { broker, components, prefetch, wanted, dispatcher, pool })
  const holdAtMost = async (count: number, keep: number | undefined): Promise<void> => {
    try {
      await consumer.setPrefetchCount(count)
      if (keep !== undefined) await dispatcher.shrink(keep)
    } catch (error) {
      app.logger.warning('The prefetch count could not be changed', { error })
    }
  }
  dispatcher.forget()
  return { facts: plan.facts, components, pool, dispatcher, prefetch, slots, autoscaler, consumer }
}

async function createPool({ app, options, facts, onFailed }: Plan, onFree: () => void): Promise<Pool> {
  const create = await findPool(facts.pool)
  const tracer = await app.createTracer({ joinWillBlock: true })
  const settings = app.conf.values
  const who = { hostname: facts.hostname }
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
    lostWaitMs: settings.workerLostWait * 1000,
    onSpawn: () => {
      if (app.signals.has('worker-before-create-process')) void app.signals.send('worker-before-create-process', who)
    },
    onFree,
    onFailed,
  })
}

/** What the dispatcher asks of the parts that are made after it, and tells them. */
type Ties = Pick<DispatcherParts, 'brokerDelays' | 'onHeld' | 'onEnded'>

/** What requests work with, besides the plan. */
type RequestTools = Pick<ReceiveParts, 'pool' | 'backend' | 'announcer'>

function createDispatcher(plan: Plan, tools: RequestTools, ties: Ties): Dispatcher {
  const { state } = plan
  const { pool } = tools
  const { clock, logger, signals } = plan.app
  const parts = receiveParts(plan, tools)
  return new Dispatcher({
    pool,
    state,
    clock,
    logger,
    limitsRates: !plan.app.conf.values.workerDisableRateLimits,
    receive: (message) => receive(message, parts),
    onReceived: (request) => {
      const { id: taskId, name: task } = request.head
      if (logger.enabled('INFO')) {
        logger.info(`Task ${request.label} received${untilWhen(request.head, clock)}`, { task, taskId })
      }
      if (!signals.has('task-received')) return
      void signals.send('task-received', { taskId, task, headers: request.message.message.headers })
    },
    ...ties,
  })
}

function untilWhen({ etaMs }: Request['head'], clock: Clock): string {
  return etaMs === undefined || etaMs <= clock.now() ? '' : `, held until ${new Date(etaMs).toISOString()}`
}

function receiveParts({ app, state, facts, ending }: Plan, tools: RequestTools): ReceiveParts {
  const { clock, logger } = app
  const { backend } = tools
  return {
    ...tools,
    host: app,
    results: new ResultWriter({ backend, clock, logger, stopping: ending }),
    chordEnds: createChordEnds(app, backend.chords, ending),
    state,
    earlyAcks: new EarlyAcks(state.orphans),
    acks: new Rounds((requests, error) => {
      for (const request of requests) request.acknowledged(error)
    }),
    counts: new Rounds((requests) => {
      runOutside(() => {
        for (const request of requests) request.counted()
      })
    }),
    findSuccess: app.conf.values.workerDeduplicateSuccessfulTasks ? successFinder(backend, logger) : undefined,
    signals: app.signals,
    logger,
    clock,
    hostname: facts.hostname,
    tasks: app.tasks,
    zone: app.conf.values.timezone,
    decode: (message) => app.decode(message),
    claimPrefix: `${app.newId()}-`,
    inheritPriority: app.conf.values.taskInheritParentPriority,
    stopping: ending,
    accepts: (contentType) => app.acceptList().find(contentType) !== undefined,
    encode: (body) => app.serialization.encodeBody(body, 'json'),
  }
}

function createChordEnds(app: App, chords: ResultBackend['chords'], signal: AbortSignal): ChordEnds | undefined {
  const { clock, logger } = app
  return chords === undefined ? undefined : new ChordEnds({ host: app, chords, clock, logger, signal })
}

/** Makes the autoscaler over the slots; undefined where there is none. */
async function autoscalerOf({
  app,
  options,
  facts,
  state,
  stopping,
}: Plan): Promise<((slots: Slots) => Autoscaler) | undefined> {
  const { autoscale } = facts
  if (autoscale === undefined) return undefined
  const create: CreateAutoscaler = options.autoscaler ?? (await findAutoscaler(app.conf.values.workerAutoscaler))
  const keepaliveMs = autoscaleKeepaliveMs(process.env)
  const qty = (): number => state.reserved.size + state.active.size
  return (slots) => create({ ...autoscale, qty, slots, clock: app.clock, logger: app.logger, keepaliveMs, stopping })
}

function createSlots(plan: Plan, pool: Pool, prefetch: PrefetchCount): Slots {
  const { concurrency, autoscale } = plan.facts
  const multiplier = prefetchMultiplierOf(plan)
  return new Slots({ pool, prefetch, size: concurrency, multiplier, autoscaled: autoscale !== undefined })
}

function disablesPrefetch({ app, options }: Plan): boolean {
  return options.disablePrefetch ?? app.conf.values.workerDisablePrefetch
}

/** How many messages could start at once. A pool that may grow has all its slots, for that is what it grows for. */
function freeSlots({ facts, state: { reserved, limited, active } }: Plan, slots: Slots): number {
  return (facts.autoscale?.max ?? slots.size) - reserved.size - limited.size - active.size
}

function prefetchMultiplierOf({ app, options }: Plan): number {
  return options.prefetchMultiplier ?? app.conf.values.workerPrefetchMultiplier
}

function createPrefetch(plan: Plan, apply: PrefetchParts['apply']): PrefetchCount {
  const { app, facts, state } = plan
  const { workerEtaTaskLimit: limit } = app.conf.values
  return new PrefetchCount({
    // A pool that may grow has work in hand for all its slots: that is what it grows for.
    smallest: (facts.autoscale?.max ?? facts.concurrency) * prefetchMultiplierOf(plan),
    multiplier: prefetchMultiplierOf(plan),
    ...(limit === null ? {} : { largestWithHeld: limit }),
    clock: app.clock,
    settling: () => state.settling,
    apply,
  })
}

/** Without task events they are of the worker alone, until somebody asks for more (`enable_events`). */
function createEvents({ app, options, facts }: Plan): EventDispatcher {
  const { taskEvents = app.conf.values.workerSendTaskEvents } = options
  return app.events.dispatcher({ hostname: facts.hostname, groups: taskEvents ? [] : [WORKER_GROUP] })
}

function createHeartbeat({ app, options, state }: Plan, events: EventDispatcher): Heartbeat {
  const { signals, clock } = app
  return new Heartbeat({ events, state, signals, clock, interval: options.heartbeatInterval })
}

function componentHost({ app, facts, state, stopping, stop }: Plan, pool: Pool): ComponentHost {
  return { app, facts, state, pool, stopping, stop }
}

/** What components of ours are made of, besides the plan. */
interface ComponentTools {
  readonly broker: BrokerConnection
  readonly events: EventDispatcher
  readonly gossip: Gossip
  readonly heartbeat: Heartbeat
}

/** The list, in the order in which they start and are attached; users' own come last. */
function createComponents({ app, options }: Plan, tools: ComponentTools, target: CommandTarget): Components {
  const { broker, events, gossip, heartbeat } = tools
  const { workerStateDb } = app.conf.values
  const { withoutMingle = false, withoutGossip = false, withoutHeartbeat = false } = options
  const list = [
    // Before whatever tells neighbours what is revoked.
    ...(workerStateDb === null || workerStateDb === '' ? [] : [new StateFile(workerStateDb)]),
    ...(withoutMingle ? [] : [new Mingle(broker)]),
    new EventSending(events),
    ...(withoutGossip ? [] : [gossip]),
    ...(withoutHeartbeat ? [] : [heartbeat]),
    new RemoteControl({ broker, target, commands: createCommands(options.commands) }),
    ...(options.components ?? []),
  ]
  return new Components(list, target)
}

/** What a consumer is tied to. */
interface ConsumerTies {
  readonly broker: BrokerConnection
  readonly components: Components
  readonly prefetch: PrefetchCount
  readonly wanted: (() => number) | undefined
  readonly dispatcher: Dispatcher
  readonly pool: Pool
}

function createConsumer(plan: Plan, ties: ConsumerTies): Consumer {
  const { broker, components, prefetch, wanted, dispatcher, pool } = ties
  const { app, options, facts, state } = plan
  const settings = app.conf.values
  return new Consumer({
    broker,
    queues: facts.queues,
    prefetchCount: prefetch.count,
    wanted,
    purge: options.purge ?? false,
    retryFirst: settings.brokerConnectionRetryOnStartup,
    retryLost: settings.brokerConnectionRetry,
    retryRefused: settings.brokerChannelErrorRetry,
    logger: app.logger,
    clock: app.clock,
    onMessages: (messages) => {
      dispatcher.add(messages)
    },
    attach: (connection, over) => components.attach(connection, over),
    hasRoom: () => pool.free > 0 && state.reserved.size === 0 && state.limited.size === 0,
    onLost: () => {
      dispatcher.forget()
      if (settings.workerEnablePrefetchCountReduction) prefetch.lost(state.active.size)
      if (!settings.workerCancelLongRunningTasksOnConnectionLoss) return
      for (const request of state.active.values()) request.cancel()
    },
  })
}

/** A setting's text as a level; Celery takes any case. */
function logLevelOf(text: string): LogLevel {
  return LOG_LEVELS.find((level) => level === text.toUpperCase()) ?? 'WARNING'
}
