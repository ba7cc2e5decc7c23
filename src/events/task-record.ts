/** What is known of one task from its events (`celery/events/state.py`, `Task`). `State` keeps and changes it. */
import {
  FAILURE,
  PENDING,
  precedence,
  READY_STATES,
  RECEIVED,
  REJECTED,
  RETRY,
  REVOKED,
  STARTED,
  SUCCESS,
} from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { applyFields, fieldTable } from './fields.ts'
import type { FieldRecord } from './fields.ts'
import type { HeapRef } from './task-heap.ts'
import type { WorkerRecord } from './worker-record.ts'

/** The state after each event, and the property that holds its time, which is the subject. */
const STATES: ReadonlyMap<string, TaskState> = new Map([
  ['sent', PENDING],
  ['received', RECEIVED],
  ['started', STARTED],
  ['failed', FAILURE],
  ['retried', RETRY],
  ['succeeded', SUCCESS],
  ['revoked', REVOKED],
  ['rejected', REJECTED],
])
type Subject = 'sent' | 'received' | 'started' | 'failed' | 'retried' | 'succeeded' | 'revoked' | 'rejected'

const FIELDS = fieldTable(
  {
    name: {},
    args: {},
    kwargs: {},
    eta: {},
    expires: {},
    retries: { kind: 'number' },
    result: {},
    exception: {},
    traceback: {},
    runtime: { kind: 'number' },
    queue: {},
    exchange: {},
    routing_key: { property: 'routingKey' },
    root_id: { property: 'rootId' },
    parent_id: { property: 'parentId' },
    timestamp: { kind: 'number' },
    clock: { kind: 'number' },
  },
  ['type', 'uuid', 'hostname', 'pid', 'utcoffset', 'local_received'],
)

/** What an event that comes too late may still say: the other fields belong to the state that is known already. */
const LATE_FIELDS: ReadonlyMap<TaskState, ReadonlySet<string>> = new Map([
  [RECEIVED, new Set(['name', 'args', 'kwargs', 'parent_id', 'root_id', 'retries', 'eta', 'expires'])],
])

/** What `info` shows. */
const INFO_FIELDS = [
  'args',
  'kwargs',
  'retries',
  'result',
  'eta',
  'runtime',
  'expires',
  'exception',
  'exchange',
  'routing_key',
  'root_id',
  'parent_id',
] as const

const NO_CHILDREN: ReadonlySet<TaskRecord> = new Set()

/** One task. Times are Unix times in seconds; texts of values are Python-like, as its worker sent them. */
export class TaskRecord implements FieldRecord {
  /** The task's id. */
  readonly uuid: string
  /** The task's name; undefined until an event says it. */
  name: string | undefined = undefined
  state: TaskState = PENDING
  /** When it was published: only where callers send `task-sent` events. */
  sent: number | undefined = undefined
  received: number | undefined = undefined
  started: number | undefined = undefined
  succeeded: number | undefined = undefined
  failed: number | undefined = undefined
  retried: number | undefined = undefined
  revoked: number | undefined = undefined
  rejected: number | undefined = undefined
  args: string | undefined = undefined
  kwargs: string | undefined = undefined
  /** ISO 8601. */
  eta: string | undefined = undefined
  /** ISO 8601. */
  expires: string | undefined = undefined
  retries: number | undefined = undefined
  /** The worker that told of it last. */
  worker: WorkerRecord | undefined = undefined
  /** The process that published it, as `task-sent` says. */
  client: string | undefined = undefined
  result: string | undefined = undefined
  exception: string | undefined = undefined
  traceback: string | undefined = undefined
  /** How long it ran, in seconds. */
  runtime: number | undefined = undefined
  queue: string | undefined = undefined
  exchange: string | undefined = undefined
  routingKey: string | undefined = undefined
  rootId: string | undefined = undefined
  parentId: string | undefined = undefined
  /** When the last event was sent. */
  timestamp: number | undefined = undefined
  /** The sender's logical clock at the last event. */
  clock: number | undefined = 0
  /** What events say besides, under their wire names: fields of your own, `terminated`, `signum`. */
  extra: Readonly<Record<string, unknown>> | undefined = undefined
  readonly #ref: HeapRef<TaskRecord> = { item: this }
  readonly #tasks: ReadonlyMap<string, TaskRecord>
  #children: Set<TaskRecord> | undefined
  /** The sets of children that it is in: one, unless its events name several parents. */
  readonly #families: Set<TaskRecord>[] = []

  /** Made by a `State`, whose tasks these are. */
  constructor(uuid: string, tasks: ReadonlyMap<string, TaskRecord>) {
    this.uuid = uuid
    this.#tasks = tasks
  }

  /** The task that called this one, where it is remembered. */
  get parent(): TaskRecord | undefined {
    return this.parentId === undefined ? undefined : this.#tasks.get(this.parentId)
  }

  /** The first task of the work-flow, where it is remembered. */
  get root(): TaskRecord | undefined {
    return this.rootId === undefined ? undefined : this.#tasks.get(this.rootId)
  }

  /** The tasks that it called, as far as they are remembered. */
  get children(): ReadonlySet<TaskRecord> {
    return this.#children ?? NO_CHILDREN
  }

  /** Who told of it last: `worker@host.pid`, or the caller. */
  get origin(): string | undefined {
    return this.worker?.id ?? this.client
  }

  /** Has it ended? */
  get ready(): boolean {
    return READY_STATES.has(this.state)
  }

  /** What is worth showing of it, under the wire's names; what is not known is left out. */
  info(fields: readonly string[] = INFO_FIELDS, extra: readonly string[] = []): Record<string, unknown> {
    const all = this.toJSON()
    const shown: Record<string, unknown> = {}
    for (const name of [...fields, ...extra]) if ((all[name] ?? null) !== null) shown[name] = all[name]
    return shown
  }

  /** All that is known, under Celery's names (`as_dict`): other tasks by their ids, the worker by its name. */
  toJSON(): Record<string, unknown> {
    const { uuid, name, state, received, sent, started, rejected, succeeded, failed, retried, revoked } = this
    const { args, kwargs, eta, expires, retries, worker, result, exception, timestamp, runtime, traceback } = this
    const { queue, exchange, routingKey, clock, client, rootId, parentId } = this
    return {
      ...{ uuid, name, state, received, sent, started, rejected, succeeded, failed, retried, revoked },
      ...{ args, kwargs, eta, expires, retries, worker: worker?.hostname, result, exception, timestamp, runtime },
      ...{ traceback, queue, exchange, routing_key: routingKey, clock, client, root: rootId, root_id: rootId },
      ...{ parent: parentId, parent_id: parentId, children: [...this.children].map((child) => child.uuid) },
    }
  }

  /**
   * For `State`: take over what an event says. An event may come late, such as `received` after `succeeded`: then the
   * state stays as it is, for it is the more final one. A retry begins anew and is never late.
   */
  apply(subject: string, timestamp: number, event: Readonly<Record<string, unknown>>): void {
    const known = STATES.get(subject)
    if (known !== undefined) this[subject as Subject] = timestamp
    const state = known ?? subject.toUpperCase()
    if (state !== RETRY && this.state !== RETRY && precedence(state) > precedence(this.state)) {
      applyFields(this, event, FIELDS, LATE_FIELDS.get(state))
      return
    }
    applyFields(this, event, FIELDS)
    this.state = state
    this.timestamp = timestamp
  }

  /** For `State`: the way from an entry of its heap to this task. */
  get ref(): HeapRef<TaskRecord> {
    return this.#ref
  }

  /** For `State`: it called this task. */
  addChild(child: TaskRecord): void {
    this.#children ??= new Set()
    child.join(this.#children)
  }

  /** For `State`: it belongs to these children until it is forgotten. */
  join(children: Set<TaskRecord>): void {
    if (children.has(this)) return
    children.add(this)
    this.#families.push(children)
  }

  /** For `State`: it is forgotten, and nothing shall keep it. */
  forget(): void {
    this.#ref.item = undefined
    for (const children of this.#families) children.delete(this)
  }
}
