/** A worker as commands see it, made of a test's requests: it notes what is done to it. */
import { App } from '../../src/app/app.ts'
import type { AppOptions } from '../../src/app/app.ts'
import { createQueue } from '../../src/messaging/queue.ts'
import type { Queue } from '../../src/messaging/queue.ts'
import { createLogger } from '../../src/util/logger.ts'
import type { CommandTarget } from '../../src/worker/commands/command.ts'
import type { Pool } from '../../src/worker/pool/pool.ts'
import { Slots } from '../../src/worker/slots.ts'
import type { FakeClock } from './fake-clock.ts'
import { requests } from './requests.ts'
import type { Requests } from './requests.ts'

/** The worker, and the test's view of it. */
export interface CommandFixture {
  readonly worker: CommandTarget
  readonly app: App
  readonly all: Requests
  readonly clock: FakeClock
  readonly logged: string[]
  /** What was done to the worker, in order. */
  readonly trail: unknown[]
}

/** A worker of a new app on memory, and changes to it. */
export function commandTarget(options: AppOptions = {}, changes: Partial<CommandTarget> = {}): CommandFixture {
  const logged: string[] = []
  const logger = createLogger({ level: 'INFO', write: ({ level, message }) => logged.push(`${level} ${message}`) })
  const all = requests()
  const { clock } = all
  const app = new App('proj', { broker: 'memory://', backend: 'memory://', logger, clock, ...options })
  const trail: unknown[] = []
  Object.assign(all.parts.pool, {
    terminate: (key: number, signal: string) => trail.push(['terminate', key, signal]) > 0,
    info: () => ({ 'max-concurrency': 3 }),
    resize: async (size: number) => void trail.push(['resize', size]),
    restart: async () => void trail.push('restart'),
  } satisfies Partial<Pool>)
  const queues: Queue[] = [createQueue({ name: 'celery', exchange: 'celery', routingKey: 'celery' })]
  const worker: CommandTarget = {
    app,
    facts: { hostname: 'celery@test', pool: 'fake', concurrency: 3, autoscale: undefined, queues },
    state: all.parts.state,
    pool: all.parts.pool,
    stopping: new AbortController().signal,
    stop: (how) => void trail.push(['stop', how]),
    startedMs: clock.monotonic(),
    slots: new Slots({
      pool: all.parts.pool,
      prefetch: { resize: () => undefined },
      size: 3,
      multiplier: 4,
      autoscaled: false,
    }),
    autoscaler: undefined,
    prefetchCount: 12,
    brokerUrl: 'redis://me:**@broker:6380/5',
    queues,
    addQueue: async (queue) => {
      trail.push(['add', queue.name, queue.exchange.name, queue.exchange.type, queue.routingKey])
    },
    resetRateLimit: (taskName, rateLimit) => void trail.push(['rate limit', taskName, rateLimit]),
    cancelQueue: async (name) => void trail.push(['cancel', name]),
    events: app.events.dispatcher({ hostname: 'celery@test' }),
    sendHeartbeat: (freq) => void trail.push(['heartbeat', freq]),
    election: (...all) => void trail.push(['election', ...all]),
    ...changes,
  }
  return { worker, app, all, clock, logged, trail }
}
