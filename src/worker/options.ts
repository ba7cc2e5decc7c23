/** What a worker is told, and what it makes of it with the settings behind: who it is, which pool, which queues. */
import { availableParallelism } from 'node:os'
import type { AppLocation } from '../app/loader.ts'
import type { Queues } from '../app/queues.ts'
import type { Settings } from '../app/settings.ts'
import type { Queue } from '../messaging/queue.ts'
import { expandNodename } from '../protocol/nodename.ts'

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
  /** Messages in hand are at most this times the concurrency; 0 is no limit. Default: `workerPrefetchMultiplier`. */
  readonly prefetchMultiplier?: number
  /** Replace a child process after so many tasks. Default: `workerMaxTasksPerChild`. */
  readonly maxTasksPerChild?: number
  /** Replace a child process with more memory than this, in KiB as in Celery. Default: `workerMaxMemoryPerChild`. */
  readonly maxMemoryPerChild?: number
  /** Throw away what waits in the queues before the start. */
  readonly purge?: boolean
  /** Where child processes find the app. Default: in the file that made it, the first export that is an app. */
  readonly appLocation?: AppLocation
}

/** What a worker is, for the banner and for commands. */
export interface WorkerFacts {
  /** The node name. */
  readonly hostname: string
  /** The pool's name. */
  readonly pool: string
  readonly concurrency: number
  /** Those that are consumed. */
  readonly queues: readonly Queue[]
}

/** What a worker will be. Throws `ImproperlyConfigured` for queues that are not declared where missing ones are not made. */
export function workerFacts(options: WorkerOptions, settings: Settings, queues: Queues): WorkerFacts {
  return {
    hostname: expandNodename(options.hostname ?? 'celery@%h'),
    pool: options.pool ?? settings.workerPool,
    concurrency: options.concurrency ?? settings.workerConcurrency ?? availableParallelism(),
    queues: queues.choose(options.queues, options.excludeQueues),
  }
}
