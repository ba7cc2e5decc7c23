/** What a worker is told, and what it makes of it with the settings behind: who it is, which pool, which queues. */
import { availableParallelism } from 'node:os'
import type { AppLocation } from '../app/loader.ts'
import type { Queues } from '../app/queues.ts'
import type { Settings } from '../app/settings.ts'
import { expandNodename } from '../protocol/nodename.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { checkRange } from './autoscaler.ts'
import type { AutoscaleRange, CreateAutoscaler } from './autoscaler.ts'
import type { Command } from './commands/command.ts'
import type { Component } from './component.ts'
import type { WorkerFacts } from './facts.ts'

/** How a worker works. What is left out comes from the settings. Durations are seconds. */
export interface WorkerOptions {
  /** The node name; `%h %n %d` are expanded. Default `celery@%h`. */
  readonly hostname?: string
  /** `prefork`, `threads`, `async`, `solo`, or the path of a module. Default: `workerPool`. */
  readonly pool?: string
  /** How many tasks run at the same time. Default: `workerConcurrency`, else the number of cores. */
  readonly concurrency?: number
  /** Let the pool grow and shrink with the tasks in hand, from `min` to `max` at a time, instead of `concurrency`. */
  readonly autoscale?: AutoscaleRange
  /** How it grows and shrinks. Default: what `workerAutoscaler` names. */
  readonly autoscaler?: CreateAutoscaler
  /** Only these queues. Default: all declared ones. */
  readonly queues?: readonly string[]
  /** All declared queues but these. */
  readonly excludeQueues?: readonly string[]
  /** Messages in hand are at most this times the concurrency; 0 is no limit. Default: `workerPrefetchMultiplier`. */
  readonly prefetchMultiplier?: number
  /** Fetch a message only when it can start at once. Default: `workerDisablePrefetch`. */
  readonly disablePrefetch?: boolean
  /** Replace a child process after so many tasks. Default: `workerMaxTasksPerChild`. */
  readonly maxTasksPerChild?: number
  /** Replace a child process with more memory than this, in KiB as in Celery. Default: `workerMaxMemoryPerChild`. */
  readonly maxMemoryPerChild?: number
  /** Send events of tasks (`-E`). Default: `workerSendTaskEvents`. */
  readonly taskEvents?: boolean
  /** Send no heartbeats. */
  readonly withoutHeartbeat?: boolean
  /** Seconds between two heartbeats. Default 2. */
  readonly heartbeatInterval?: number
  /** Ask the neighbours for nothing at the start: neither revoked tasks nor the logical clock. */
  readonly withoutMingle?: boolean
  /** Do not listen to the other workers. */
  readonly withoutGossip?: boolean
  /** Throw away what waits in the queues before the start. */
  readonly purge?: boolean
  /** More parts of this worker, after those of the app (`app.addWorkerComponent`). */
  readonly components?: readonly Component[]
  /** More remote control commands, after those of the app (`app.addWorkerCommand`). */
  readonly commands?: readonly Command[]
  /** Where child processes find the app. Default: in the file that made it, the first export that is an app. */
  readonly appLocation?: AppLocation
}

/**
 * What a worker will be. Throws `ImproperlyConfigured` for queues that are not declared where missing ones are not made,
 * and for a number of tasks at a time that cannot be.
 */
export function workerFacts(options: WorkerOptions, settings: Settings, queues: Queues): WorkerFacts {
  const pool = options.pool ?? settings.workerPool
  const autoscale = options.autoscale && checkRange(options.autoscale)
  if (autoscale !== undefined && pool === 'solo') {
    throw new ImproperlyConfigured(
      'The solo pool has one slot and cannot be scaled; use "prefork", "threads" or "async"',
    )
  }
  return {
    hostname: expandNodename(options.hostname ?? 'celery@%h'),
    pool,
    concurrency: autoscale?.min ?? checkConcurrency(options.concurrency ?? settings.workerConcurrency),
    autoscale,
    queues: queues.choose(options.queues, options.excludeQueues),
  }
}

function checkConcurrency(concurrency: number | null): number {
  if (concurrency === null) return availableParallelism()
  if (Number.isSafeInteger(concurrency) && concurrency > 0) return concurrency
  throw new ImproperlyConfigured(`The concurrency of a worker is a whole number from 1 on, not ${String(concurrency)}`)
}
