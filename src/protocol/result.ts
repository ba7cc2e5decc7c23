/**
 * The stored result documents (task meta, group meta) and result trees under their wire names
 * (`celery/backends/base.py`). How documents are encoded and where they lie is the backend's matter.
 */
import { DecodeError } from '../errors.ts'
import { formatIso8601 } from '../util/iso8601.ts'
import { isRecord, setField } from '../util/record.ts'
import { repr } from '../util/repr.ts'
import type { ExceptionDocument } from './exception.ts'
import { READY_STATES } from './states.ts'
import type { TaskState } from './states.ts'

/** `[[id, parent], children]`: a result and where it hangs, as plain data (`AsyncResult.as_tuple`). */
export type ResultTuple = [[string, ResultTuple | null], ResultTuple[] | null]

/** The document of one task. */
export interface TaskMeta {
  task_id: string
  status: TaskState
  /** The value; an `ExceptionDocument` where the state is one of the exception states; the meta of a custom state. */
  result: unknown
  traceback: string | null
  children: ResultTuple[] | null
  /** ISO 8601 with offset; null until the task has ended. */
  date_done: string | null
  group_id?: string
  parent_id?: string
  /** The rest is there with `resultExtended` only. */
  name?: string
  args?: unknown
  kwargs?: unknown
  worker?: string
  retries?: number
  queue?: string
  stamped_headers?: string[]
  [name: string]: unknown
}

/** The document of a group: its id, its parent and its children. */
export interface GroupMeta {
  result: ResultTuple
}

/** One part of a chord's header that has ended. */
export interface ChordPart {
  readonly taskId: string
  readonly status: TaskState
  /** The value, or an `ExceptionDocument` in an exception state. */
  readonly result: unknown
}

export type { ExceptionDocument }

/** What is to be stored of a task, in our words. What is undefined is left out, or null where Celery always has it. */
export interface TaskMetaFields {
  readonly taskId: string
  readonly status: TaskState
  /** JSON-safe, or whatever the result serializer takes; an `ExceptionDocument` in an exception state. */
  readonly result: unknown
  readonly traceback?: string | undefined
  readonly children?: readonly ResultTuple[] | undefined
  readonly groupId?: string | undefined
  readonly parentId?: string | undefined
  /** The rest is for `resultExtended`. */
  readonly name?: string | undefined
  readonly args?: unknown
  readonly kwargs?: unknown
  readonly worker?: string | undefined
  readonly retries?: number | undefined
  readonly queue?: string | undefined
  readonly stampedHeaders?: readonly string[] | undefined
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
}

/**
 * A task's document, with its fields in Celery's order. `nowMs` (Unix milliseconds) becomes `date_done` where the state
 * is a final one.
 */
export function encodeTaskMeta(fields: TaskMetaFields, nowMs: number): TaskMeta {
  const { taskId, status, result, traceback, children, stampedHeaders, stamps } = fields
  // Celery puts the id behind the rest; the type wants it from the start.
  const meta: Omit<TaskMeta, 'task_id'> & { task_id?: string } = {
    status,
    result: result === undefined ? null : result,
    traceback: traceback ?? null,
    children: children === undefined ? [] : [...children],
    date_done: READY_STATES.has(status) ? formatIso8601(nowMs) : null,
  }
  if (fields.groupId !== undefined) meta.group_id = fields.groupId
  if (fields.parentId !== undefined) meta.parent_id = fields.parentId
  if (fields.name !== undefined) meta.name = fields.name
  if (fields.args !== undefined) meta.args = fields.args
  if (fields.kwargs !== undefined) meta.kwargs = fields.kwargs
  if (fields.worker !== undefined) meta.worker = fields.worker
  if (fields.retries !== undefined) meta.retries = fields.retries
  if (fields.queue !== undefined) meta.queue = fields.queue
  if (stampedHeaders !== undefined) meta.stamped_headers = [...stampedHeaders]
  meta.task_id = taskId
  for (const name in stamps) {
    // A stamp that is called like a field must not hide it.
    if (!Object.hasOwn(meta, name)) setField(meta, name, stamps[name])
  }
  return meta as TaskMeta
}

/** Is it a task's document, whole and well-formed? */
export function isTaskMeta(value: unknown): value is TaskMeta {
  return (
    isRecord(value) &&
    typeof value['task_id'] === 'string' &&
    typeof value['status'] === 'string' &&
    'result' in value &&
    isTextOrNull(value['traceback']) &&
    isTextOrNull(value['date_done']) &&
    (value['children'] === null || isTupleList(value['children']))
  )
}

/**
 * Read a task's document. Missing fields are null, a date becomes text, unknown fields are kept. Throws `DecodeError`
 * where it is none.
 */
export function decodeTaskMeta(value: unknown): TaskMeta {
  if (isTaskMeta(value)) return value
  if (!isRecord(value)) throw notDocument('It is', value, 'an object')
  const date = value['date_done']
  const meta: Record<string, unknown> = {
    ...value,
    result: value['result'] ?? null,
    traceback: value['traceback'] ?? null,
    children: value['children'] ?? null,
    date_done: date instanceof Date ? dateText(date) : (date ?? null),
  }
  if (isTaskMeta(meta)) return meta
  if (typeof meta['task_id'] !== 'string') throw notDocument('Its "task_id" is', meta['task_id'], 'a task id')
  if (typeof meta['status'] !== 'string') throw notDocument('Its "status" is', meta['status'], 'a state')
  if (!isTextOrNull(meta['traceback'])) throw notDocument('Its "traceback" is', meta['traceback'], 'text')
  if (!isTextOrNull(meta['date_done'])) throw notDocument('Its "date_done" is', meta['date_done'], 'a time')
  throw notDocument('Its "children" are', meta['children'], 'a list of results')
}

/** A saved group's document. */
export function encodeGroupMeta(group: ResultTuple): GroupMeta {
  return { result: group }
}

/** Is it a group's document? */
export function isGroupMeta(value: unknown): value is GroupMeta {
  return isRecord(value) && isResultTuple(value['result'])
}

/** Read a saved group's document. Throws `DecodeError` where it is none. */
export function decodeGroupMeta(value: unknown): GroupMeta {
  if (isGroupMeta(value)) return value
  throw notDocument('It is', value, 'an object with the tree of a group as its "result"')
}

/** A part of a chord as it is kept until the others are there (`celery/backends/redis.py`); the 1 stands for its form. */
export function encodeChordPart({ taskId, status, result }: ChordPart): unknown[] {
  return [1, taskId, status, result === undefined ? null : result]
}

/** Read a part of a chord. Throws `DecodeError` where it is none. */
export function decodeChordPart(value: unknown): ChordPart {
  const [, taskId, status, result] = Array.isArray(value) ? (value as unknown[]) : []
  if (typeof taskId === 'string' && typeof status === 'string') return { taskId, status, result }
  throw new DecodeError(`This is no part of a chord: ${repr(value, { maxLength: 100 })}`)
}

/** One task's result: `[[id, parent], null]`. */
export function taskTuple(taskId: string, parent: ResultTuple | null = null): ResultTuple {
  return [[taskId, parent], null]
}

/** A group's result: `[[id, parent], children]`. */
export function groupTuple(groupId: string, children: ResultTuple[], parent: ResultTuple | null = null): ResultTuple {
  return [[groupId, parent], children]
}

/** Is it a result tree? Looks at all of it, however deep. */
export function isResultTuple(value: unknown): value is ResultTuple {
  // A list of what is still to be looked at instead of a recursion: a tree from outside may be deeper than the stack.
  const open: unknown[] = [value]
  while (open.length > 0) {
    const tuple = open.pop()
    if (!Array.isArray(tuple) || tuple.length !== 2) return false
    const [head, children] = tuple as unknown[]
    if (!Array.isArray(head) || head.length !== 2 || typeof head[0] !== 'string') return false
    if (head[1] !== null) open.push(head[1])
    if (children === null) continue
    if (!Array.isArray(children)) return false
    for (const child of children) open.push(child)
  }
  return true
}

/** Read a result tree. Throws `DecodeError` where it is none. */
export function decodeResultTuple(value: unknown): ResultTuple {
  if (isResultTuple(value)) return value
  throw new DecodeError(`This is no result tree: ${repr(value, { maxLength: 100 })}`)
}

function isTupleList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isResultTuple)
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

/** A date as text; one that Python does not have stays a date, which no document may hold. */
function dateText(date: Date): string | Date {
  const year = date.getUTCFullYear()
  return year >= 1 && year <= 9999 ? formatIso8601(date.getTime()) : date
}

function notDocument(what: string, value: unknown, wanted: string): DecodeError {
  return new DecodeError(`This is no result document. ${what} ${repr(value, { maxLength: 100 })}, not ${wanted}`)
}
