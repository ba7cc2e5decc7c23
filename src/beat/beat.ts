/**
 * Beat: sends tasks when they are due. Of an app's beats one leads, and the others wait for their turn; the leading itself
 * is `term.ts`, what they share `store.ts`.
 */
import { setMaxListeners } from 'node:events'
import type { App } from '../app/app.ts'
import { isOperational } from '../messaging/failure.ts'
import { pause } from '../util/backoff.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { codeEntries } from './code-entries.ts'
import { Dispatch } from './dispatch.ts'
import { mergeTimetable } from './merge.ts'
import type { BeatStore, Leadership } from './store.ts'
import { LEAD_MS, Term } from './term.ts'

/** How a beat works. What is left out comes from the settings. */
export interface BeatOptions {
  /** The longest sleep between two looks at the timetable, in seconds. Default: `beatMaxLoopInterval`. */
  readonly maxInterval?: number
  /** Where states are kept, for brokers that cannot keep them. Default: `beatScheduleFilename`. */
  readonly filename?: string
  /** It runs inside a worker. Default false. */
  readonly embedded?: boolean
}

/** Opens what beats share. */
export type OpenBeatStore = (filename: string | undefined) => Promise<BeatStore>

/** From a start to its end. */
interface Life {
  readonly stopping: AbortController
  readonly hurry: AbortController
  readonly started: Promise<void>
  readonly ended: Deferred<void>
}

/** Who waits for his turn looks so often. */
const LOOK_MS = 1000
/** What is under way at the stop may take so long. */
const STOP_MS = 5000

export class Beat {
  readonly #app: App
  readonly #options: BeatOptions
  readonly #openStore: OpenBeatStore
  #life: Life | undefined
  #closed: Promise<void> = Promise.resolve()
  #isLeading = false
  /** It has been said that another one leads. */
  #isWaiting = false

  /** Does nothing before `start()`. */
  constructor(app: App, openStore: OpenBeatStore, options: BeatOptions = {}) {
    this.#app = app
    this.#openStore = openStore
    this.#options = options
  }

  /** Is this the one that sends? */
  get isLeading(): boolean {
    return this.#isLeading
  }

  /**
   * Start. Resolves when it is on duty, whether it leads or waits for its turn; from then on it bears with whatever the
   * broker does. Rejects where settings are wrong. May be called twice, and again after a stop.
   */
  start(): Promise<void> {
    const life = this.#life
    if (life?.stopping.signal.aborted === true) return life.ended.promise.then(() => this.start())
    this.#life ??= this.#begin()
    return this.#life.started
  }

  /** Resolves when it has stopped. */
  closed(): Promise<void> {
    return this.#closed
  }

  /** Stop: another one may lead at once. What is under way is waited for, up to five seconds. May be called twice. */
  async stop(): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    life.stopping.abort()
    const timer = this.#app.clock.after(STOP_MS, () => {
      life.hurry.abort()
    })
    await life.ended.promise
    timer.cancel()
  }

  #begin(): Life {
    const stopping = new AbortController()
    const hurry = new AbortController()
    // As many as are published at a time: Node takes eleven for a leak, and warns.
    setMaxListeners(0, hurry.signal)
    const ended: Deferred<void> = deferred()
    this.#closed = ended.promise
    const opening = this.#open()
    const started = opening.then(() => undefined)
    void this.#run(opening, stopping.signal, hurry.signal).then(() => {
      this.#life = undefined
      ended.resolve()
    })
    return { stopping, hurry, started, ended }
  }

  async #open(): Promise<BeatStore> {
    const { logger, signals } = this.#app
    await this.#app.prepare()
    await this.#app.importTasks()
    const store = await this.#openStore(this.#options.filename)
    logger.info('beat: Starting...')
    await signals.send('beat-init', { pid: process.pid })
    if (this.#options.embedded === true) await signals.send('beat-embedded-init', { pid: process.pid })
    return store
  }

  async #run(opening: Promise<BeatStore>, stopping: AbortSignal, hurry: AbortSignal): Promise<void> {
    let store = await opening.catch(() => undefined)
    // Whoever has started it was told.
    if (store === undefined) return
    const { logger, clock } = this.#app
    while (!stopping.aborted) {
      try {
        store ??= await this.#openStore(this.#options.filename)
        await this.#takeTurn(store, stopping, hurry)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        if (isOperational(error)) logger.error(`beat: ${reason}; it is tried again`)
        else logger.critical('beat: An error that should not be; it is tried again', { error })
        // Some do not come back by themselves, such as a file that was replaced.
        await this.#close(store)
        store = undefined
      }
      await pause(clock, LOOK_MS, stopping)
    }
    logger.info('beat: Shutting down...')
    await this.#close(store)
  }

  async #close(store: BeatStore | undefined): Promise<void> {
    await store?.close().catch((error: unknown) => {
      this.#app.logger.warning('beat: The timetable could not be closed', { error })
    })
  }

  /** Lead, if nobody else does. */
  async #takeTurn(store: BeatStore, stopping: AbortSignal, hurry: AbortSignal): Promise<void> {
    const { clock, logger } = this.#app
    const sinceMs = clock.monotonic()
    const leadership = await store.acquire(LEAD_MS)
    if (leadership === undefined) {
      if (!this.#isWaiting) logger.info('beat: Another one leads, and this one waits for its turn')
      this.#isWaiting = true
      return
    }
    try {
      this.#isWaiting = false
      this.#isLeading = true
      logger.info('beat: This one leads')
      await this.#term(store, leadership, sinceMs, stopping, hurry).run()
    } finally {
      this.#isLeading = false
      // Who cannot say so is found out when his time is over.
      await store.release(leadership).catch(() => undefined)
    }
  }

  #term(store: BeatStore, leadership: Leadership, sinceMs: number, stopping: AbortSignal, hurry: AbortSignal): Term {
    const app = this.#app
    const { beatMaxLoopInterval, beatSyncEvery, beatCronStartingDeadline } = app.conf.values
    const maxInterval = this.#options.maxInterval ?? beatMaxLoopInterval
    return new Term({
      store,
      leadership,
      sinceMs,
      stopping,
      hurry,
      clock: app.clock,
      logger: app.logger,
      dispatch: new Dispatch({ scope: app.main, send: (calls) => app.sendTasks(calls) }),
      read: async () => {
        const { entries, version } = await store.load()
        return { ...mergeTimetable(await codeEntries(app), entries), version }
      },
      maxIntervalMs: maxInterval === 0 ? Infinity : maxInterval * 1000,
      syncEvery: beatSyncEvery,
      cronDeadlineMs: beatCronStartingDeadline === null ? undefined : beatCronStartingDeadline * 1000,
    })
  }
}
