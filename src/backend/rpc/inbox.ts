/**
 * What came back: the documents of one process's calls, for whoever asks now or later, and who watches them. Bounded:
 * the oldest go first. How they come is `reader.ts`.
 */
import { BackendGetMetaError } from '../../errors.ts'
import type { TaskMeta } from '../../protocol/result.ts'
import { READY_STATES, SUCCESS } from '../../protocol/states.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Watch } from '../backend.ts'
import { LocalWatch } from '../local-watch.ts'

export interface InboxOptions {
  readonly logger: Logger
  readonly clock: Clock
  /** How long a document is kept, in milliseconds; undefined is for ever. */
  readonly expiresMs: number | undefined
  /** The most documents, and the most ids that are remembered. Default 100,000. */
  readonly maxSize?: number
}

/** A document, or why it cannot be read. */
type Reply = TaskMeta | BackendGetMetaError

interface Kept {
  readonly reply: Reply
  /** Unix time in milliseconds. */
  readonly expiresMs: number
}

const MAX_SIZE = 100_000

/** The replies to one process. */
export class ReplyInbox {
  readonly #options: InboxOptions
  readonly #maxSize: number
  /** By task, in the order in which they came. */
  readonly #kept = new Map<string, Kept>()
  /** Tasks that were called from here. */
  readonly #expected = new IdSet()
  /** Tasks whose document was thrown away, because there were too many. */
  readonly #dropped = new IdSet()
  #saidDropping = false
  readonly #watchers = new Map<string, Set<LocalWatch>>()
  /** All watches, and what ends each of them. */
  readonly #watches = new Map<Watch, (error: Error) => void>()

  constructor(options: InboxOptions) {
    this.#options = options
    this.#maxSize = options.maxSize ?? MAX_SIZE
  }

  /** Does somebody wait? */
  get isWatched(): boolean {
    return this.#watches.size > 0
  }

  /** These tasks were called from here. */
  expect(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.#expected.add(taskId, this.#maxSize)
  }

  /** Can the document of this task come here, or has it come already? */
  concerns(taskId: string): boolean {
    // Once ids were forgotten nobody can say for sure.
    return this.#kept.has(taskId) || this.#expected.has(taskId) || this.#expected.hasForgotten
  }

  /** Keep what came of a task, in the place of what came before: but a success stays. Tells who watches it. */
  put(taskId: string, reply: Reply): void {
    const nowMs = this.#options.clock.now()
    this.expire(nowMs)
    if (isSuccess(this.#kept.get(taskId)?.reply)) return
    this.#kept.delete(taskId)
    this.#kept.set(taskId, { reply, expiresMs: nowMs + (this.#options.expiresMs ?? Infinity) })
    if (this.#kept.size > this.#maxSize) this.#dropOldest()
    for (const watch of this.#watchers.get(taskId) ?? []) watch.touch(taskId)
  }

  /** The document of a task; undefined where none is here. Throws `BackendGetMetaError` for one that cannot be read. */
  read(taskId: string): TaskMeta | undefined {
    const kept = this.#kept.get(taskId)
    if (kept === undefined || kept.expiresMs <= this.#options.clock.now()) {
      if (this.#dropped.has(taskId)) throw tooMany(taskId, this.#maxSize)
      return undefined
    }
    if (kept.reply instanceof BackendGetMetaError) throw kept.reply
    return kept.reply
  }

  /** Like `ResultBackend.watch`. */
  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    const watch = new LocalWatch({
      logger: this.#options.logger,
      read: (taskId) => this.read(taskId),
      onMeta,
      onError,
      onStop: () => {
        this.#watches.delete(watch)
        for (const taskId of taskIds) this.#removeWatcher(taskId, watch)
      },
    })
    this.#watches.set(watch, onError)
    for (const taskId of taskIds) {
      const watchers = this.#watchers.get(taskId)
      if (watchers === undefined) this.#watchers.set(taskId, new Set([watch]))
      else watchers.add(watch)
      watch.touch(taskId)
    }
    return watch
  }

  /** End a watch with this error, where it has not ended yet. */
  end(watch: Watch, error: Error): void {
    const onError = this.#watches.get(watch)
    if (onError === undefined) return
    watch.stop()
    onError(error)
  }

  /** End all watches with this error. */
  endAll(error: Error): void {
    for (const watch of [...this.#watches.keys()]) this.end(watch, error)
  }

  forget(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.#kept.delete(taskId)
  }

  /** Forget what has expired. Answers how many. */
  expire(nowMs: number): number {
    let count = 0
    // With one time to live for all, the first is the first to expire.
    for (const [taskId, { expiresMs }] of this.#kept) {
      if (expiresMs > nowMs) break
      this.#kept.delete(taskId)
      count += 1
    }
    return count
  }

  #dropOldest(): void {
    const [oldest] = this.#kept.keys()
    if (oldest === undefined) return
    if (!this.#saidDropping) {
      this.#saidDropping = true
      this.#options.logger.warning(
        `More than ${String(this.#maxSize)} results wait to be read; the oldest ones are dropped from now on`,
      )
    }
    const { reply } = this.#kept.get(oldest) as Kept
    this.#kept.delete(oldest)
    // What was only on its way has a newer document to come.
    if (reply instanceof Error || READY_STATES.has(reply.status)) this.#dropped.add(oldest, this.#maxSize)
  }

  #removeWatcher(taskId: string, watch: LocalWatch): void {
    const watchers = this.#watchers.get(taskId)
    watchers?.delete(watch)
    if (watchers?.size === 0) this.#watchers.delete(taskId)
  }
}

/** Ids; the oldest are forgotten when there are too many. */
class IdSet {
  readonly #ids = new Set<string>()
  hasForgotten = false

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string, maxSize: number): void {
    this.#ids.add(id)
    if (this.#ids.size <= maxSize) return
    const [oldest] = this.#ids
    if (oldest !== undefined) this.#ids.delete(oldest)
    this.hasForgotten = true
  }
}

function isSuccess(reply: Reply | undefined): boolean {
  return reply !== undefined && !(reply instanceof BackendGetMetaError) && reply.status === SUCCESS
}

function tooMany(taskId: string, maxSize: number): BackendGetMetaError {
  return new BackendGetMetaError(
    `The result of task ${taskId} was dropped: more than ${String(maxSize)} later ones came before it was read. ` +
      'Read results sooner, or use a result backend that keeps them elsewhere, such as redis',
    taskId,
  )
}
