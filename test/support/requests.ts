/** Requests for tests: a pool whose outcomes the test decides, a backend that is a list. */
import type { EncodedResult, ResultBackend, StoringResult } from '../../src/backend/backend.ts'
import { storeResult } from '../../src/backend/storing.ts'
import type { ResultAddress } from '../../src/protocol/reply.ts'
import type { TaskMeta } from '../../src/protocol/result.ts'
import { decodeTaskHead } from '../../src/protocol/task.ts'
import type { TaskCall } from '../../src/protocol/task.ts'
import { Signals } from '../../src/signals.ts'
import type { TaskOptions } from '../../src/task/options.ts'
import type { Outcome } from '../../src/task/outcome.ts'
import { TaskRegistry } from '../../src/task/registry.ts'
import { createTask, TaskDefinition } from '../../src/task/task.ts'
import type { TaskHost } from '../../src/task/task.ts'
import { BoundedSet } from '../../src/util/bounded-set.ts'
import { createLogger } from '../../src/util/logger.ts'
import { Rounds } from '../../src/util/rounds.ts'
import { Announcer } from '../../src/worker/announcer.ts'
import type { TaskEvents } from '../../src/worker/announcer.ts'
import { EarlyAcks } from '../../src/worker/early-acks.ts'
import type { Job, JobObserver, Pool } from '../../src/worker/pool/pool.ts'
import type { ReceiveParts } from '../../src/worker/receive.ts'
import { Request } from '../../src/worker/request.ts'
import type { ResultOwner, ResultWriter } from '../../src/worker/result-writer.ts'
import { WorkerState } from '../../src/worker/state.ts'
import { fakeClock } from './fake-clock.ts'
import type { FakeClock } from './fake-clock.ts'
import { fakeHost } from './fake-host.ts'
import type { NotedCall } from './fake-host.ts'
import { incomingTask } from './incoming.ts'
import type { Fate, Noted } from './incoming.ts'
import { taskDefaults } from './task-defaults.ts'

/** A job in the pool, and the test's hand on it. */
export interface RunningJob {
  readonly job: Job
  readonly observer: JobObserver
  readonly end: { resolve(outcome: Outcome): void }
}

export interface Requests {
  readonly parts: ReceiveParts
  readonly running: RunningJob[]
  readonly stored: TaskMeta[]
  /** For whom each of them was. */
  readonly addresses: ResultAddress[]
  readonly logged: string[]
  readonly calls: NotedCall[]
  /** Events that were sent: type and fields. */
  readonly events: [type: string, fields: unknown][]
  readonly clock: FakeClock
  /** How many jobs the pool takes. */
  slots: number
  /** Make storing fail. */
  storeError: Error | undefined
  define(name: string, options?: TaskOptions): TaskDefinition
  request(options?: TaskOptions, call?: Partial<TaskCall>, fate?: Fate): { request: Request } & Noted
}

export function requests(options: { readonly isolated?: boolean; readonly sendsTasks?: boolean } = {}): Requests {
  const { host, calls } = fakeHost()
  const logged: string[] = []
  const logger = createLogger({ level: 'DEBUG', write: (record) => logged.push(`${record.level} ${record.message}`) })
  const clock = fakeClock()
  const defaults = taskDefaults()
  const taskHost = { ...host, taskDefaults: () => defaults } as unknown as TaskHost
  const running: RunningJob[] = []
  const stored: TaskMeta[] = []
  const tasks = new TaskRegistry()
  const state: WorkerState<Request> = new WorkerState(new BoundedSet({ maxSize: 10, maxAgeMs: 1000, clock }))
  const signals = new Signals(logger)
  const listener: TaskEvents = {
    sendsTasks: options.sendsTasks ?? false,
    sendTask: (type: string, fields: unknown) => void all.events.push([type, fields]),
  }
  const all: Requests = {
    running,
    stored,
    addresses: [],
    logged,
    calls,
    events: [],
    clock,
    slots: 1,
    storeError: undefined,
    define(name, taskOptions = {}) {
      const definition = new TaskDefinition(name, (x: number) => x, taskOptions, taskHost)
      tasks.register({ definition, task: createTask(definition, taskHost) })
      return definition
    },
    request(taskOptions = {}, call = {}, fate = {}) {
      const noted = incomingTask(call, {}, fate)
      const { headers, properties } = noted.message.message
      const definition = new TaskDefinition('proj.add', (x: number) => x, taskOptions, taskHost)
      return {
        request: new Request(decodeTaskHead(headers, properties), definition, noted.message, all.parts),
        ...noted,
      }
    },
    parts: {
      host,
      tasks,
      signals,
      logger,
      clock,
      hostname: 'celery@test',
      zone: 'UTC',
      state,
      announcer: new Announcer({ events: listener, signals, logger }),
      earlyAcks: new EarlyAcks(state.orphans),
      findSuccess: undefined,
      decode: (message) => JSON.parse(message.body as string),
      stopping: new AbortController().signal,
      chordEnds: undefined,
      claimPrefix: 'worker-',
      inheritPriority: false,
      accepts: (contentType) => contentType === 'application/json',
      encode: (body) => ({ body: JSON.stringify(body), contentType: 'application/json', contentEncoding: 'utf-8' }),
      acks: new Rounds((requests, error) => {
        for (const request of requests) request.acknowledged(error)
      }),
      counts: new Rounds((requests) => {
        for (const request of requests) request.counted()
      }),
      get results() {
        const write = (result: EncodedResult, to: ResultAddress, owner: ResultOwner): void => {
          const written = owner.written.bind(owner)
          storeResult(all.parts.backend, result, to).then(() => {
            written(undefined)
          }, written)
        }
        return { write } as ResultWriter
      },
      backend: {
        encodeResult: (meta: TaskMeta): EncodedResult => ({
          taskId: meta.task_id,
          status: meta.status,
          body: JSON.stringify(meta),
        }),
        storeResult: (storing: StoringResult) => {
          const { result, to = {} } = storing
          storing.error = all.storeError
          if (all.storeError !== undefined) return Promise.resolve()
          all.addresses.push(to)
          stored.push(JSON.parse(result.body as string) as TaskMeta)
          return Promise.resolve()
        },
      } as unknown as ResultBackend,
      pool: {
        isolated: options.isolated ?? true,
        get free() {
          return all.slots - running.length
        },
        execute: (job: Job, observer: JobObserver) => {
          const resolve = (outcome: Outcome): void => {
            running.splice(running.indexOf(entry), 1)
            observer.ended(outcome)
          }
          const entry = { job, observer, end: { resolve } }
          running.push(entry)
        },
        terminate: () => true,
      } as unknown as Pool,
    },
  }
  return all
}

/** Resolves when the request is over, as its line is told; rejects with what kept its message from being settled. */
export function execute(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (_request: Request, error: Error | undefined): void => {
      if (error === undefined) resolve()
      else reject(error)
    }
    request.execute({ entered: () => undefined, settled })
  })
}
