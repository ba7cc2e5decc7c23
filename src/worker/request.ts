/**
 * Request: one delivery of one task, from reservation to acknowledgement. Only here messages are acknowledged, by the
 * matrix of Celery's docs:
 *
 *     outcome      early                        acksLate
 *     success      (was acknowledged at start)  acknowledge, in one step with the result where the stores allow it
 *     retry        -                            acknowledge: the new attempt is published already
 *     ignored      -                            acknowledge
 *     rejected     -                            reject, requeue if asked to
 *     failure      -                            acknowledge, or reject with `acksOnFailure: false`
 *     timeout      store TimeLimitExceeded      the same, or requeue with `acksOnTimeout: false`
 *     lost         store WorkerLostError        the same, or requeue with `rejectOnWorkerLost`
 *     terminated   store REVOKED                the same
 *     unstarted    give back; store WorkerShutdown where it was acknowledged       give back
 *     cancelled    store WorkerShutdown         requeue
 *
 * What is told of it meanwhile is `announcer.ts`.
 */
import type { EncodedResult, ResultBackend, ReturningPart } from '../backend/backend.ts'
import type { ChordEnd, ChordEnds } from '../canvas/chord-ends.ts'
import { abandon, isCounted, returnPart, settleChord } from '../canvas/chord-part.ts'
import type { ChordRuntime, Part, PartEnd } from '../canvas/chord-part.ts'
import { callErrbacks } from '../canvas/continue.ts'
import type { Host } from '../canvas/host.ts'
import {
  OperationalError,
  Reject,
  TaskRevokedError,
  Terminated,
  TimeLimitExceeded,
  WorkerLostError,
  WorkerShutdown,
} from '../errors.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { isConnectionError } from '../messaging/failure.ts'
import { encodeException } from '../protocol/exception.ts'
import type { Body, Message } from '../protocol/message.ts'
import type { ResultAddress } from '../protocol/reply.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import type { TaskMeta } from '../protocol/result.ts'
import type { SignatureData } from '../protocol/signature.ts'
import { FAILURE, RETRY, REVOKED, SUCCESS } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { decodeTaskBody } from '../protocol/task.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import type { Outcome } from '../task/outcome.ts'
import type { TaskDefinition } from '../task/task.ts'
import { failureOf } from '../task/failure.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { FindSuccess } from './duplicates.ts'
import { namesOf } from './announcer.ts'
import type { Announcer } from './announcer.ts'
import type { EarlyAcks } from './early-acks.ts'
import type { Job, JobObserver, Pool } from './pool/pool.ts'
import type { ResultWriter } from './result-writer.ts'
import type { WorkerState } from './state.ts'

/** What all requests of one worker share. */
export interface RequestParts {
  readonly host: Host
  readonly pool: Pool
  readonly backend: ResultBackend
  readonly results: ResultWriter
  /** Undefined where the backend does not count the parts of chords. */
  readonly chordEnds: ChordEnds | undefined
  readonly state: WorkerState<Request>
  readonly earlyAcks: EarlyAcks<Request>
  /** Asked of what came again; undefined where it runs again whatever became of it. */
  readonly findSuccess: FindSuccess | undefined
  readonly announcer: Announcer
  readonly logger: Logger
  readonly clock: Clock
  readonly hostname: string
  readonly decode: (message: Message) => unknown
  /** What the claims of this worker begin with, and no other's. */
  readonly claimPrefix: string
  /** What follows a task has its priority (`taskInheritParentPriority`). */
  readonly inheritPriority: boolean
  /** Aborted when the worker ends: what is not told to a chord by then is told by whoever gets the message next. */
  readonly stopping: AbortSignal
}

/** One delivery of one task. */
export class Request implements JobObserver {
  readonly key: number
  readonly head: TaskHead
  readonly definition: TaskDefinition
  readonly #parts: RequestParts
  #message: IncomingMessage
  /** When it was accepted by the pool, Unix milliseconds. */
  startedMs: number | undefined
  /** The process that runs it. */
  pid: number | undefined
  /** What it said as a part of a chord, and when that is counted. */
  #returned: ReturningPart | undefined
  #counting: Promise<void> | undefined
  /** Resolves with the error of a document that could not be stored. */
  #storing: Promise<Error | undefined> | undefined
  /** It was given to the pool, which runs it or has run it. */
  #inPool = false
  /** Whether the message was to come again when it was rejected. */
  #requeue = true
  /** Its message comes again, and it was ended for that. */
  #cancelled = false
  /** It is to be ended, but is still on its way into the pool. */
  #terminating: NodeJS.Signals | undefined

  constructor(head: TaskHead, definition: TaskDefinition, message: IncomingMessage, parts: RequestParts) {
    this.key = parts.state.nextKey()
    this.head = head
    this.definition = definition
    this.#message = message
    this.#parts = parts
  }

  /** The delivery that is to be acknowledged. */
  get message(): IncomingMessage {
    return this.#message
  }

  /** It was given to the pool: whatever becomes of its message, it is not to run again here. */
  get inPool(): boolean {
    return this.#inPool
  }

  /** The name in logs: the shadow, where there is one. */
  get label(): string {
    return `${this.head.shadow ?? this.head.name}[${this.head.id}]`
  }

  /** It was admitted: it will run, now or at its time. */
  received(): void {
    this.#parts.announcer.received(this)
  }

  /**
   * Give it to the pool and see it through; `entered` is called once the pool counts it. Rejects when the message could
   * not be settled: it then comes again.
   */
  async execute(entered: () => void): Promise<void> {
    const { pool, state } = this.#parts
    state.reserved.delete(this.key)
    state.active.set(this.key, this)
    try {
      // A function that takes this very process down must not come back for ever: where it runs in here, the early
      // acknowledgement has left before it starts.
      if (!this.definition.policy.acksLate && !pool.isolated) await this.#parts.earlyAcks.send(this)
      const success = this.#isRepeated ? await this.#parts.findSuccess?.(this.head.id) : undefined
      if (this.#terminating !== undefined) {
        entered()
        await this.#settleTerminated(this.#terminating)
        return
      }
      if (success !== undefined) {
        entered()
        await this.#settleRepeated(success)
        return
      }
      this.#inPool = true
      const ending = pool.execute(this.#job(), this)
      entered()
      const outcome = await ending
      // The new attempt may be with another worker already, whose events come after this one.
      if (outcome.kind === 'retry') this.#parts.announcer.retried(this, outcome.failure)
      const settling = this.#settle(outcome)
      if (settling !== undefined) await this.#settled(settling)
      this.#parts.announcer.ended(this, outcome)
    } finally {
      state.active.delete(this.key)
    }
  }

  async #settled(settling: Promise<void>): Promise<void> {
    const { state } = this.#parts
    state.settling += 1
    try {
      await settling
    } finally {
      state.settling -= 1
    }
  }

  /** The pool starts it now, in process `pid`. */
  accepted(pid: number): void {
    const { pool, state, clock, logger } = this.#parts
    this.startedMs = clock.now()
    this.pid = pid
    state.count(this.head.name)
    this.#parts.announcer.started(this)
    if (this.definition.policy.acksLate || !pool.isolated) return
    this.message.ack().catch((error: unknown) => {
      if (isConnectionError(error)) state.orphans.add(this)
      else logger.error(`Task ${this.label} could not be acknowledged and will run again`, { ...namesOf(this), error })
    })
  }

  /** Documents are written in order and not waited for here; `settle` waits before the message goes. */
  store(result: EncodedResult): void {
    const before = this.#storing
    const { properties } = this.message.message
    // A link of the chain that failed with this task has no message of its own; whoever called waits for it all the same.
    const to = result.taskId === this.head.id ? properties : withoutId(properties)
    const writing = this.#parts.results.write(result, to)
    this.#storing = before === undefined ? writing : before.then(async (error) => error ?? (await writing))
  }

  /** As a part of a chord it has ended. Counting, and sending the body after the last one, is waited for likewise. */
  endPart(body: Body): void {
    const { backend, claimPrefix } = this.#parts
    const { id: taskId, group: groupId, groupIndex: index } = this.head
    if (backend.chords === undefined || groupId === undefined) return
    const claim = claimPrefix + String(this.key)
    this.#returned = { taskId, groupId, index, body, claim, progress: undefined }
    this.#counting = backend.chords.returnPart(this.#returned)
  }

  /** The message goes back as if it had never come, until its time where that is still to come. */
  giveBack(): Promise<void> {
    const { state, clock } = this.#parts
    const { etaMs } = this.head
    state.reserved.delete(this.key)
    state.limited.delete(this.key)
    state.scheduled.delete(this.key)
    return this.message.giveBack(etaMs !== undefined && etaMs > clock.now() ? { dueMs: etaMs } : {})
  }

  /** End it by force, if it runs or is about to. False where it does not, or the pool cannot. */
  terminate(signal: NodeJS.Signals): boolean {
    const { pool, state } = this.#parts
    if (this.#inPool) return pool.terminate(this.key, signal)
    if (!state.active.has(this.key)) return false
    this.#terminating = signal
    return true
  }

  /** Its message comes again, for the connection is lost: end it by force where it is acknowledged late. */
  cancel(): void {
    if (this.message.state === 'unacked' && this.definition.policy.acksLate) this.#cancelled = this.terminate('SIGTERM')
    if (!this.#cancelled) return
    this.#parts.state.orphans.delete(this)
    this.#parts.announcer.cancelled(this)
  }

  /** Its message has come again. It is this that is acknowledged now, and what was said of the other holds for it. */
  async adopt(message: IncomingMessage): Promise<void> {
    const { state } = this.#message
    this.#message = message
    this.#parts.logger.info(
      `Task ${this.label} came again from a lost connection, and does not run twice`,
      namesOf(this),
    )
    if (state === 'acked') await message.ack()
    else if (state === 'rejected') await message.reject({ requeue: this.#requeue })
  }

  /** Revoked or expired before it ran: say so and drop it. */
  async drop(reason: 'revoked' | 'expired'): Promise<void> {
    this.#parts.state.reserved.delete(this.key)
    await this.#revoke(reason, undefined)
    await this.#finish()
  }

  /** End it with an error that the task did not throw: a killed child, a shutdown. */
  async fail(error: Error): Promise<void> {
    const failure = failureOf(error)
    const { traceback } = failure
    this.#store(FAILURE, encodeException(error), traceback)
    const embed = this.#embed()
    if (embed !== undefined) {
      await this.#returnPart(embed, { status: FAILURE, result: encodeException(error) })
      await abandon(this.#chords(), embed.chain ?? [], error, traceback)
    }
    if (embed !== undefined) await this.#callErrbacks(embed, error, traceback)
    await this.#parts.announcer.failed(this, error, failure)
  }

  /** A promise only where there is something left to wait for. */
  #settle(outcome: Outcome): Promise<void> | undefined {
    const { policy } = this.definition
    this.#parts.announcer.log(this, outcome)
    switch (outcome.kind) {
      case 'success':
      case 'retry':
      case 'ignored':
        return this.#finish()
      case 'rejected':
        return this.#settleRejected(outcome.requeue, outcome.reason)
      case 'failure':
        return policy.acksOnFailure ? this.#finish() : this.#reject(false, outcome.failure.repr)
      case 'timeout':
        return this.#settleTimeout(outcome.seconds)
      case 'lost':
        return this.#settleLost(outcome.exit)
      case 'terminated':
        return this.#settleTerminated(outcome.signal)
      case 'cancelled':
        return this.#settleCancelled()
      case 'unstarted':
        return this.message.state === 'unacked' ? this.giveBack() : this.#settleCancelled()
    }
  }

  /** It may have succeeded before. What is acknowledged early comes again only where it has not begun. */
  get #isRepeated(): boolean {
    return this.message.deliveryInfo.redelivered && this.definition.policy.acksLate
  }

  /** Its followers were sent before its result was stored; but as a part of a chord it may not be counted yet. */
  async #settleRepeated({ result }: TaskMeta): Promise<void> {
    this.#parts.logger.info(`Task ${this.label} has succeeded before and does not run again`, namesOf(this))
    const embed = this.head.group === undefined ? undefined : this.#embed()
    if (embed !== undefined) await this.#returnPart(embed, { status: SUCCESS, result })
    await this.#finish()
  }

  /** A part of a chord that will not come again has failed: the others must not wait for it. */
  async #settleRejected(requeue: boolean, reason: string): Promise<void> {
    const chord = requeue || this.head.group === undefined ? undefined : this.#embed()?.chord
    if (chord !== undefined && chord !== null) await this.fail(new Reject(reason))
    return this.#reject(requeue, reason)
  }

  async #settleTerminated(signal: string): Promise<void> {
    if (this.#cancelled) return this.#settleForNext()
    await this.#revoke('terminated', signal)
    await this.#finish()
  }

  /** Nothing to acknowledge on a connection that is lost: as in Celery it waits for its next run in the state RETRY. */
  async #settleForNext(): Promise<void> {
    this.#parts.logger.warning(
      `Task ${this.label} was ended, for the connection is lost; it will run again`,
      namesOf(this),
    )
    this.#store(RETRY, encodeException(new OperationalError('The connection to the broker was lost')), undefined)
    await this.#stored()
  }

  async #settleTimeout(seconds: number): Promise<void> {
    const { policy } = this.definition
    this.#parts.logger.error(`Hard time limit (${String(seconds)}s) exceeded for ${this.label}`, namesOf(this))
    if (policy.acksLate && !policy.acksOnTimeout) return this.#reject(true, 'time limit exceeded')
    await this.fail(new TimeLimitExceeded(seconds))
    return this.#finish()
  }

  async #settleLost(exit: number | string): Promise<void> {
    const { policy } = this.definition
    const error = new WorkerLostError(exit)
    this.#parts.logger.error(`Task ${this.label} lost its process: ${error.message}`, namesOf(this))
    if (policy.acksLate && policy.rejectOnWorkerLost) return this.#reject(true, error.message)
    await this.fail(error)
    return this.#finish()
  }

  async #settleCancelled(): Promise<void> {
    if (this.definition.policy.acksLate) return this.#reject(true, 'the worker is shutting down')
    this.#parts.logger.warning(
      `Task ${this.label} was cut by the shutdown; acknowledged early, it will not run again`,
      namesOf(this),
    )
    await this.fail(new WorkerShutdown('The worker was shut down while the task was running'))
    return this.#finish()
  }

  /** Acknowledge, not before the result is safe. */
  #finish(): Promise<void> | undefined {
    if (this.#storing !== undefined || this.#counting !== undefined) return this.#finishStored()
    return this.message.state === 'unacked' ? this.message.ack() : undefined
  }

  async #finishStored(): Promise<void> {
    await this.#stored()
    if (this.message.state === 'unacked') await this.message.ack()
  }

  /** Counting comes first, for a chord that fails has more to store. */
  async #stored(): Promise<void> {
    if (this.#counting !== undefined) await this.#counting
    if (this.#returned !== undefined && !isCounted(this.#returned)) await this.#endChord(this.#returned)
    const error = await this.#storing
    if (error !== undefined) throw error
  }

  /** It was the last part, or could not be counted. Only now its body is read, which says what follows. */
  async #endChord(returned: ReturningPart): Promise<void> {
    const part = this.#part(decodeTaskBody(this.#parts.decode(this.message.message)).embed)
    const end: ChordEnd = { part, returned, isOver: false }
    await this.#parts.chordEnds?.add(end)
    if (!end.isOver) await settleChord(this.#chords(), part, returned)
  }

  async #reject(requeue: boolean, reason: string): Promise<void> {
    await this.#stored()
    if (this.message.state !== 'unacked') return
    this.#requeue = requeue
    await this.message.reject({ requeue })
    await this.#parts.announcer.rejected(this, requeue, reason)
  }

  async #revoke(reason: 'revoked' | 'expired' | 'terminated', signal: string | undefined): Promise<void> {
    this.#parts.logger.info(
      signal === undefined ? `Discarding ${reason} task: ${this.label}` : `Terminated ${this.label} with ${signal}`,
      namesOf(this),
    )
    const error = new TaskRevokedError(reason, signal === undefined ? {} : { cause: new Terminated(signal) })
    const result = encodeException(error)
    this.#store(REVOKED, result, undefined)
    // Whether it is a part of a chord is said in the body; that it cannot be one, in the headers.
    const embed = this.head.group === undefined ? undefined : this.#embed()
    if (embed !== undefined) await this.#returnPart(embed, { status: REVOKED, result })
    await this.#parts.announcer.revoked(this, reason, signal)
  }

  #store(status: TaskState, result: unknown, traceback: string | undefined): void {
    const { policy } = this.definition
    const ignored = this.head.ignoreResult || policy.ignoreResult
    if (ignored && !policy.storeErrorsEvenIfIgnored) return
    const { id: taskId, group: groupId, parentId } = this.head
    const meta = encodeTaskMeta(
      { taskId, status, result, traceback, children: [], groupId, parentId },
      this.#parts.clock.now(),
    )
    this.store(this.#parts.backend.encodeResult(meta))
  }

  /** Who follows the task; undefined where its message cannot be read. */
  #embed(): TaskEmbed | undefined {
    try {
      return decodeTaskBody(this.#parts.decode(this.message.message)).embed
    } catch (error) {
      this.#parts.logger.error(`The errbacks of ${this.label} could not be read`, { ...namesOf(this), error })
      return undefined
    }
  }

  /** What it has said itself as a part stands, whatever ends it afterwards. */
  async #returnPart(embed: TaskEmbed, end: PartEnd): Promise<void> {
    if (embed.chord !== null && this.#returned === undefined) await returnPart(this.#chords(), this.#part(embed), end)
  }

  /** It as a part of a chord, which it must be. */
  #part({ chord }: TaskEmbed): Part {
    const { id, rootId = id, group: groupId, groupIndex } = this.head
    const priority = this.#parts.inheritPriority ? (this.message.deliveryInfo.priority ?? undefined) : undefined
    return { id, rootId, groupId, groupIndex, chord: chord as SignatureData, priority }
  }

  #chords(): ChordRuntime {
    const { host, clock, logger, backend, stopping: signal } = this.#parts
    const store = (meta: TaskMeta): void => {
      this.store(backend.encodeResult(meta))
    }
    return { host, clock, logger, signal, store }
  }

  #callErrbacks(embed: TaskEmbed, error: Error, traceback: string): Promise<void> {
    const { host, hostname, logger } = this.#parts
    const { id, name, rootId, retries } = this.head
    const ended = { id, rootId: rootId ?? id, embed, priority: undefined }
    return callErrbacks(host, ended, { request: { id, name, hostname, retries }, error, traceback }, logger)
  }

  #job(): Job {
    const [hard = this.definition.policy.timeLimit, soft = this.definition.policy.softTimeLimit] = this.head.timelimit
    return {
      key: this.key,
      taskId: this.head.id,
      taskName: this.head.name,
      message: this.message.message,
      head: this.head,
      deliveryInfo: this.message.deliveryInfo,
      hostname: this.#parts.hostname,
      softLimitMs: soft === undefined ? undefined : soft * 1000,
      hardLimitMs: hard === undefined ? undefined : hard * 1000,
    }
  }
}

function withoutId({ reply_to: replyTo }: Message['properties']): ResultAddress {
  return replyTo === undefined ? {} : { reply_to: replyTo }
}
