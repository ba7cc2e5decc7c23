/**
 * Camera: shows a function what the cluster looks like, at intervals (`celery/events/snapshot.py`, `Polaroid`). For who
 * wants to write it somewhere now and then rather than follow each event.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { pause } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { parseRate } from '../util/rate.ts'
import type { State } from './state.ts'

export interface CameraOptions {
  /** Seconds between two pictures. Default 1. */
  readonly freq?: number
  /** No more than so many pictures: `10/m`, or a number a second. Default: as `freq` says. */
  readonly maxrate?: string | number
  /** Forget what has ended after each picture. Default false. */
  readonly clearAfter?: boolean
  /** Called now and then, to remove what is old where the pictures go. */
  readonly onCleanup?: () => unknown
  /** Seconds between two calls of `onCleanup`. Default 3600. */
  readonly cleanupFreq?: number
}

/** What a camera needs besides the state. */
export interface CameraParts {
  readonly clock: Clock
  readonly logger: Logger
}

/** Takes a picture. Until it is done, or its promise, nothing changes; then events go on. */
export type Shutter = (state: State) => unknown

const DEFAULT_FREQ = 1
const DEFAULT_CLEANUP_FREQ = 3600

export class Camera {
  readonly #state: State
  readonly #shutter: Shutter
  readonly #options: CameraOptions
  readonly #parts: CameraParts
  readonly #freqMs: number
  /** Between two pictures there is at least as much time, in milliseconds. */
  readonly #shortestMs: number
  readonly #cleanupFreqMs: number
  readonly #stopping = new AbortController()
  #running: Promise<unknown> | undefined
  #lastMs = -Infinity

  /** Throws `ImproperlyConfigured` for an interval or a rate that cannot be. */
  constructor(state: State, shutter: Shutter, options: CameraOptions, parts: CameraParts) {
    this.#state = state
    this.#shutter = shutter
    this.#options = options
    this.#parts = parts
    this.#freqMs = intervalMs('freq', options.freq ?? DEFAULT_FREQ)
    this.#shortestMs = shortestMs(options.maxrate)
    this.#cleanupFreqMs = intervalMs('cleanupFreq', options.cleanupFreq ?? DEFAULT_CLEANUP_FREQ)
  }

  /** Begin. */
  start(): void {
    const { onCleanup } = this.#options
    const pictures = this.#repeat(this.#freqMs, () => this.#capture())
    const cleanups = onCleanup === undefined ? undefined : this.#repeat(this.#cleanupFreqMs, async () => onCleanup())
    this.#running ??= Promise.all([pictures, cleanups])
  }

  /** Take a last picture, and no more. Resolves when it is taken. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort()
    await this.#running
    await this.#try(() => this.#shoot())
  }

  async #capture(): Promise<void> {
    if (this.#parts.clock.monotonic() - this.#lastMs >= this.#shortestMs) await this.#shoot()
  }

  async #shoot(): Promise<void> {
    this.#lastMs = this.#parts.clock.monotonic()
    const { clearAfter = false } = this.#options
    // What is no promise is none of a promise's concern: then nothing has to wait.
    await this.#state.freezeWhile(() => this.#shutter(this.#state), { clearAfter })
  }

  async #repeat(everyMs: number, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      await pause(this.#parts.clock, everyMs, signal)
      if (signal.aborted) return
      await this.#try(work)
    }
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#parts.logger.error('The camera failed; it goes on', { error })
    }
  }
}

function intervalMs(name: string, seconds: number): number {
  if (Number.isFinite(seconds) && seconds > 0) return seconds * 1000
  throw new ImproperlyConfigured(`The camera's ${name} is ${String(seconds)}; write a number of seconds above 0`)
}

function shortestMs(maxrate: string | number | undefined): number {
  if (maxrate === undefined) return 0
  const rate = parseRate(maxrate)
  if (rate === undefined || rate === 0) {
    throw new ImproperlyConfigured(`The camera's maxrate is "${String(maxrate)}"; write a rate such as 10/m`)
  }
  return 1000 / rate
}
