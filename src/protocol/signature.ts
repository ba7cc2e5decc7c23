/** A signature as plain data: a call that was not made yet (`celery/canvas.py`). Equal to Python's form, key by key. */
import { InvalidTaskError } from '../errors.ts'
import { isRecord, setField } from '../util/record.ts'
import { repr } from '../util/repr.ts'

/** Options of a signature under their wire names: `task_id`, `queue`, `link`, `group_id` ... */
export interface SignatureOptions {
  task_id?: string
  link?: SignatureData[] | SignatureData
  link_error?: SignatureData[] | SignatureData
  [name: string]: unknown
}

/** What kind of work-flow it is; null is one plain task. */
export type SubtaskType = 'chain' | 'group' | 'chord' | (string & {}) | null

export interface SignatureData {
  task: string
  args: unknown[]
  kwargs: Record<string, unknown>
  options: SignatureOptions
  subtask_type: SubtaskType
  immutable: boolean
  /** Keys that a newer peer added are kept. */
  [name: string]: unknown
}

/** What a signature must be given; the rest has defaults. */
export type SignatureFields = Partial<SignatureData> & Pick<SignatureData, 'task'>

const FIELDS: ReadonlySet<string> = new Set(['task', 'args', 'kwargs', 'options', 'subtask_type', 'immutable'])

/** A signature with all its fields, in Python's order; further fields follow. */
export function signatureData(fields: SignatureFields): SignatureData {
  const data: SignatureData = {
    task: fields.task,
    args: fields.args ?? [],
    kwargs: fields.kwargs ?? {},
    options: fields.options ?? {},
    subtask_type: fields.subtask_type ?? null,
    immutable: fields.immutable ?? false,
  }
  for (const name in fields) {
    if (!FIELDS.has(name)) setField(data, name, fields[name])
  }
  return data
}

/** Is it a whole signature? Looks at its own fields only: what lies in arguments and options is not checked. */
export function isSignatureData(value: unknown): value is SignatureData {
  return (
    isRecord(value) &&
    typeof value['task'] === 'string' &&
    Array.isArray(value['args']) &&
    isRecord(value['kwargs']) &&
    isRecord(value['options']) &&
    (value['subtask_type'] === null || typeof value['subtask_type'] === 'string') &&
    typeof value['immutable'] === 'boolean'
  )
}

/**
 * Read a signature that came from outside. Missing and null fields get their defaults, unknown ones are kept. Throws
 * `InvalidTaskError` where it is none. Does not look into arguments and options, so that any depth is safe.
 */
export function readSignature(value: unknown): SignatureData {
  if (isSignatureData(value)) return value
  if (!isRecord(value)) throw notSignature('it is', value, 'an object')
  const { task, args, kwargs, options, subtask_type: type, immutable } = value
  if (typeof task !== 'string') throw notSignature('its "task" is', task, 'a name')
  if (!isMissing(args) && !Array.isArray(args)) throw notSignature('its "args" are', args, 'a list')
  if (!isMissing(kwargs) && !isRecord(kwargs)) throw notSignature('its "kwargs" are', kwargs, 'an object')
  if (!isMissing(options) && !isRecord(options)) throw notSignature('its "options" are', options, 'an object')
  if (!isMissing(type) && typeof type !== 'string') throw notSignature('its "subtask_type" is', type, 'a name')
  if (!isMissing(immutable) && typeof immutable !== 'boolean') {
    throw notSignature('its "immutable" is', immutable, 'true or false')
  }
  return signatureData(value as SignatureFields)
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

function notSignature(what: string, value: unknown, wanted: string): InvalidTaskError {
  return new InvalidTaskError(`This is no signature: ${what} ${repr(value, { maxLength: 100 })}, not ${wanted}`)
}
