/**
 * SEAM ResultBackend: where results live. Documents are plain data (`protocol/result.ts`); how they are encoded is the
 * backend's matter. Every implementation passes `test/suites/backend.test.ts`.
 */
import type { Body } from '../protocol/message.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import type { TaskState } from '../protocol/states.ts'
import type { SqliteRegistry } from '../driver/sqlite.ts'
import type { Serializer } from '../serialization/serializer.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'

export interface BackendFeatures {
  /** Results outlive the process that wrote them. */
  readonly persistent: boolean
  /** Other processes see the results. */
  readonly shared: boolean
  /** Results vanish by themselves after `resultExpires`; otherwise `cleanup()` must be called. */
  readonly autoExpire: boolean
}

/** What every backend may be given besides its URL. */
export interface BackendContext {
  readonly logger: Logger
  readonly clock: Clock
  /** The open SQLite files of this app, so that broker and backend share one connection and its transactions. */
  readonly sqlite: SqliteRegistry
  /** Encodes and decodes the documents (`resultSerializer`). */
  readonly serializer: Serializer
  /** How long a document is kept, in milliseconds (`resultExpires`); undefined is for ever. */
  readonly resultExpiresMs: number | undefined
}

/** Options that belong to one backend (`resultBackendTransportOptions`), checked by the backend itself. */
export type BackendOptions = Readonly<Record<string, unknown>>

/** Makes result backends of one kind. Entry of `registry.ts`. */
export interface BackendFactory {
  /** The backend's name in banners and reports, such as `sqlite`. */
  readonly name: string
  /**
   * A backend that connects when it is first used. Throws `ImproperlyConfigured` for a wrong URL or option,
   * `MissingDriver` where a package is not installed.
   */
  open(url: string, options: BackendOptions, context: BackendContext): Promise<ResultBackend>
}

/** A document in the form that this backend stores, so that another process can hand it over without decoding it. */
export interface EncodedResult {
  readonly taskId: string
  readonly status: TaskState
  readonly body: Body
}

/** Ends a watch. May be called twice. */
export interface Watch {
  stop(): void
}

export interface ResultBackend {
  readonly features: BackendFeatures
  /** For banners and reports; passwords masked. */
  readonly displayUrl: string
  /** Encode with the result serializer. Throws `EncodeError` for a value that has no form there. */
  encodeResult(meta: TaskMeta): EncodedResult
  /**
   * Write one document. Writes of one turn of the event loop leave together. A stored SUCCESS is never overwritten
   * (Celery's rule). Rejects with `BackendStoreError`.
   */
  storeResult(result: EncodedResult): Promise<void>
  /** The newest document, or undefined for an id that is not known. Rejects with `BackendGetMetaError`. */
  getMeta(taskId: string): Promise<TaskMeta | undefined>
  /** Likewise for many, in one round trip; ids that are not known are left out. */
  getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>>
  /**
   * Call `onMeta` with the current document of each id, where there is one, and with later ones as they come (documents
   * that follow one another quickly may be skipped, the last is not). Never calls back before it has returned. A watch
   * that fails calls `onError` once and ends.
   * Costs nothing while nothing is written.
   */
  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch
  /** Remove documents. Ids that are not known are ignored. */
  forget(taskIds: readonly string[]): Promise<void>
  saveGroup(groupId: string, meta: GroupMeta): Promise<void>
  restoreGroup(groupId: string): Promise<GroupMeta | undefined>
  deleteGroup(groupId: string): Promise<void>
  /** Remove what has expired. Answers how many documents went. */
  cleanup(): Promise<number>
  /** May be called twice. Writes that were asked for before are done first; watches end with a `BackendError`. */
  close(): Promise<void>
}
