/**
 * The worker: components, a pool, a consumer, started in this order and stopped in the other. What lies between them is
 * `blueprint.ts`.
 *
 * Stopping has two strengths here. Warm: take no more messages, give back what waits, let running tasks end. Cold: abort
 * and end running tasks as well; what is not acknowledged goes back. A soft shutdown is a warm one with a deadline, after
 * which it turns cold. Cold may follow warm, and hastens it.
 */
import type { App } from '../app/app.ts'
import { ImproperlyConfigured, WorkerShutdown } from '../errors.ts'
import { asError } from '../util/as-error.ts'
import { BoundedSet } from '../util/bounded-set.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { createParts } from './blueprint.ts'
import type { WorkerParts } from './blueprint.ts'
import type { StopStrength } from './component.ts'
import { workerFacts } from './options.ts'
import type { WorkerFacts } from './facts.ts'
import type { WorkerOptions } from './options.ts'
import type { Pool } from './pool/pool.ts'
import type { Request } from './request.ts'
import { WorkerState } from './state.ts'

export type { StopStrength, WorkerFacts, WorkerOptions }

/** Celery's limits of the set of revoked ids (`CELERY_WORKER_REVOKES_MAX`, `CELERY_WORKER_REVOKE_EXPIRES`). */
const REVOKES_MAX = 50_000
const REVOKE_EXPIRES_MS = 10_800_000

/** From one start to the end of its stop. */
interface Life {
  /** The parts, when they run. */
  readonly started: Promise<WorkerParts>
  /** The same, when listeners were told. */
  readonly ready: Promise<WorkerFacts>
  /** Aborted by a stop that comes before the start is done. */
  readonly giveUp: AbortController
  /** Aborted when the stop begins. */
  readonly stopping: AbortController
  /** Aborted when results are waited for no longer. */
  readonly ending: AbortController
  /** Settled at the end of the stop. */
  readonly ended: Deferred<void>
  stopped: Promise<void> | undefined
  /** Why it ends, where nobody asked for it. */
  failure: Error | undefined
}

/** Works the tasks of an app. */
export class Worker {
  readonly #app: App
  readonly #options: WorkerOptions
  readonly #state: WorkerState<Request>
  #prepared: Promise<WorkerFacts> | undefined
  #life: Life | undefined
  #closed: Promise<void> = Promise.resolve()

  constructor(app: App, options: WorkerOptions = {}) {
    this.#app = app
    this.#options = options
    this.#state = new WorkerState<Request>(
      new BoundedSet({ maxSize: REVOKES_MAX, maxAgeMs: REVOKE_EXPIRES_MS, clock: app.clock }),
    )
  }

  /** Requests in hand, revoked ids, totals. */
  get state(): WorkerState<Request> {
    return this.#state
  }

  /**
   * Read the settings, import the task modules, and tell what this worker will be. `start` does so first of all; ask
   * before to say it, as the command line does. May be called twice. Rejects with `ImproperlyConfigured`.
   */
  prepare(): Promise<WorkerFacts> {
    return (this.#prepared ??= this.#prepare().catch((error: unknown) => {
      this.#prepared = undefined
      throw error
    }))
  }

  /**
   * Start. Resolves when it consumes. Rejects when the pool or the broker cannot be had, with `WorkerShutdown` when it is
   * stopped before; then nothing is left open. May be called twice, and again after a stop.
   */
  start(): Promise<WorkerFacts> {
    const stopping = this.#life?.stopped
    if (stopping !== undefined) return stopping.then(() => this.start())
    this.#life ??= this.#begin()
    return this.#life.ready
  }

  /**
   * Resolves when the worker has stopped. Rejects when it did so because it could not start, the broker cannot be had any
   * more or the pool has failed.
   */
  closed(): Promise<void> {
    return this.#closed
  }

  /** Stop. Resolves when all is closed. May be called twice, more strongly the second time, and before the start is done. */
  async stop(how: StopStrength = 'warm'): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    const first = life.stopped === undefined
    life.stopped ??= this.#stop(life, how)
    if (!first && how !== 'warm') await this.#hasten(life, how)
    await life.stopped
  }

  async #prepare(): Promise<WorkerFacts> {
    const app = this.#app
    if (app.isChild) {
      throw new ImproperlyConfigured(
        'This module starts a worker when it is imported, and the children of a worker import it too. ' +
          'Define the app and its tasks in a module of their own, and start the worker from another one',
      )
    }
    const settings = await app.prepare()
    for (const { message } of app.conf.warnings) app.logger.warning(message)
    await app.importTasks()
    await app.serialization.loadCompressions()
    return workerFacts(this.#options, settings, app.queues)
  }

  #begin(): Life {
    const giveUp = new AbortController()
    const stopping = new AbortController()
    const ending = new AbortController()
    const ended: Deferred<void> = deferred()
    const started = this.#start(giveUp.signal, stopping.signal, ending.signal)
    const life: Life = {
      started,
      ready: this.#ready(started),
      giveUp,
      stopping,
      ending,
      ended,
      stopped: undefined,
      failure: undefined,
    }
    this.#closed = ended.promise
    started.then(
      ({ consumer }) => {
        consumer.ended().catch((error: unknown) => {
          this.#fail(life, asError(error), 'warm')
        })
      },
      (error: unknown) => {
        this.#forget(life)
        ended.reject(error)
      },
    )
    // Whoever asks is told; nobody has to.
    ended.promise.catch(() => undefined)
    return life
  }

  async #start(giveUp: AbortSignal, stopping: AbortSignal, ending: AbortSignal): Promise<WorkerParts> {
    const app = this.#app
    const facts = await this.prepare()
    await app.signals.send('worker-init', { hostname: facts.hostname })
    const parts = await createParts({
      app,
      options: this.#options,
      facts,
      state: this.#state,
      ending,
      stopping,
      stop: (how) => {
        void this.stop(how)
      },
      onFailed: (error) => {
        if (this.#life !== undefined) this.#fail(this.#life, error, 'cold')
      },
    })
    const onGiveUp = (): void => {
      void this.#abandon(parts)
    }
    giveUp.addEventListener('abort', onGiveUp)
    try {
      giveUp.throwIfAborted()
      await parts.components.start()
      await parts.pool.start()
      await parts.consumer.start()
      giveUp.throwIfAborted()
      return parts
    } catch (error) {
      await this.#abandon(parts)
      throw giveUp.aborted ? giveUp.reason : error
    } finally {
      giveUp.removeEventListener('abort', onGiveUp)
    }
  }

  /** Not a part of the start itself, so that a listener may stop the worker. */
  async #ready(started: Promise<WorkerParts>): Promise<WorkerFacts> {
    const { facts } = await started
    await this.#app.signals.send('worker-ready', { hostname: facts.hostname })
    return facts
  }

  /** Close what a start had opened. */
  async #abandon({ components, pool, consumer }: WorkerParts): Promise<void> {
    await this.#step('stop consuming', () => consumer.stop())
    await this.#step('stop the pool', () => pool.stop('cold'))
    await components.stop()
  }

  /** It cannot go on: end in order, and say why. */
  #fail(life: Life, error: Error, how: StopStrength): void {
    if (life.failure !== undefined) return
    life.failure = error
    this.#app.logger.critical('The worker cannot go on and stops', { error })
    void this.stop(how)
  }

  async #stop(life: Life, how: StopStrength): Promise<void> {
    life.giveUp.abort(new WorkerShutdown('The worker was stopped before it had started'))
    const parts = await life.started.catch(() => undefined)
    // A start that failed has left nothing behind.
    if (parts === undefined) return
    const { components, pool, dispatcher, prefetch, autoscaler, consumer } = parts
    const { hostname } = parts.facts
    const { signals } = this.#app
    await signals.send('worker-shutting-down', { hostname, sig: undefined, how, exitcode: 0 })
    life.stopping.abort()
    prefetch.stop()
    autoscaler?.stop()
    // No new messages first, so that what is given back next cannot come again to us.
    await this.#step('stop consuming', () => consumer.stopConsuming())
    await this.#step('give back what waits', () => dispatcher.close())
    await this.#stopPool(pool, how)
    life.ending.abort()
    // Outcomes are acknowledged before the channel closes, for what is unacknowledged then goes back.
    await this.#step('settle what has ended', () => dispatcher.drained())
    await this.#step('leave the broker', () => consumer.stop())
    await components.stop()
    await signals.send('worker-shutdown', { hostname })
    this.#forget(life)
    if (life.failure === undefined) life.ended.resolve()
    else life.ended.reject(life.failure)
  }

  async #hasten(life: Life, how: StopStrength): Promise<void> {
    const parts = await life.started.catch(() => undefined)
    if (parts !== undefined) await this.#stopPool(parts.pool, how)
  }

  #forget(life: Life): void {
    if (this.#life !== life) return
    this.#life = undefined
    this.#prepared = undefined
  }

  async #stopPool(pool: Pool, how: StopStrength): Promise<void> {
    const seconds = this.#app.conf.values.workerSoftShutdownTimeout
    const stopCold = (): Promise<void> => this.#step('end running tasks', () => pool.stop('cold'))
    const timer = how === 'soft' ? this.#app.clock.after(seconds * 1000, () => void stopCold()) : undefined
    if (how === 'cold') await stopCold()
    else await this.#step('let running tasks end', () => pool.stop('warm'))
    timer?.cancel()
  }

  /** A step of the stop that fails, such as on a lost connection, must not keep the others from being taken. */
  async #step(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#app.logger.warning(`While stopping, the worker could not ${what}`, { error })
    }
  }
}
