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
 * Its stages, most of which cost it no promise, for those of one turn wait together (`Rounds`):
 *
 *     waiting    not in the pool yet: its early acknowledgement may be on its way, or its success be looked for
 *     running    the pool has it: `accepted`, `store` and `endPart` are told, then `ended`
 *     finishing  it has ended as most do: acknowledged when all that it said is counted and stored
 *     leaving    its acknowledgement is on its way
 *     settling   it has ended otherwise, which an async function sees to
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
import { asError } from '../util/as-error.ts'
import type { Clock } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import type { Logger } from '../util/logger.ts'
import type { Rounds } from '../util/rounds.ts'
import type { FindSuccess } from './duplicates.ts'
import { namesOf } from './announcer.ts'
import type { Announcer } from './announcer.ts'
import type { EarlyAcks } from './early-acks.ts'
import type { Job, JobObserver, Pool } from './pool/pool.ts'
import type { ResultOwner, ResultWriter } from './result-writer.ts'
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
  /** Who waits for the broker to know of an acknowledgement: told by `acknowledged`. */
  readonly acks: Rounds<Request>
  /** Who waits to be counted as a part of a chord: told by `counted`, in nobody's execution. */
  readonly counts: Rounds<Request>
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

/** Who hands requests to the pool, and is told how far they are. */
export interface RequestLine {
  /** The pool is about to count it. */
  entered(): void
  /** It is over; with an error where its message could not be settled, and comes again. */
  settled(request: Request, error: Error | undefined): void
}

/** Ends that ask no more than an acknowledgement. */
type PlainOutcome = Extract<Outcome, { readonly kind: 'success' | 'retry' | 'ignored' }>

type Stage = 'waiting' | 'running' | 'finishing' | 'leaving' | 'settling'

/** One delivery of one task. */
export class Request implements JobObserver, ResultOwner {
  readonly key: number
  readonly head: TaskHead
  readonly definition: TaskDefinition
  readonly #parts: RequestParts
  #message: IncomingMessage
  /** When it was accepted by the pool, Unix milliseconds. */
  startedMs: number | undefined
  /** The process that runs it. */
  pid: number | undefined
  #stage: Stage = 'waiting'
  #line: RequestLine | undefined
  #outcome: Outcome | undefined
  /** What it said last as a part of a chord, and how often that is being counted. */
  #returned: ReturningPart | undefined
  #uncounted = 0
  /** How many documents are being written, and why one never will be. */
  #unwritten = 0
  #unstored: Error | undefined
  /** Resolved when one of these changes. */
  #change: Deferred<void> | undefined
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
    return this.#stage !== 'waiting'
  }

  /** The name in logs: the shadow, where there is one. */
  get label(): string {
    return `${this.head.shadow ?? this.head.name}[${this.head.id}]`
  }

  /** It was admitted: it will run, now or at its time. */
  received(): void {
    this.#parts.announcer.received(this)
  }

  /** Give it to the pool and see it through. */
  execute(line: RequestLine): void {
    const { pool, state, earlyAcks, findSuccess } = this.#parts
    this.#line = line
    state.reserved.delete(this.key)
    state.active.set(this.key, this)
    // A function that takes this very process down must not come back for ever: where it runs in here, the early
    // acknowledgement has left before it starts.
    if (!this.definition.policy.acksLate && !pool.isolated) earlyAcks.send(this)
    else if (findSuccess !== undefined && this.#isRepeated) void this.#enterUnlessSuccessful(findSuccess)
    else this.enter()
  }

  /** Nothing keeps it from the pool any more. */
  enter(): void {
    this.#line?.entered()
    if (this.#terminating !== undefined) {
      this.#see(this.#settleTerminated(this.#terminating))
      return
    }
    this.#stage = 'running'
    try {
      this.#parts.pool.execute(this.#job(), this)
    } catch (error) {
      // Has it ended by now, then it is not the pool that could not take it.
      if (this.#outcome !== undefined) throw error
      this.#over(asError(error))
    }
  }

  /** The pool starts it now, in process `pid`. */
  accepted(pid: number): void {
    const { pool, state, clock } = this.#parts
    this.startedMs = clock.now()
    this.pid = pid
    state.count(this.head.name)
    this.#parts.announcer.started(this)
    if (!this.definition.policy.acksLate && pool.isolated) this.#acknowledge()
  }

  /** Documents are written in order and not waited for here; `settle` waits before the message goes. */
  store(result: EncodedResult): void {
    const { properties } = this.message.message
    this.#unwritten += 1
    // A link of the chain that failed with this task has no message of its own; whoever called waits for it all the same.
    this.#parts.results.write(result, result.taskId === this.head.id ? properties : withoutId(properties), this)
  }

  /** One of its documents is stored, or never will be. */
  written(error: Error | undefined): void {
    this.#unwritten -= 1
    this.#unstored ??= error
    this.#goOn()
  }

  /** As a part of a chord it has ended. Counting, and sending the body after the last one, is waited for likewise. */
  endPart(body: Body): void {
    const { backend, claimPrefix, counts } = this.#parts
    const { id: taskId, group: groupId, groupIndex: index } = this.head
    if (backend.chords === undefined || groupId === undefined) return
    const claim = claimPrefix + String(this.key)
    this.#returned = { taskId, groupId, index, body, claim, progress: undefined }
    this.#uncounted += 1
    counts.add(this, backend.chords.returnPart(this.#returned))
  }

  /** What it said as a part of a chord was counted, or could not be. */
  counted(): void {
    this.#uncounted -= 1
    this.#goOn()
  }

  /** The pool has done its work on it. */
  ended(outcome: Outcome): void {
    const { state, announcer } = this.#parts
    this.#outcome = outcome
    state.settling += 1
    // The new attempt may be with another worker already, whose events come after this one.
    if (outcome.kind === 'retry') announcer.retried(this, outcome.failure)
    announcer.log(this, outcome)
    if (isPlain(outcome) || (outcome.kind === 'failure' && this.definition.policy.acksOnFailure)) {
      this.#stage = 'finishing'
      this.#goOn()
    } else {
      this.#stage = 'settling'
      this.#see(this.#settle(outcome))
    }
  }

  /** The broker knows of its acknowledgement, or never will. */
  acknowledged(error: Error | undefined): void {
    if (this.#stage === 'leaving') this.#over(error)
    else if (error !== undefined) this.#missEarlyAck(error)
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
    if (this.inPool) return pool.terminate(this.key, signal)
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

  /** The next step of the way that most end. Called whenever there is something that it may have waited for. */
  #goOn(): void {
    this.#change?.resolve()
    this.#change = undefined
    if (this.#stage !== 'finishing' || this.#uncounted > 0) return
    if (this.#returned !== undefined && !isCounted(this.#returned)) {
      this.#stage = 'settling'
      this.#see(this.#finish())
    } else if (this.#unwritten === 0) {
      if (this.#unstored !== undefined || this.message.state !== 'unacked') this.#over(this.#unstored)
      else {
        this.#stage = 'leaving'
        this.#acknowledge()
      }
    }
  }

  #acknowledge(): void {
    this.#parts.acks.add(this, this.message.ack())
  }

  #missEarlyAck(error: Error): void {
    const { state, logger } = this.#parts
    if (isConnectionError(error)) state.orphans.add(this)
    else logger.error(`Task ${this.label} could not be acknowledged and will run again`, { ...namesOf(this), error })
  }

  /** It is over when this is. */
  #see(settling: Promise<void>): void {
    settling.then(
      () => {
        this.#over(undefined)
      },
      (error: unknown) => {
        this.#over(asError(error))
      },
    )
  }

  #over(error: Error | undefined): void {
    const { state, announcer } = this.#parts
    state.active.delete(this.key)
    if (this.#outcome !== undefined) {
      state.settling -= 1
      if (error === undefined) announcer.ended(this, this.#outcome)
    }
    this.#line?.settled(this, error)
  }

  /** What is out of the ordinary. Begins when the call of the pool is over in which it was told: that may be `cancel`. */
  async #settle(outcome: Exclude<Outcome, PlainOutcome>): Promise<void> {
    await Promise.resolve()
    switch (outcome.kind) {
      case 'rejected':
        return this.#settleRejected(outcome.requeue, outcome.reason)
      case 'failure':
        return this.#reject(false, outcome.failure.repr)
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

  async #enterUnlessSuccessful(findSuccess: FindSuccess): Promise<void> {
    const success = await findSuccess(this.head.id)
    if (success === undefined || this.#terminating !== undefined) {
      this.enter()
      return
    }
    this.#line?.entered()
    this.#see(this.#settleRepeated(success))
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
  async #finish(): Promise<void> {
    await this.#stored()
    if (this.message.state === 'unacked') await this.message.ack()
  }

  /** Counting comes first, for a chord that fails has more to store. */
  async #stored(): Promise<void> {
    while (this.#uncounted > 0) await this.#changed()
    if (this.#returned !== undefined && !isCounted(this.#returned)) await this.#endChord(this.#returned)
    while (this.#unwritten > 0) await this.#changed()
    if (this.#unstored !== undefined) throw this.#unstored
  }

  #changed(): Promise<void> {
    this.#change ??= deferred()
    return this.#change.promise
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

function isPlain(outcome: Outcome): outcome is PlainOutcome {
  return outcome.kind === 'success' || outcome.kind === 'retry' || outcome.kind === 'ignored'
}

function withoutId({ reply_to: replyTo }: Message['properties']): ResultAddress {
  return replyTo === undefined ? {} : { reply_to: replyTo }
}
