/**
 * An exception as plain data (`exc_type`, `exc_message`, `exc_module`) to and from `Error`. Reading never loads, looks up
 * or calls anything that the document names: classes of ours come from the table below, the rest are `TaskError`s.
 *
 * Writing: our classes have the module where Python has a class of that name, so that a Python reader gets its own.
 * JavaScript's built-in classes become the Python ones that mean the same (`BUILTINS`). A user's class keeps its name and
 * has the module that `static excModule` says, else ours; Python makes up a class for it.
 */
import {
  AlreadyRegistered,
  BackendError,
  BackendGetMetaError,
  BackendStoreError,
  CeleryError,
  ChannelError,
  ChordError,
  ConnectionError,
  ContentDisallowed,
  DecodeError,
  EncodeError,
  ImproperlyConfigured,
  IncompleteStream,
  InvalidTaskError,
  MaxRetriesExceededError,
  NotRegistered,
  OperationalError,
  QueueNotFound,
  SecurityError,
  SerializationError,
  SoftTimeLimitExceeded,
  TaskError,
  TaskRevokedError,
  Terminated,
  TimeLimitExceeded,
  TimeoutError,
  WorkerLostError,
} from '../errors.ts'
import type { RemoteErrorFacts } from '../errors.ts'
import { isRecord } from '../util/record.ts'
import { repr, reprArgs } from '../util/repr.ts'

export interface ExceptionDocument {
  exc_type: string
  /** The arguments that the exception was made with: a list, or one value. */
  exc_message: unknown
  exc_module: string
}

const BUILTINS_MODULE = 'builtins'
const CELERY_MODULE = 'celery.exceptions'
const BILLIARD_MODULE = 'billiard.exceptions'
const KOMBU_MODULE = 'kombu.exceptions'
/** No module of Python's: a reader there makes up a class of that name. */
const OWN_MODULE = 'celeriac.errors'
/** What Celery puts in the place of an exception that it could not pickle: module, name, arguments and text of that. */
const WRAPPER = 'UnpickleableExceptionWrapper'

/** Python's class for each of JavaScript's own. Those that are missing have no counterpart and keep their name. */
const BUILTINS: ReadonlyMap<string, string> = new Map([
  ['Error', 'Exception'],
  ['AggregateError', 'Exception'],
  ['TypeError', 'TypeError'],
  ['SyntaxError', 'SyntaxError'],
  // "A value is not in the set or range of allowed values": what Python means by ValueError.
  ['RangeError', 'ValueError'],
  ['URIError', 'ValueError'],
  // Python's ReferenceError is about weak references.
  ['ReferenceError', 'NameError'],
])

/** What a document says of an exception. */
interface RemoteException extends RemoteErrorFacts {
  readonly args: readonly unknown[]
  readonly message: string
}

type Revive = (remote: RemoteException) => Error

const withFacts =
  (ErrorClass: new (message: string, facts: RemoteErrorFacts) => Error): Revive =>
  ({ message, args, traceback }) =>
    new ErrorClass(message, traceback === undefined ? { args } : { args, traceback })

const withMessage =
  (ErrorClass: new (message: string) => Error): Revive =>
  ({ message }) =>
    new ErrorClass(message)

/**
 * Our classes by the module and name of Python's. Without `Retry`, `Ignore` and `Reject`: thrown again by whoever waits
 * for the result they would steer that task too.
 */
const CLASSES: ReadonlyMap<string, ReadonlyMap<string, Revive>> = new Map([
  [
    CELERY_MODULE,
    new Map<string, Revive>([
      ['CeleryError', withMessage(CeleryError)],
      ['ImproperlyConfigured', withMessage(ImproperlyConfigured)],
      ['SecurityError', withMessage(SecurityError)],
      ['TaskError', withFacts(TaskError)],
      ['InvalidTaskError', withFacts(InvalidTaskError)],
      ['TaskRevokedError', withFacts(TaskRevokedError)],
      ['MaxRetriesExceededError', withFacts(MaxRetriesExceededError)],
      ['ChordError', withFacts(ChordError)],
      ['IncompleteStream', withFacts(IncompleteStream)],
      ['TimeoutError', withFacts(TimeoutError)],
      ['NotRegistered', withMessage(NotRegistered)],
      ['AlreadyRegistered', withMessage(AlreadyRegistered)],
      ['QueueNotFound', withMessage(QueueNotFound)],
      ['BackendError', withMessage(BackendError)],
      ['BackendGetMetaError', ({ message }) => new BackendGetMetaError(message, '')],
      ['BackendStoreError', ({ message }) => new BackendStoreError(message, '', '')],
    ]),
  ],
  [
    BILLIARD_MODULE,
    new Map<string, Revive>([
      ['SoftTimeLimitExceeded', (remote) => new SoftTimeLimitExceeded(secondsOf(remote))],
      ['TimeLimitExceeded', (remote) => new TimeLimitExceeded(secondsOf(remote))],
      ['WorkerLostError', reviveWorkerLost],
      ['Terminated', withMessage(Terminated)],
    ]),
  ],
  [
    KOMBU_MODULE,
    new Map<string, Revive>([
      ['OperationalError', withMessage(OperationalError)],
      ['ConnectionError', withMessage(ConnectionError)],
      ['ChannelError', withMessage(ChannelError)],
      ['SerializationError', withMessage(SerializationError)],
      ['EncodeError', withMessage(EncodeError)],
      ['DecodeError', withMessage(DecodeError)],
      ['ContentDisallowed', withMessage(ContentDisallowed)],
    ]),
  ],
])

/** The module of each of our classes that Python has too. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ...[...CLASSES].flatMap(([module, classes]) => [...classes.keys()].map((name) => [name, module] as const)),
  ...['TaskPredicate', 'Retry', 'Ignore', 'Reject'].map((name) => [name, CELERY_MODULE] as const),
])

/** The largest argument that is kept as data; a larger one becomes text. */
const MAX_VALUES = 10_000
const MAX_NESTING = 50
/** How many causes a traceback shows. */
const MAX_CAUSES = 10

/** An error, or whatever else was thrown, as plain data. Arguments that JSON cannot hold become text. Never throws. */
export function encodeException(error: unknown): ExceptionDocument {
  try {
    if (!(error instanceof Error)) {
      return { exc_type: 'Exception', exc_message: safeArgs([error]), exc_module: BUILTINS_MODULE }
    }
    return { ...typeOf(error), exc_message: safeArgs(argsOf(error)) } satisfies ExceptionDocument
  } catch {
    // An error whose own getters throw.
    return { exc_type: 'Exception', exc_message: ['<Unrepresentable error>'], exc_module: BUILTINS_MODULE }
  }
}

/**
 * The error that a document stands for: one of our classes where we have it, else a `TaskError` with the remote `name`,
 * `module`, `args` and `traceback`. A malformed document becomes a `TaskError` that shows it. Never throws.
 */
export function decodeException(document: unknown, traceback?: string): Error {
  if (document instanceof Error) return document
  if (!isRecord(document) || typeof document['exc_type'] !== 'string' || document['exc_type'] === '') {
    return new TaskError(describe(document), traceback === undefined ? {} : { traceback })
  }
  const { name, module, args } = unwrap(document['exc_type'], document['exc_module'], argsIn(document['exc_message']))
  const remote = { args, message: messageOf(args), ...(traceback === undefined ? {} : { traceback }) }
  const revive = module === undefined ? undefined : CLASSES.get(module)?.get(name)
  if (revive !== undefined) return revive(remote)
  return new TaskError(remote.message, { ...remote, name, ...(module === undefined ? {} : { module }) })
}

/** As Python prints it: `ValueError('bad moon')`. */
export function exceptionRepr(document: ExceptionDocument): string {
  const { name, args } = unwrap(document.exc_type, document.exc_module, argsIn(document.exc_message))
  // Python prints the class's own name, without those of the classes and functions that it is defined in.
  const shortName = name.slice(name.lastIndexOf('.') + 1)
  return shortName + (args.length === 1 ? `(${repr(args[0])})` : reprArgs(args))
}

/** The stack of an error and of its causes, ending in a line break; a remote traceback follows. Never throws. */
export function tracebackText(error: unknown): string {
  const seen = new Set<unknown>()
  let text = ''
  for (let next = error; seen.size < MAX_CAUSES && !seen.has(next);) {
    seen.add(next)
    try {
      text += `${text === '' ? '' : 'Caused by: '}${stackOf(next)}\n`
      if (!(next instanceof Error) || next.cause === undefined) break
      next = next.cause
    } catch {
      return `${text}<Unrepresentable error>\n`
    }
  }
  return text
}

function typeOf(error: Error): Pick<ExceptionDocument, 'exc_type' | 'exc_module'> {
  const { module, constructor } = error as { module?: unknown; constructor: { name?: unknown; excModule?: unknown } }
  const className = typeof constructor.name === 'string' && constructor.name !== '' ? constructor.name : error.name
  if (CeleryError.isCeleryError(error)) {
    // An exception of another process that goes on from here keeps what it was there.
    if (typeof module === 'string') return { exc_type: error.name, exc_module: module }
    const ours = MODULES.get(className)
    if (ours !== undefined) return { exc_type: className, exc_module: ours }
  }
  if (typeof constructor.excModule === 'string') return { exc_type: className, exc_module: constructor.excModule }
  const builtin = BUILTINS.get(className)
  if (builtin !== undefined && error.name === className) return { exc_type: builtin, exc_module: BUILTINS_MODULE }
  // A plain Error that was given a name of its own, or a DOMException such as AbortError.
  const named = (builtin !== undefined || className === 'DOMException') && error.name !== ''
  return { exc_type: named ? error.name : className, exc_module: OWN_MODULE }
}

/** What the exception would have been made with in Python. */
function argsOf(error: Error): readonly unknown[] {
  if (CeleryError.isCeleryError(error)) {
    const facts = error as { args?: unknown; seconds?: unknown; signal?: unknown; requeue?: unknown }
    if (Array.isArray(facts.args)) return facts.args
    if (typeof facts.seconds === 'number') return Number.isFinite(facts.seconds) ? [facts.seconds] : []
    if (typeof facts.signal === 'string') return [facts.signal]
    if (typeof facts.requeue === 'boolean') return [error.message, facts.requeue]
  }
  return error.message === '' ? [] : [error.message]
}

function safeArgs(args: readonly unknown[]): unknown[] {
  return args.map((arg) => (arg === undefined ? null : isPlainData(arg) ? arg : repr(arg)))
}

/** Can JSON hold it as it is? Large and deep values are not looked at to the end: they count as not. */
function isPlainData(value: unknown): boolean {
  const open: (readonly [value: unknown, depth: number])[] = [[value, 0]]
  let count = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [part, depth] = next
    count += 1
    if (count > MAX_VALUES || depth > MAX_NESTING) return false
    if (typeof part === 'object' && part !== null) {
      if (!Array.isArray(part) && (!isRecord(part) || 'toJSON' in part)) return false
      const inner: unknown[] = Object.values(part)
      if (inner.length > MAX_VALUES) return false
      for (const value of inner) open.push([value, depth + 1])
    } else if (typeof part === 'number' ? !Number.isFinite(part) : !isJsonPrimitive(part)) {
      return false
    }
  }
  return true
}

function isJsonPrimitive(value: unknown): boolean {
  return value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean'
}

function argsIn(message: unknown): readonly unknown[] {
  if (message === undefined || message === null) return []
  return Array.isArray(message) ? (message as unknown[]) : [message]
}

interface ExceptionFacts {
  readonly name: string
  readonly module: string | undefined
  readonly args: readonly unknown[]
}

/** The exception itself where Celery wrapped it. */
function unwrap(name: string, module: unknown, args: readonly unknown[]): ExceptionFacts {
  const [innerModule, innerName, innerArgs] = args
  if (name === WRAPPER && typeof innerModule === 'string' && typeof innerName === 'string') {
    return { name: innerName, module: innerModule, args: argsIn(innerArgs) }
  }
  return { name, module: typeof module === 'string' ? module : undefined, args }
}

/** `str(exception)`, nearly. */
function messageOf(args: readonly unknown[]): string {
  if (args.length === 0) return ''
  if (args.length > 1) return reprArgs(args)
  return typeof args[0] === 'string' ? args[0] : repr(args[0])
}

function describe(document: unknown): string {
  if (typeof document === 'string') return document
  if (document === undefined || document === null) return 'No reason was given'
  return `The exception cannot be read: ${repr(document)}`
}

/** Python's SoftTimeLimitExceeded does not say which limit it was. */
function secondsOf({ args }: RemoteException): number {
  return typeof args[0] === 'number' ? args[0] : NaN
}

/** From `Worker exited prematurely: signal 9 (SIGKILL) Job: 3.`, or `exitcode 155`. */
function reviveWorkerLost({ message }: RemoteException): Error {
  const code = /exitcode (-?\d+)/.exec(message)?.[1]
  const signal = /signal \d+ \((SIG\w+)\)|signal (\w+)/.exec(message)
  const error = new WorkerLostError(code === undefined ? (signal?.[1] ?? signal?.[2] ?? 'unknown') : Number(code))
  if (message !== '') error.message = message
  return error
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return repr(error)
  const stack = typeof error.stack === 'string' && error.stack !== '' ? error.stack : `${error.name}: ${error.message}`
  const { traceback } = error as { traceback?: unknown }
  if (!CeleryError.isCeleryError(error) || typeof traceback !== 'string') return stack
  return `${stack}\n\nTraceback of the other process:\n${traceback.trimEnd()}`
}
