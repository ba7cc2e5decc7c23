/**
 * SEAM ResultBackend: where results live. Documents are plain data (`protocol/result.ts`); how they are encoded is the
 * backend's matter. Every implementation passes `test/suites/backend.test.ts`.
 */
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Queue } from '../messaging/queue.ts'
import type { Body, Message } from '../protocol/message.ts'
import type { ResultAddress } from '../protocol/reply.ts'
import type { ChordPart, GroupMeta, TaskMeta } from '../protocol/result.ts'
import type { TaskState } from '../protocol/states.ts'
import type { SqliteRegistry } from '../driver/sqlite.ts'
import type { Serializer } from '../serialization/serializer.ts'
import type { Once } from '../transport/transport.ts'
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
  /** What the settings say of connections to Redis (`redisHost` and so on), under the names of the driver's options. */
  readonly redis: Readonly<Record<string, unknown>>
  /** Where calls are published. */
  readonly brokerUrls: string | readonly string[]
  /** How long a document is kept, in milliseconds (`resultExpires`); undefined is for ever. */
  readonly resultExpiresMs: number | undefined
  /** For results that are messages: a new way to the broker, which the backend closes. It connects when it is used. */
  readonly connect: (purpose: 'read' | 'write') => BrokerConnection
  /** Where replies to this process come to: the `reply_to` of its calls, where `Replies.expect` names no other. */
  readonly replyTo: string
  /** Results that are messages outlive a restart of the broker (`resultPersistent`). */
  readonly resultPersistent: boolean
  /** Decodes a document that came as a message. Throws where `resultAcceptContent` does not have its content type. */
  readonly decodeResult: (message: Message) => unknown
}

/** Options that belong to one backend (`resultBackendTransportOptions`), checked by the backend itself. */
export type BackendOptions = Readonly<Record<string, unknown>>

/** Makes result backends of one kind. Entry of `registry.ts`. */
export interface BackendFactory {
  /** The backend's name in banners and reports, such as `sqlite`. */
  readonly name: string
  /**
   * Results are messages, so that callers must make ready for them before the first call (`ResultBackend.replies`).
   * Default false.
   */
  readonly sendsReplies?: boolean
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

/** A document on its way into the store, which writes here what became of it: so many of them share one promise. */
export interface StoringResult {
  readonly result: EncodedResult
  /** Who called the task; it counts where `replies` does, and where results are messages nobody gets them without it. */
  readonly to?: ResultAddress | undefined
  /** Undefined where it is stored; a `BackendError` where it could not be, most often a `BackendStoreError`. */
  error: Error | undefined
}

/** How a process makes ready for results that come back to it by themselves. */
export interface Replies {
  /** To be declared before a call is published whose result is wanted. Only where results are messages. */
  readonly queue?: Queue
  /**
   * These calls are about to be published, and their results are wanted here. Answers what they must say in `reply_to`,
   * where that is anything but the app's own `replyTo`.
   */
  expect(taskIds: readonly string[]): string | undefined
}

/** Ends a watch. May be called twice. */
export interface Watch {
  stop(): void
}

/** A part that comes back, and who brings it. */
export interface PartReturn {
  readonly taskId: string
  readonly groupId: string
  /** What it says, as `ChordStore.encodePart` wrote it. */
  readonly body: Body
  /** Its place in the header; parts without one come last, in any order. */
  readonly index: number | undefined
  /** Names whoever brings it, so that nobody else sends the body meanwhile. The same when one asks again. */
  readonly claim: string
}

/** What came back of a chord's header: all that its body needs to know. */
export interface ReturnedHeader {
  /** In the order of the header. */
  readonly parts: readonly ChordPart[]
  /** What was saved under the chord's id: a header with groups in it is. */
  readonly saved: GroupMeta | undefined
}

/** The part was the last: the caller sends the body, then closes the chord. */
export interface CompleteChord {
  readonly kind: 'complete'
  /** Throws `BackendError` where what came back is no part. */
  readonly read: () => ReturnedHeader
  /**
   * The mark under which the body is published, where the broker keeps marks for as long as the chord needs them: sent
   * again, it is left out, until the chord is closed or opened anew.
   */
  readonly once?: Once
}

/** How a chord stands after a part came back. */
export type ChordProgress =
  /** Others are missing, or the body was sent: nothing is to be done. */
  | { readonly kind: 'counted' }
  | CompleteChord
  /** Somebody else is about to send the body. Ask again in so many milliseconds, for he may die over it. */
  | { readonly kind: 'claimed'; readonly againMs: number }

/** A part on its way into the store, which writes here what became of it: so many of them share one promise. */
export interface ReturningPart extends PartReturn {
  /** Undefined until it was counted; a `BackendError` where it could not be. */
  progress: ChordProgress | Error | undefined
}

/**
 * SEAM ChordStore: counts the parts of chords. Each part counts once, however often it comes back: a chord is told by
 * the tasks that have ended, not by how often somebody said so.
 *
 * Between the last part and the closing lies the sending of the body. Whoever brings the last part claims it for
 * `CHORD_CLAIM_MS`; if he dies, his task is delivered again, and who redoes it finds the chord complete, not closed and the
 * claim lapsed. So a body is never lost, and is sent twice only where there is no mark (`once`) and its sender dies between
 * the broker's word and the closing, or takes longer than the claim; both times under the id that it was frozen with.
 *
 * What is kept of a chord expires like results do. All verbs reject with `BackendError`, but for `returnPart`.
 */
export interface ChordStore {
  /**
   * How many parts there will be. Called before the last part is published. Opens a chord that was closed: the same
   * work-flow is sent once more.
   */
  setChordSize(groupId: string, size: number): Promise<void>
  /** More parts than were said (`addToChord`). */
  addParts(groupId: string, count: number): Promise<void>
  /** What a part says, in the form that is counted: plain data, so that another process can bring it. Throws `EncodeError`. */
  encodePart(part: ChordPart): Body
  /**
   * Note a part, in the place of what it said before, and count. Calling it again with the same claim renews that. What
   * comes in one turn of the event loop is counted in one go, as if one came after the other. Resolves when the part's
   * `progress` is written; never rejects, for a part may be asked about long after.
   */
  returnPart(part: ReturningPart): Promise<void>
  /** The bodies were sent, or have failed: forget the parts, and remember for a while that these chords are over. */
  closeChords(groupIds: readonly string[]): Promise<void>
}

/** How long nobody else sends the body of a complete chord. */
export const CHORD_CLAIM_MS = 10_000
/** How long a closed chord is remembered at most: a part that comes again later must not count for a new one. */
export const CLOSED_CHORD_MS: number = 24 * 60 * 60 * 1000

export interface ResultBackend {
  readonly features: BackendFeatures
  /** For banners and reports; passwords masked. */
  readonly displayUrl: string
  /** Only where the backend counts the parts of chords; elsewhere the task `celery.chord_unlock` asks for their results. */
  readonly chords?: ChordStore
  /** Only where there can be no chords: why, as a sentence for the error. */
  readonly chordsRefused?: string
  /** Only where results come back to their callers by themselves. */
  readonly replies?: Replies
  /** Encode with the result serializer. Throws `EncodeError` for a value that has no form there. */
  encodeResult(meta: TaskMeta): EncodedResult
  /**
   * Write one document. Writes of one turn of the event loop leave together, and share a promise. A stored SUCCESS is
   * never overwritten (Celery's rule). Resolves when it is stored or its `error` is written; never rejects, for a document
   * may be asked about long after. (`storing.ts` has a verb that does.)
   */
  storeResult(storing: StoringResult): Promise<void>
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
  /** This and the next two reject with `BackendError` where nothing is stored. */
  saveGroup(groupId: string, meta: GroupMeta): Promise<void>
  restoreGroup(groupId: string): Promise<GroupMeta | undefined>
  deleteGroup(groupId: string): Promise<void>
  /** Remove what has expired. Answers how many documents went. */
  cleanup(): Promise<number>
  /** May be called twice. Writes that were asked for before are done first; watches end with a `BackendError`. */
  close(): Promise<void>
}
