/**
 * State: what a cluster looks like from its events (`celery/events/state.py`): its workers, its tasks, and how they came
 * to be where they are. Bounded in memory: the oldest tasks are forgotten first. What an event changes in a task is
 * `task-record.ts`, in a worker `worker-record.ts`, their order `task-heap.ts`.
 */
import { eventGroup } from '../protocol/event.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { Deque } from '../util/deque.ts'
import { silentLogger } from '../util/logger.ts'
import type { Logger } from '../util/logger.ts'
import { TaskHeap } from './task-heap.ts'
import type { TaskRecord } from './task-record.ts'
import { TaskTable } from './task-table.ts'
import { WorkerRecord } from './worker-record.ts'

/** What `State` reads of an event: `Event` fits, as a receiver hands it over. */
export interface StateEvent {
  readonly type: string
  readonly [name: string]: unknown
}

/** What an event changed. One of `task` and `worker` is there, unless a handler of the user's took the event. */
export interface AppliedEvent {
  /** What follows the group: `received` of `task-received`. */
  readonly subject: string
  /** It was not known before. */
  readonly created: boolean
  readonly task?: TaskRecord
  readonly worker?: WorkerRecord
}

export interface StateOptions {
  /** How many tasks are remembered. Default 10000. */
  readonly maxTasksInMemory?: number
  /** How many workers are remembered. Default 5000. */
  readonly maxWorkersInMemory?: number
  /** Called with each event before it is applied. */
  readonly callback?: (state: State, event: StateEvent) => void
  /** A worker's first sign of life, or it has started anew. */
  readonly onNodeJoin?: (worker: WorkerRecord) => void
  /** A worker has said good-bye. */
  readonly onNodeLeave?: (worker: WorkerRecord) => void
  /** Takes all events of a group, by its name: yours, or `task` and `worker` instead of what is done here. */
  readonly handlers?: Readonly<Record<string, (subject: string, event: StateEvent) => void>>
  readonly clock?: Clock
  /** Told of workers whose clocks go wrong. Default nobody. */
  readonly logger?: Logger
}

/** How tasks are listed. */
export interface TaskQuery {
  /** At most so many tasks. Default all. */
  readonly limit?: number
  /** The latest first. Default true. */
  readonly reverse?: boolean
}

const DEFAULT_MAX_TASKS = 10_000
const DEFAULT_MAX_WORKERS = 5000
/** A task's usual events: sent, received, started, and its end. */
const EVENTS_A_TASK = 4
/** A clock that differs by more than this, in seconds, is worth a warning. */
const MAX_DRIFT = 16

export class State {
  readonly #options: StateOptions
  readonly #maxTasks: number
  readonly #maxWorkers: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #handlers: ReadonlyMap<string, (subject: string, event: StateEvent) => void>
  readonly #tasks: TaskTable
  readonly #workers = new Map<string, WorkerRecord>()
  readonly #heap: TaskHeap<TaskRecord>
  readonly #types = new Set<string>()
  /** Hosts whose clocks were warned of. */
  readonly #drifting = new Set<string>()
  /** How many look at it now; what comes meanwhile waits. */
  #frozen = 0
  readonly #waiting = new Deque<StateEvent>()
  #eventCount = 0
  #taskCount = 0

  constructor(options: StateOptions = {}) {
    this.#options = options
    this.#maxTasks = options.maxTasksInMemory ?? DEFAULT_MAX_TASKS
    this.#maxWorkers = options.maxWorkersInMemory ?? DEFAULT_MAX_WORKERS
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger()
    this.#handlers = new Map(Object.entries(options.handlers ?? {}))
    this.#tasks = new TaskTable(this.#maxTasks)
    this.#heap = new TaskHeap(this.#maxTasks * EVENTS_A_TASK)
  }

  /** The tasks by id, those that were first heard of first. */
  get tasks(): ReadonlyMap<string, TaskRecord> {
    return this.#tasks.all
  }

  /** The workers by name. */
  get workers(): ReadonlyMap<string, WorkerRecord> {
    return this.#workers
  }

  /** How many events came since the start, or since `clear()`. */
  get eventCount(): number {
    return this.#eventCount
  }

  /** How many tasks were received since the start, or since `clear()`; a retry counts again. */
  get taskCount(): number {
    return this.#taskCount
  }

  /**
   * Take over what an event says. Answers what it changed; undefined where it belongs to no known group, says too little,
   * or has to wait (`freezeWhile`). Throws only what the callbacks of the options throw.
   */
  event(event: StateEvent): AppliedEvent | undefined {
    if (this.#frozen === 0) return this.#apply(event)
    this.#waiting.push(event)
    // Whoever looks for so long does without the oldest.
    if (this.#waiting.size > this.#maxTasks * EVENTS_A_TASK) this.#waiting.shift()
    return undefined
  }

  /**
   * Run `look` while nothing changes; for an asynchronous function events wait until it is done, as many as tasks usually
   * have. With `clearAfter`, everything that has ended is forgotten then.
   */
  freezeWhile<T>(look: () => T, options: { readonly clearAfter?: boolean } = {}): T {
    this.#frozen += 1
    let result: T
    try {
      result = look()
    } catch (error) {
      this.#thaw(options)
      throw error
    }
    if (!(result instanceof Promise)) {
      this.#thaw(options)
      return result
    }
    return result.finally(() => {
      this.#thaw(options)
    }) as T
  }

  /** Forget all workers and tasks, with `ready` only the tasks that have ended; count anew. Default: `ready`. */
  clear(ready: boolean = true): void {
    this.#workers.clear()
    this.clearTasks(ready)
    this.#eventCount = 0
    this.#taskCount = 0
  }

  /** Forget tasks, with `ready` only those that have ended. Default: `ready`. */
  clearTasks(ready: boolean = true): void {
    for (const task of [...this.tasks.values()]) if (!ready || task.ready) this.#tasks.forget(task)
    this.#rebuildHeap()
  }

  /** Tasks in the order of what was last told of them: the latest first, unless `reverse` is false. */
  *tasksByTime(query: TaskQuery = {}): Generator<TaskRecord> {
    yield* this.#select(query, () => true)
  }

  /** Tasks with this name, in the order of `tasksByTime`. */
  *tasksByType(name: string, query: TaskQuery = {}): Generator<TaskRecord> {
    yield* this.#select(query, (task) => task.name === name)
  }

  /** Tasks that this worker told of last, in the order of `tasksByTime`. */
  *tasksByWorker(hostname: string, query: TaskQuery = {}): Generator<TaskRecord> {
    yield* this.#select(query, (task) => task.worker?.hostname === hostname)
  }

  /** Forget a worker that is lost. False where it is not known. */
  forgetWorker(hostname: string): boolean {
    return this.#workers.delete(hostname)
  }

  /** The names of all tasks that were heard of, sorted. */
  taskTypes(): string[] {
    return [...this.#types].sort()
  }

  /** The workers that were heard of within two of their heartbeats' intervals. */
  aliveWorkers(): WorkerRecord[] {
    return [...this.#workers.values()].filter((worker) => worker.alive)
  }

  #apply(event: StateEvent): AppliedEvent | undefined {
    this.#eventCount += 1
    this.#options.callback?.(this, event)
    const group = eventGroup(event.type)
    const subject = event.type.slice(group.length + 1)
    const handler = this.#handlers.get(group)
    if (handler !== undefined) {
      handler(subject, event)
      return { subject, created: false }
    }
    if (group === 'task') return this.#applyToTask(subject, event)
    return group === 'worker' ? this.#applyToWorker(subject, event) : undefined
  }

  #applyToWorker(subject: string, event: StateEvent): AppliedEvent | undefined {
    const { hostname } = event
    if (typeof hostname !== 'string') return undefined
    const isOffline = subject === 'offline'
    let worker = this.#workers.get(hostname)
    const created = worker === undefined && !isOffline
    worker ??= isOffline ? this.#newWorker(hostname) : this.#addWorker(hostname)
    worker.apply(event)
    if (isOffline) {
      worker.leave()
      this.#options.onNodeLeave?.(worker)
      this.#workers.delete(hostname)
    } else {
      this.#heard(worker, event)
      if (created || subject === 'online') this.#options.onNodeJoin?.(worker)
    }
    return { subject, created, worker }
  }

  #applyToTask(subject: string, event: StateEvent): AppliedEvent | undefined {
    const { uuid, hostname, timestamp, clock } = event
    if (typeof uuid !== 'string' || typeof hostname !== 'string' || typeof timestamp !== 'number') return undefined
    let task = this.#tasks.get(uuid)
    const created = task === undefined
    task ??= this.#tasks.add(uuid)
    const origin = subject === 'sent' ? (task.client = hostname) : this.#workerOf(task, hostname, event).id
    this.#heap.push(typeof clock === 'number' ? clock : 0, timestamp, origin, task.ref)
    if (subject === 'received') this.#taskCount += 1
    task.apply(subject, timestamp, event)
    if (task.name !== undefined) this.#addType(task.name)
    this.#tasks.relate(task)
    return { subject, created, task }
  }

  /** The worker that tells of the task. That is a sign of life too. */
  #workerOf(task: TaskRecord, hostname: string, event: StateEvent): WorkerRecord {
    const worker = this.#workers.get(hostname) ?? this.#addWorker(hostname)
    task.worker = worker
    this.#heard(worker, event)
    return worker
  }

  #heard(worker: WorkerRecord, { local_received: received, timestamp }: StateEvent): void {
    const heard = typeof received === 'number' ? received : this.#clock.now() / 1000
    worker.heard(heard)
    const drift = typeof timestamp === 'number' ? Math.abs(heard - timestamp) : 0
    if (drift > MAX_DRIFT && !this.#drifting.has(worker.hostname)) this.#warnOfDrift(worker.hostname, drift)
  }

  /** Once a host, as far as hosts are remembered. */
  #warnOfDrift(hostname: string, drift: number): void {
    addBounded(this.#drifting, hostname, this.#maxWorkers)
    this.#logger.warning(
      `Events of ${hostname} come ${drift.toFixed(1)} s after the time that they name: its clock may be wrong, or ours`,
    )
  }

  #newWorker(hostname: string): WorkerRecord {
    return new WorkerRecord(hostname, () => this.#clock.now() / 1000)
  }

  #addWorker(hostname: string): WorkerRecord {
    const worker = this.#newWorker(hostname)
    const [oldest] = this.#workers.keys()
    if (oldest !== undefined && this.#workers.size >= this.#maxWorkers) this.#workers.delete(oldest)
    this.#workers.set(hostname, worker)
    return worker
  }

  #addType(name: string): void {
    if (!this.#types.has(name)) addBounded(this.#types, name, this.#maxTasks)
  }

  *#select(
    { limit = Infinity, reverse = true }: TaskQuery,
    fits: (task: TaskRecord) => boolean,
  ): Generator<TaskRecord> {
    const seen = new Set<TaskRecord>()
    if (limit <= 0) return
    for (const task of this.#heap.items(reverse)) {
      if (seen.has(task) || !fits(task)) continue
      seen.add(task)
      yield task
      if (seen.size >= limit) return
    }
  }

  /** With the last that is known of each task. */
  #rebuildHeap(): void {
    this.#heap.clear()
    for (const { clock = 0, timestamp = 0, origin = '', ref } of this.tasks.values()) {
      this.#heap.push(clock, timestamp, origin, ref)
    }
  }

  #thaw({ clearAfter = false }: { readonly clearAfter?: boolean }): void {
    this.#frozen -= 1
    if (clearAfter) this.clear()
    while (this.#frozen === 0 && this.#waiting.size > 0) {
      const event = this.#waiting.shift()
      if (event !== undefined) this.#applyLate(event)
    }
  }

  /** Nobody is there any more to be told of a callback's error. */
  #applyLate(event: StateEvent): void {
    try {
      this.#apply(event)
    } catch (error) {
      this.#logger.error(`An event ${event.type} could not be applied`, { error })
    }
  }
}

/** The oldest goes when there are too many. */
function addBounded(set: Set<string>, member: string, maxSize: number): void {
  const [oldest] = set
  if (oldest !== undefined && set.size >= maxSize) set.delete(oldest)
  set.add(member)
}
