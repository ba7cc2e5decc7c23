/**
 * `memory://`: results in this process, for tests and for programs that are client and worker at once. All backends
 * that one registry opens share them. Bodies are kept encoded, so that what would fail elsewhere fails here too.
 */
import { BackendError, ImproperlyConfigured } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import { SUCCESS } from '../protocol/states.ts'
import type {
  BackendContext,
  BackendFactory,
  BackendFeatures,
  BackendOptions,
  ChordStore,
  EncodedResult,
  ResultBackend,
  StoringResult,
  Watch,
} from './backend.ts'
import { decodeGroupDocument, decodeTaskDocument, encodeGroupDocument, encodeTaskDocument } from './documents.ts'
import { LocalWatch } from './local-watch.ts'
import { MemoryChords, MemoryChordStore } from './memory/chords.ts'

const FEATURES: BackendFeatures = { persistent: false, shared: false, autoExpire: true }

export class MemoryBackendFactory implements BackendFactory {
  readonly name = 'memory'
  readonly #results = new MemoryResults()

  async open(_url: string, options: BackendOptions, context: BackendContext): Promise<ResultBackend> {
    const [unknown] = Object.keys(options)
    if (unknown !== undefined) {
      throw new ImproperlyConfigured(`The memory result backend has no options; remove "${unknown}"`)
    }
    return new MemoryBackend(this.#results, context)
  }
}

interface Kept {
  readonly status: string
  readonly body: Body
  /** Unix time in milliseconds. */
  readonly expiresMs: number
}

/** The documents, and who watches them. */
class MemoryResults {
  /** By task, in the order of storing: with one time to live for all, the first is the first to expire. */
  readonly tasks = new Map<string, Kept>()
  readonly groups = new Map<string, Kept>()
  readonly watches = new Map<string, Set<LocalWatch>>()
  readonly chords = new MemoryChords()

  /** Forget what has expired at the front of `documents`. Answers how many. */
  expire(documents: Map<string, Kept>, nowMs: number): number {
    let count = 0
    for (const [id, { expiresMs }] of documents) {
      if (expiresMs > nowMs) break
      documents.delete(id)
      count += 1
    }
    return count
  }

  put(documents: Map<string, Kept>, id: string, kept: Kept): void {
    documents.delete(id)
    documents.set(id, kept)
  }
}

class MemoryBackend implements ResultBackend {
  readonly features: BackendFeatures = FEATURES
  readonly displayUrl = 'memory://'
  readonly chords: ChordStore
  readonly #results: MemoryResults
  readonly #context: BackendContext
  /** Of this backend, by what ends each of them. */
  readonly #watches = new Map<LocalWatch, (error: Error) => void>()
  readonly #stored: Promise<void> = Promise.resolve()

  constructor(results: MemoryResults, context: BackendContext) {
    this.#results = results
    this.#context = context
    this.chords = new MemoryChordStore(results.chords, context, (id) => this.#find(results.groups, id)?.body)
  }

  encodeResult(meta: TaskMeta): EncodedResult {
    return encodeTaskDocument(this.#context.serializer, meta)
  }

  storeResult({ result: { taskId, status, body } }: StoringResult): Promise<void> {
    if (this.#find(this.#results.tasks, taskId)?.status === SUCCESS) return this.#stored
    const nowMs = this.#context.clock.now()
    this.#results.expire(this.#results.tasks, nowMs)
    this.#results.put(this.#results.tasks, taskId, { status, body, expiresMs: this.#expiresMs(nowMs) })
    for (const watch of this.#results.watches.get(taskId) ?? []) watch.touch(taskId)
    return this.#stored
  }

  async getMeta(taskId: string): Promise<TaskMeta | undefined> {
    return this.#read(taskId)
  }

  async getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const metas = new Map<string, TaskMeta>()
    for (const taskId of taskIds) {
      const meta = this.#read(taskId)
      if (meta !== undefined) metas.set(taskId, meta)
    }
    return metas
  }

  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    const { watches } = this.#results
    const watch = new LocalWatch({
      logger: this.#context.logger,
      read: (taskId) => this.#read(taskId),
      onMeta,
      onError,
      onStop: () => {
        this.#watches.delete(watch)
        for (const taskId of taskIds) {
          watches.get(taskId)?.delete(watch)
          if (watches.get(taskId)?.size === 0) watches.delete(taskId)
        }
      },
    })
    this.#watches.set(watch, onError)
    for (const taskId of taskIds) {
      const watchers = watches.get(taskId)
      if (watchers === undefined) watches.set(taskId, new Set([watch]))
      else watchers.add(watch)
      watch.touch(taskId)
    }
    return watch
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    for (const taskId of taskIds) this.#results.tasks.delete(taskId)
  }

  async saveGroup(groupId: string, meta: GroupMeta): Promise<void> {
    const nowMs = this.#context.clock.now()
    this.#results.expire(this.#results.groups, nowMs)
    const body = encodeGroupDocument(this.#context.serializer, meta)
    this.#results.put(this.#results.groups, groupId, { status: SUCCESS, body, expiresMs: this.#expiresMs(nowMs) })
  }

  async restoreGroup(groupId: string): Promise<GroupMeta | undefined> {
    const kept = this.#find(this.#results.groups, groupId)
    return kept && decodeGroupDocument(this.#context.serializer, groupId, kept.body)
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#results.groups.delete(groupId)
  }

  async cleanup(): Promise<number> {
    const nowMs = this.#context.clock.now()
    this.#results.chords.expire(nowMs)
    return this.#results.expire(this.#results.tasks, nowMs) + this.#results.expire(this.#results.groups, nowMs)
  }

  async close(): Promise<void> {
    // Results stay for the other backends of this app. Whoever still waits would wait for ever.
    const error = new BackendError(`${this.displayUrl} was closed`)
    for (const [watch, onError] of [...this.#watches]) {
      watch.stop()
      onError(error)
    }
  }

  #read(taskId: string): TaskMeta | undefined {
    const kept = this.#find(this.#results.tasks, taskId)
    return kept && decodeTaskDocument(this.#context.serializer, taskId, kept.body)
  }

  #find(documents: Map<string, Kept>, id: string): Kept | undefined {
    const kept = documents.get(id)
    return kept !== undefined && kept.expiresMs > this.#context.clock.now() ? kept : undefined
  }

  #expiresMs(nowMs: number): number {
    return nowMs + (this.#context.resultExpiresMs ?? Infinity)
  }
}
