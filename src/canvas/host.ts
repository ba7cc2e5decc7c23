/** SEAM Host: what work-flows need of their app. The app implements it; tests have a small one of their own. */
import type { AsyncResult, ResultHost } from '../result/async-result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import type { Once } from '../transport/transport.ts'
import type { PublishOptions, SignatureObject } from './options.ts'

/** One call that is ready to be published. */
export interface PlannedCall {
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: PublishOptions
  /** Publish it only if this is more than what was published last under the same key; where the broker can tell. */
  readonly once?: Once
}

/** The settings of work-flows. */
export interface CanvasPolicy {
  /** Run work-flows here instead of sending them (`taskAlwaysEager`). */
  readonly alwaysEager: boolean
  /** Messages have no room for a chain: each task has the next one as its callback (`taskProtocol: 1`). */
  readonly chainsAsLinks: boolean
  /** A work-flow of more tasks is warned of (`taskWorkflowWarnSize`); null never. */
  readonly warnSize: number | null
}

/** What a signature needs of the kinds that are made of it; handed down, for files import each other in no circle. */
export interface Kinds {
  /** Plain data to a signature of its kind. Throws `InvalidTaskError` where it is none. */
  signature(data: SignatureData): SignatureObject
  /** Python's `left | right`. */
  pipe(left: SignatureObject, right: SignatureObject): SignatureObject
}

/** The settings of chords. */
export interface ChordPolicy {
  /** How long the results of a header may take to be gathered, in milliseconds (`resultChordJoinTimeout`). */
  readonly joinTimeoutMs: number
  /** How often a header is looked at where the backend does not count, in seconds (`resultChordRetryInterval`). */
  readonly retryInterval: number
  /** `linkError` of a chord is also for the tasks of its header (`taskAllowErrorCbOnChordHeader`). */
  readonly errbacksOnHeader: boolean
}

/** What work-flows need of their app. */
export interface Host extends ResultHost {
  /** Make one call by name: publish it, or run it here with `taskAlwaysEager`. */
  call(name: string, args: readonly unknown[], options?: PublishOptions): Promise<AsyncResult>
  /** Publish many in few round trips. */
  callMany(calls: readonly PlannedCall[]): Promise<unknown>
  /** Run a task here and now. Rejects with `NotRegistered` where it is not one of this app. */
  apply(name: string, args: readonly unknown[], options?: PublishOptions): Promise<AsyncResult>
  /** Where results that travel as messages go to (`reply_to`). */
  readonly replyTo: string
  readonly canvas: Kinds
  /** The settings of work-flows. */
  canvasPolicy(): CanvasPolicy
  /** Log a warning. */
  warn(message: string): void
  /** A new task id. */
  newId(): string
  /** The settings of chords. */
  chordPolicy(): ChordPolicy
  /** Let the workers elect one among them, who calls this. Resolves when they have been told. */
  elect(id: string, signature: SignatureData): Promise<void>
  /** Call a registered function here and now, as `link_error` functions are; false where it is not one that can. */
  callErrback(name: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): Promise<boolean>
}
