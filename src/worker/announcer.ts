/**
 * Announcer: tells what becomes of requests, to monitors (events), to people (logs) and to this process (signals). What is
 * done about a request, and when, is decided in `request.ts`.
 */
import { constants } from 'node:os'
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { Message } from '../protocol/message.ts'
import { readCallFields } from '../protocol/task.ts'
import type { TaskHead } from '../protocol/task.ts'
import type { RequestFacts, Signals } from '../signals.ts'
import type { Failure, Outcome } from '../task/outcome.ts'
import type { TaskDefinition } from '../task/task.ts'
import type { LogFields, Logger } from '../util/logger.ts'

/** What sends the events of tasks: an `EventDispatcher`. */
export type TaskEvents = Pick<EventDispatcher, 'sendTask' | 'sendsTasks'>

/** What is told of: a request. */
export interface Announced {
  readonly head: TaskHead
  readonly definition: TaskDefinition
  /** The name in logs. */
  readonly label: string
  readonly message: { readonly message: Message }
}

/** Where it is told. */
export interface AnnouncerParts {
  readonly events: TaskEvents
  readonly signals: Signals
  readonly logger: Logger
}

/** One for all requests of a worker, which costs a request nothing that nobody listens to. */
export class Announcer {
  readonly #events: TaskEvents
  readonly #signals: Signals
  readonly #logger: Logger

  constructor({ events, signals, logger }: AnnouncerParts) {
    this.#events = events
    this.#signals = signals
    this.#logger = logger
  }

  /** It was admitted. */
  received(request: Announced): void {
    if (!this.#sendsEvents(request)) return
    this.#events.sendTask('task-received', readCallFields(request.head.id, request.message.message.headers))
  }

  /** The pool has begun it. */
  started(request: Announced): void {
    if (this.#sendsEvents(request)) this.#events.sendTask('task-started', { uuid: request.head.id })
  }

  /** It was ended, for its message comes again. */
  cancelled(request: Announced): void {
    if (this.#sendsEvents(request)) this.#events.sendTask('task-cancelled', { uuid: request.head.id })
  }

  /** How the pool's work on it ended, for the log. */
  log(request: Announced, outcome: Outcome): void {
    // The line that most requests would have, and that a worker often does not write: without it no text is made.
    if (outcome.kind === 'success' && !this.#logger.enabled('INFO')) return
    const { label } = request
    if (outcome.kind === 'success') {
      const seconds = (outcome.runtimeMs / 1000).toFixed(6)
      this.#logger.info(`Task ${label} succeeded in ${seconds}s: ${outcome.resultRepr}`, namesOf(request))
    } else if (outcome.kind === 'retry') this.#logger.info(`Task ${label} retry: ${outcome.message}`, namesOf(request))
    else if (outcome.kind === 'ignored') this.#logger.info(`Task ${label} ignored`, namesOf(request))
    else if (outcome.kind === 'rejected')
      this.#logger.info(`Task ${label} rejected: ${outcome.reason}`, namesOf(request))
    else if (outcome.kind === 'failure') {
      const { failure, expected } = outcome
      if (expected) this.#logger.info(`Task ${label} raised expected: ${failure.repr}`, namesOf(request))
      else
        this.#logger.error(`Task ${label} raised unexpected: ${failure.repr}\n${failure.traceback}`, namesOf(request))
    }
  }

  /** The new attempt was published: told before its events, which may come from another worker. */
  retried(request: Announced, { repr: exception, traceback }: Failure): void {
    if (this.#sendsEvents(request)) {
      this.#events.sendTask('task-retried', { uuid: request.head.id, exception, traceback })
    }
  }

  /** How the task itself ended. Once the result is stored: who hears of it may want to read it. */
  ended(request: Announced, outcome: Outcome): void {
    if (!this.#sendsEvents(request)) return
    const { id: uuid } = request.head
    if (outcome.kind === 'success') {
      const { resultRepr: result, runtimeMs } = outcome
      this.#events.sendTask('task-succeeded', { uuid, result, runtime: runtimeMs / 1000 })
    } else if (outcome.kind === 'failure') this.#tellFailure(uuid, outcome.failure)
  }

  /** It ended with an error that the task did not throw. */
  async failed(request: Announced, exception: Error, failure: Failure): Promise<void> {
    const { id: taskId, name: task } = request.head
    if (this.#sendsEvents(request)) this.#tellFailure(taskId, failure)
    if (!this.#signals.has('task-failure')) return
    const { traceback } = failure
    await this.#signals.send('task-failure', { taskId, task, args: [], kwargs: {}, exception, traceback })
  }

  /** Its message was rejected. */
  async rejected(request: Announced, requeue: boolean, reason: string): Promise<void> {
    if (this.#sendsEvents(request)) this.#events.sendTask('task-rejected', { uuid: request.head.id, requeue })
    if (this.#signals.has('task-rejected')) {
      await this.#signals.send('task-rejected', { ...factsOf(request), reason })
    }
  }

  /** It was revoked or has expired; `signal` ended it where it ran. */
  async revoked(request: Announced, reason: 'revoked' | 'expired' | 'terminated', signal?: string): Promise<void> {
    const facts = { terminated: signal !== undefined, expired: reason === 'expired' }
    if (this.#sendsEvents(request)) {
      const signum = signal === undefined ? null : constants.signals[signal as NodeJS.Signals]
      this.#events.sendTask('task-revoked', { uuid: request.head.id, ...facts, signum })
    }
    if (!this.#signals.has('task-revoked')) return
    await this.#signals.send('task-revoked', { ...factsOf(request), ...facts, signum: signal })
  }

  /** Asked before anything is gathered for an event: without events a task costs no more for them. */
  #sendsEvents({ definition }: Announced): boolean {
    return this.#events.sendsTasks && definition.policy.sendEvents
  }

  #tellFailure(uuid: string, { repr: exception, traceback }: Failure): void {
    this.#events.sendTask('task-failed', { uuid, exception, traceback })
  }
}

/** For log lines that programs read. */
export function namesOf({ head }: Announced): LogFields {
  return { task: head.name, taskId: head.id }
}

function factsOf({ head, message }: Announced): RequestFacts {
  return { taskId: head.id, task: head.name, headers: message.message.headers }
}
