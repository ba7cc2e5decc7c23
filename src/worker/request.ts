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
 *     unstarted    give back                    give back
 *     cancelled    store WorkerShutdown         requeue
 */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { callErrbacks } from '../canvas/continue.ts'
import type { Host } from '../canvas/host.ts'
import { TaskRevokedError, Terminated, TimeLimitExceeded, WorkerLostError, WorkerShutdown } from '../errors.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { encodeException } from '../protocol/exception.ts'
import type { Message } from '../protocol/message.ts'
import { encodeTaskMeta } from '../protocol/result.ts'
import { FAILURE, REVOKED } from '../protocol/states.ts'
import type { TaskState } from '../protocol/states.ts'
import { decodeTaskBody } from '../protocol/task.ts'
import type { TaskEmbed, TaskHead } from '../protocol/task.ts'
import type { RequestFacts, Signals } from '../signals.ts'
import type { Outcome } from '../task/outcome.ts'
import type { TaskDefinition } from '../task/task.ts'
import { chainFailures, failureOf } from '../task/failure.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { Job, JobObserver, Pool } from './pool/pool.ts'
import type { ResultWriter } from './result-writer.ts'
import type { WorkerState } from './state.ts'

/** What all requests of one worker share. */
export interface RequestParts {
  readonly host: Host
  readonly pool: Pool
  readonly backend: ResultBackend
  readonly results: ResultWriter
  readonly state: WorkerState<Request>
  readonly signals: Signals
  readonly logger: Logger
  readonly clock: Clock
  readonly hostname: string
  readonly decode: (message: Message) => unknown
}

/** One delivery of one task. */
export class Request implements JobObserver {
  readonly key: number
  readonly head: TaskHead
  readonly definition: TaskDefinition
  readonly message: IncomingMessage
  readonly #parts: RequestParts
  /** When it was accepted by the pool, Unix milliseconds. */
  startedMs: number | undefined
  /** The process that runs it. */
  pid: number | undefined
  #storing: Promise<void> | undefined

  constructor(head: TaskHead, definition: TaskDefinition, message: IncomingMessage, parts: RequestParts) {
    this.key = parts.state.nextKey()
    this.head = head
    this.definition = definition
    this.message = message
    this.#parts = parts
  }

  /** The name in logs: the shadow, where there is one. */
  get label(): string {
    return `${this.head.shadow ?? this.head.name}[${this.head.id}]`
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
      await this.#settle(await this.#run(pool, entered))
    } finally {
      state.active.delete(this.key)
    }
  }

  /** The pool starts it now, in process `pid`. */
  accepted(pid: number): void {
    const { pool, state, clock, logger } = this.#parts
    this.startedMs = clock.now()
    this.pid = pid
    state.count(this.head.name)
    if (this.definition.policy.acksLate || !pool.isolated) return
    this.message.ack().catch((error: unknown) => {
      logger.error(`Task ${this.label} could not be acknowledged and will run again`, { error })
    })
  }

  /** Documents are written in order and not waited for here; `settle` waits before the message goes. */
  store(result: EncodedResult): Promise<void> {
    const before = this.#storing
    const writing = this.#parts.results.write(result)
    this.#storing = before === undefined ? writing : before.then(() => writing)
    // Seen again in `settle`; without this a write that fails early would count as unhandled.
    this.#storing.catch(() => undefined)
    return Promise.resolve()
  }

  /** The message goes back as if it had never come. */
  giveBack(): Promise<void> {
    this.#parts.state.reserved.delete(this.key)
    return this.message.giveBack()
  }

  /** End it by force while it runs. False where it does not run, or the pool cannot. */
  terminate(signal: NodeJS.Signals): boolean {
    return this.#parts.pool.terminate(this.key, signal)
  }

  /** Revoked or expired before it ran: say so and drop it. */
  async drop(reason: 'revoked' | 'expired'): Promise<void> {
    this.#parts.state.reserved.delete(this.key)
    await this.#revoke(reason, undefined)
    await this.#finish()
  }

  /** End it with an error that the task did not throw: a killed child, a shutdown. */
  async fail(error: Error): Promise<void> {
    const { backend, clock, signals } = this.#parts
    const failure = failureOf(error)
    const { traceback } = failure
    await this.#store(FAILURE, encodeException(error), traceback)
    const embed = this.#embed()
    for (const meta of chainFailures(embed?.chain ?? null, error, traceback, clock.now())) {
      await this.store(backend.encodeResult(meta))
    }
    if (embed !== undefined) await this.#callErrbacks(embed, error, traceback)
    if (!signals.has('task-failure')) return
    const facts = { taskId: this.head.id, task: this.head.name, args: [], kwargs: {} }
    await signals.send('task-failure', { ...facts, exception: error, traceback })
  }

  async #run(pool: Pool, entered: () => void): Promise<Outcome> {
    try {
      // A function that takes this very process down must not come back for ever: where it runs in here, the early
      // acknowledgement is safe in the broker before it starts.
      if (!this.definition.policy.acksLate && !pool.isolated) await this.message.ack()
    } catch (error) {
      entered()
      throw error
    }
    const outcome = pool.execute(this.#job(), this)
    entered()
    return outcome
  }

  async #settle(outcome: Outcome): Promise<void> {
    const { policy } = this.definition
    switch (outcome.kind) {
      case 'success':
        this.#logSuccess(outcome)
        return this.#finish()
      case 'retry':
        this.#parts.logger.info(`Task ${this.label} retry: ${outcome.message}`)
        return this.#finish()
      case 'ignored':
        this.#parts.logger.info(`Task ${this.label} ignored`)
        return this.#finish()
      case 'rejected':
        this.#parts.logger.info(`Task ${this.label} rejected: ${outcome.reason}`)
        return this.#reject(outcome.requeue, outcome.reason)
      case 'failure':
        this.#logFailure(outcome)
        return policy.acksOnFailure ? this.#finish() : this.#reject(false, outcome.failure.repr)
      case 'timeout':
        return this.#settleTimeout(outcome.seconds)
      case 'lost':
        return this.#settleLost(outcome.exit)
      case 'terminated':
        await this.#revoke('terminated', outcome.signal)
        return this.#finish()
      case 'cancelled':
        return this.#settleCancelled()
      case 'unstarted':
        return this.giveBack()
    }
  }

  async #settleTimeout(seconds: number): Promise<void> {
    const { policy } = this.definition
    this.#parts.logger.error(`Hard time limit (${String(seconds)}s) exceeded for ${this.label}`)
    if (policy.acksLate && !policy.acksOnTimeout) return this.#reject(true, 'time limit exceeded')
    await this.fail(new TimeLimitExceeded(seconds))
    return this.#finish()
  }

  async #settleLost(exit: number | string): Promise<void> {
    const { policy } = this.definition
    const error = new WorkerLostError(exit)
    this.#parts.logger.error(`Task ${this.label} lost its process: ${error.message}`)
    if (policy.acksLate && policy.rejectOnWorkerLost) return this.#reject(true, error.message)
    await this.fail(error)
    return this.#finish()
  }

  async #settleCancelled(): Promise<void> {
    if (this.definition.policy.acksLate) return this.#reject(true, 'the worker is shutting down')
    this.#parts.logger.warning(`Task ${this.label} was cut by the shutdown; acknowledged early, it will not run again`)
    await this.fail(new WorkerShutdown('The worker was shut down while the task was running'))
    return this.#finish()
  }

  /** Acknowledge, not before the result is safe. */
  async #finish(): Promise<void> {
    if (this.message.state !== 'unacked') return this.#storing
    await this.#storing
    await this.message.ack()
  }

  async #reject(requeue: boolean, reason: string): Promise<void> {
    await this.#storing
    if (this.message.state !== 'unacked') return
    await this.message.reject({ requeue })
    if (this.#parts.signals.has('task-rejected')) {
      await this.#parts.signals.send('task-rejected', { ...this.#facts(), reason })
    }
  }

  async #revoke(reason: 'revoked' | 'expired' | 'terminated', signal: string | undefined): Promise<void> {
    const { logger, signals } = this.#parts
    logger.info(
      signal === undefined ? `Discarding ${reason} task: ${this.label}` : `Terminated ${this.label} with ${signal}`,
    )
    const error = new TaskRevokedError(reason, signal === undefined ? {} : { cause: new Terminated(signal) })
    await this.#store(REVOKED, encodeException(error), undefined)
    if (!signals.has('task-revoked')) return
    await signals.send('task-revoked', {
      ...this.#facts(),
      terminated: signal !== undefined,
      signum: signal,
      expired: reason === 'expired',
    })
  }

  #store(status: TaskState, result: unknown, traceback: string | undefined): Promise<void> {
    const { policy } = this.definition
    const ignored = this.head.ignoreResult || policy.ignoreResult
    if (ignored && !policy.storeErrorsEvenIfIgnored) return Promise.resolve()
    const { id: taskId, group: groupId, parentId } = this.head
    const meta = encodeTaskMeta(
      { taskId, status, result, traceback, children: [], groupId, parentId },
      this.#parts.clock.now(),
    )
    return this.store(this.#parts.backend.encodeResult(meta))
  }

  /** Who follows the task; undefined where its message cannot be read. */
  #embed(): TaskEmbed | undefined {
    try {
      return decodeTaskBody(this.#parts.decode(this.message.message)).embed
    } catch (error) {
      this.#parts.logger.error(`The errbacks of ${this.label} could not be read`, { error })
      return undefined
    }
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

  #facts(): RequestFacts {
    return { taskId: this.head.id, task: this.head.name, headers: this.message.message.headers }
  }

  #logSuccess(outcome: Extract<Outcome, { kind: 'success' }>): void {
    if (!this.#parts.logger.enabled('INFO')) return
    const seconds = (outcome.runtimeMs / 1000).toFixed(6)
    this.#parts.logger.info(`Task ${this.label} succeeded in ${seconds}s: ${outcome.resultRepr}`)
  }

  #logFailure(outcome: Extract<Outcome, { kind: 'failure' }>): void {
    const { failure, expected } = outcome
    if (expected) this.#parts.logger.info(`Task ${this.label} raised expected: ${failure.repr}`)
    else this.#parts.logger.error(`Task ${this.label} raised unexpected: ${failure.repr}\n${failure.traceback}`)
  }
}
