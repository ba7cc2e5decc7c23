/**
 * The end of a task that is a part of a chord: it is counted (`ChordStore`), and who brings the last part sends the body
 * with the values of all, or fails it where one of them failed (`on_chord_part_return` and `chord_error_from_stack` of
 * Celery's backends). The parts are counted before the task's own result is stored and its message acknowledged: a worker
 * that dies in between has lost nothing, for whoever redoes the task comes by here again.
 *
 * A store or broker that is away is asked again for as long as it takes: a body must not fail because a server started
 * anew. Only what would fail for ever fails the body.
 */
import type { ChordStore, CompleteChord, ResultBackend, ReturnedHeader, ReturningPart } from '../backend/backend.ts'
import { runOutside } from '../context.ts'
import { BackendError, ChordError, OperationalError } from '../errors.ts'
import { isOperational } from '../messaging/failure.ts'
import { encodeException, tracebackText } from '../protocol/exception.ts'
import type { TaskMeta } from '../protocol/result.ts'
import { isSignatureData } from '../protocol/signature.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { FAILURE } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import type { Once } from '../transport/transport.ts'
import { asError } from '../util/as-error.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { MaybePromise } from '../util/maybe-promise.ts'
import { failureMeta, tasksOf } from './abandoned.ts'
import { awaitParts, chordError, errorRepr, nestedValues, valuesOf } from './chord-values.ts'
import { callErrbacks, planFollower, sendFollower } from './continue.ts'
import type { Predecessor } from './continue.ts'
import type { Host, PlannedCall } from './host.ts'
import { linksOf } from './options.ts'

/** What ending a part takes. */
export interface ChordRuntime {
  readonly host: Host
  readonly clock: Clock
  readonly logger: Logger
  /** Hand over the document of a task that will never run. */
  readonly store: (meta: TaskMeta) => void
  /** Aborted when nobody can wait any longer. */
  readonly signal: AbortSignal
}

/** A task that is a part of a chord. */
export interface Part {
  readonly id: string
  readonly rootId: string
  readonly groupId: string | undefined
  readonly groupIndex: number | undefined
  /** The body. */
  readonly chord: SignatureData
  /** What the body inherits. */
  readonly priority: number | undefined
}

/** How a task ended. */
export interface PartEnd {
  readonly status: TaskState
  /** The value, or an `ExceptionDocument` in an exception state. */
  readonly result: unknown
}

/** The waits between attempts while a server is away. */
const WAIT: GrowingWait = { startMs: 200, stepMs: 300, maxMs: 5000 }

/**
 * Count a part whose value is at hand; send or fail the body where it was the last. Does nothing where the backend does not
 * count: there `celery.chord_unlock` waits. Rejects with `EncodeError` for a value that has no form, and as `settleChord`.
 */
export async function returnPart(runtime: ChordRuntime, part: Part, end: PartEnd): Promise<void> {
  const { host } = runtime
  const { chords } = await host.backend()
  const { id: taskId, groupId, groupIndex: index } = part
  if (chords === undefined || groupId === undefined) return
  const body = chords.encodePart({ ...end, taskId })
  const returned: ReturningPart = { taskId, groupId, index, body, claim: host.newId(), progress: undefined }
  await chords.returnPart(returned)
  if (!isCounted(returned)) await settleChord(runtime, part, returned)
}

/** Is nothing left to do for this part? True of most. */
export function isCounted({ progress }: ReturningPart): boolean {
  return progress !== undefined && 'kind' in progress && progress.kind === 'counted'
}

/**
 * See to what is left to do after a part was counted: send the body where it was the last, or fail it. What could not be
 * counted is counted again. Rejects with the error of a server that is still away when the signal aborts.
 */
export async function settleChord(runtime: ChordRuntime, part: Part, returned: ReturningPart): Promise<void> {
  const { host, logger } = runtime
  const { groupId } = returned
  const backend = await host.backend()
  const { chords } = backend
  if (chords === undefined) return
  if (returned.progress instanceof Error) returned.progress = undefined
  const isOver = await insist(runtime, part, async () => {
    try {
      const complete = await bring(runtime, chords, returned)
      if (complete === undefined) return false
      await sendBody(host, part, await gather(runtime, backend, complete.read()), complete.once)
    } catch (error) {
      returned.progress = undefined
      if (mayPass(error) || !(error instanceof ChordError || error instanceof BackendError)) throw error
      logger.error(`The chord ${groupId} failed: ${error.message}`, { error })
      await failBody(runtime, part.chord, error instanceof ChordError ? error : joinError(error))
    }
    return true
  })
  if (isOver) await insist(runtime, part, () => chords.closeChords([groupId]))
}

/**
 * These will never run: store the failure for each of their tasks, so that nobody waits in vain, and count those that are
 * parts of chords. Rejects as `returnPart` does.
 */
export async function abandon(
  runtime: ChordRuntime,
  signatures: readonly SignatureData[],
  error: Error,
  traceback: string,
): Promise<void> {
  const tasks = tasksOf(signatures)
  const nowMs = runtime.clock.now()
  for (const { options } of tasks) {
    if (options.task_id !== undefined) runtime.store(failureMeta(options.task_id, error, traceback, nowMs))
  }
  const end: PartEnd = { status: FAILURE, result: encodeException(error) }
  for (const task of tasks) {
    const part = partOf(task)
    if (part !== undefined) await returnPart(runtime, part, end)
  }
}

/**
 * A chord that cannot go on: call the body's errbacks, and fail it. A body that is a group fails with what the chord's
 * error was caused by, each member for itself, and calls the errbacks for each (Celery's rules). What comes after the
 * chord in a chain fails with it, which Celery forgets: whoever waited for the end would wait for ever.
 */
export async function failBody(runtime: ChordRuntime, body: SignatureData, error: ChordError): Promise<void> {
  const { host, logger } = runtime
  const traceback = tracebackText(error)
  const isGroup = body.subtask_type === 'group'
  const reason = isGroup && error.cause instanceof Error ? error.cause : error
  const tasks = tasksOf([body])
  const failed = isGroup ? tasks : [body.options.task_id === undefined ? (tasks.at(-1) ?? body) : body]
  const ids = failed.map(({ options }) => options.task_id ?? host.newId())
  for (const id of ids) {
    const errbacks = linksOf(body.options.link_error)
    const embed = { callbacks: null, errbacks, chain: null, chord: null }
    const request = { id, name: body.task, args: body.args, kwargs: body.kwargs }
    await callErrbacks(
      host,
      { id, rootId: id, embed, priority: undefined },
      { request, error: reason, traceback },
      logger,
    )
  }
  const id = body.options.task_id
  // Whoever asks for a chain by its own id, or for a group, is answered as well.
  if (tasks[0] !== body && id !== undefined && !tasks.some(({ options }) => options.task_id === id)) {
    runtime.store(failureMeta(id, reason, traceback, runtime.clock.now()))
  }
  await abandon(runtime, [body, ...behind(body)], reason, traceback)
  // Some of its members may have been sent. After the failures, for a worker stores REVOKED for what has not ended.
  if (isGroup && ids.length > 0) await host.revoke(ids, {})
}

/** The chord where this part completes it; undefined where there is nothing to do. */
async function bring(
  { clock, signal }: ChordRuntime,
  chords: ChordStore,
  part: ReturningPart,
): Promise<CompleteChord | undefined> {
  for (;;) {
    if (part.progress === undefined) await chords.returnPart(part)
    const { progress } = part
    if (progress === undefined || progress instanceof Error)
      throw progress ?? new BackendError('A part was not counted')
    if (progress.kind === 'counted') return undefined
    if (progress.kind === 'complete') return progress
    if (signal.aborted) throw new OperationalError(`Somebody else is about to send the body of chord ${part.groupId}`)
    await pause(clock, progress.againMs, signal)
    part.progress = undefined
  }
}

/** The values of a header. A promise only where it has groups in it. Throws or rejects with `ChordError`. */
function gather(
  { host, clock }: ChordRuntime,
  backend: ResultBackend,
  { parts, saved }: ReturnedHeader,
): MaybePromise<unknown[]> {
  // Only a header with groups in it was saved.
  if (saved === undefined) return valuesOf(parts)
  const [, children] = saved.result
  const { joinTimeoutMs } = host.chordPolicy()
  const nested = nestedValues(children ?? [], parts, (ids) => awaitParts(backend, ids, joinTimeoutMs, clock))
  return nested.catch((error: unknown) => {
    throw mayPass(error) ? error : joinError(error)
  })
}

/**
 * The body is nobody's child, as in Celery, where the last part has ended by now; but its message says who sent it.
 * Rejects with `ChordError` where no other attempt would help.
 */
export async function sendBody(host: Host, part: Part, values: unknown[], once?: Once): Promise<void> {
  try {
    const call = once === undefined ? undefined : planBody(host, part, values, once)
    await runOutside<Promise<unknown>>(() =>
      call === undefined ? sendFollower(host, senderOf(part), part.chord, values) : host.callMany([call]),
    )
  } catch (error) {
    if (mayPass(error)) throw error
    throw chordError(`Callback error: ${errorRepr(error)}`, error)
  }
}

/** The call that the body is; undefined where it is a work-flow, or runs here. */
export function planBody(host: Host, part: Part, values: unknown[], once: Once | undefined): PlannedCall | undefined {
  if (part.chord.subtask_type !== null || host.canvasPolicy().alwaysEager) return undefined
  const call = planFollower(senderOf(part), part.chord, values)
  return once === undefined ? call : { ...call, once }
}

/** Who the body's message says has sent it. */
function senderOf({ id, rootId, priority, chord }: Part): Predecessor {
  const { root_id: root } = chord.options
  return { id, rootId: typeof root === 'string' ? root : rootId, priority }
}

/** The steps of a chain that come after a chord travel with its body. */
function behind({ options: { chain } }: SignatureData): SignatureData[] {
  return Array.isArray(chain) ? chain.filter(isSignatureData) : []
}

function joinError(error: unknown): ChordError {
  return chordError(`Join error: ${errorRepr(error)}`, error)
}

/** Do `work`, again while it fails for a server's trouble of the moment, until the signal aborts. */
export async function insist<T>(
  { clock, logger, signal }: Pick<ChordRuntime, 'clock' | 'logger' | 'signal'>,
  part: Part,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!mayPass(error) || signal.aborted) throw error
      const { message } = asError(error)
      logger.error(`The part ${part.id} of chord ${String(part.groupId)} waits for a server; trying again: ${message}`)
      await pause(clock, waitBefore(attempt, WAIT), signal)
    }
  }
}

/** Is it a server's trouble of the moment? */
function mayPass(error: unknown): boolean {
  return isOperational(error) || (error instanceof BackendError && isOperational(error.cause))
}

function partOf({ options }: SignatureData): Part | undefined {
  const { task_id: id, chord, root_id: root, group_id: groupId, group_index: index } = options
  if (id === undefined || chord === undefined || chord === null || typeof groupId !== 'string') return undefined
  return {
    id,
    rootId: typeof root === 'string' ? root : id,
    groupId,
    groupIndex: typeof index === 'number' ? index : undefined,
    chord: chord as SignatureData,
    priority: undefined,
  }
}
