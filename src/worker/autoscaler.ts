/**
 * SEAM Autoscaler: how many slots a worker has between a smallest and a largest number (`--autoscale`). Ours grows at
 * once to as many as there are tasks in hand, as Celery's does, and shrinks to the most that there were in the last
 * keepalive: what a burst needed stays for the next burst. Nothing is polled: it looks when messages come, and with a
 * timer only while there are more slots than the smallest number.
 */
import { resolve } from 'node:path'
import { importModule } from '../app/loader.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { asError } from '../util/as-error.ts'
import type { Clock, Timer } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { Slots } from './slots.ts'

/** The bounds of a pool's size. */
export interface AutoscaleRange {
  readonly max: number
  /** 0: no slot, and no child process, while there is nothing to do. */
  readonly min: number
}

/** What an autoscaler works with. */
export interface AutoscalerParts extends AutoscaleRange {
  /** How many tasks are in hand, running or about to. */
  readonly qty: () => number
  readonly slots: Pick<Slots, 'size' | 'resize' | 'prefetchFor'>
  readonly clock: Clock
  readonly logger: Logger
  /** No shrinking before so many milliseconds without a need (`AUTOSCALE_KEEPALIVE`). */
  readonly keepaliveMs: number
  /** Aborted when the worker stops: then nothing is to be changed. */
  readonly stopping: AbortSignal
}

/** Grows and shrinks a worker's slots. */
export interface Autoscaler {
  /** Messages came: change what is to be changed. Called for each batch. Must not throw. */
  maybeScale(): void
  /** New bounds, by remote control; what is left out stays. Answers those of now. Throws `ImproperlyConfigured`. */
  update(range: Partial<AutoscaleRange>): AutoscaleRange
  /** For `inspect stats`: Celery's `max`, `min`, `current`, `qty`. */
  info(): Readonly<Record<string, number>>
  /** The worker stops. */
  stop(): void
}

/** Makes an autoscaler; the default export (or `createAutoscaler`) of a module with one of one's own. */
export type CreateAutoscaler = (parts: AutoscalerParts) => Autoscaler

/** Python's class, the default of `workerAutoscaler`: here it means ours. */
const CELERYS = 'celery.worker.autoscale:Autoscaler'
/** Celery's default of `AUTOSCALE_KEEPALIVE`, in seconds. */
const KEEPALIVE = 30

/**
 * What makes the autoscaler that `workerAutoscaler` names: ours, or what the module at this path, from `cwd`, exports.
 * Rejects with `ImproperlyConfigured` for a module that exports none.
 */
export async function findAutoscaler(name: string, cwd: string = process.cwd()): Promise<CreateAutoscaler> {
  if (name === CELERYS) return (parts) => new LoadAutoscaler(parts)
  const exports = await importModule(resolve(cwd, name))
  const create = exports['createAutoscaler'] ?? exports['default']
  if (typeof create === 'function') return create as CreateAutoscaler
  throw new ImproperlyConfigured(
    `${name} exports no autoscaler: write "export default (parts) => new MyAutoscaler(parts)" there`,
  )
}

/** `AUTOSCALE_KEEPALIVE` of this environment, in milliseconds. Throws `ImproperlyConfigured` for no number. */
export function autoscaleKeepaliveMs(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['AUTOSCALE_KEEPALIVE']
  const seconds = text === undefined || text === '' ? KEEPALIVE : Number(text)
  if (seconds > 0) return seconds * 1000
  throw new ImproperlyConfigured(`AUTOSCALE_KEEPALIVE is a number of seconds above zero, not "${String(text)}"`)
}

/** Throws `ImproperlyConfigured` for bounds that cannot be. */
export function checkRange({ max, min }: AutoscaleRange): AutoscaleRange {
  if (Number.isSafeInteger(max) && Number.isSafeInteger(min) && min >= 0 && max >= min && max > 0) return { max, min }
  throw new ImproperlyConfigured(
    `Autoscaling needs a largest number from 1 on and a smallest one that is not larger, not ${String(max)},${String(min)}`,
  )
}

/** Follows the number of tasks in hand. */
export class LoadAutoscaler implements Autoscaler {
  readonly #parts: AutoscalerParts
  #range: AutoscaleRange
  /** The most that were in hand since the last look back. */
  #peak = 0
  #lookBack: Timer | undefined

  constructor(parts: AutoscalerParts) {
    this.#parts = parts
    this.#range = checkRange(parts)
  }

  maybeScale(): void {
    if (this.#parts.stopping.aborted) return
    const qty = this.#parts.qty()
    this.#peak = Math.max(this.#peak, qty)
    if (this.#within(qty) > this.#parts.slots.size) this.#scaleTo(this.#within(qty))
  }

  update(range: Partial<AutoscaleRange>): AutoscaleRange {
    this.#range = checkRange({ ...this.#range, ...range })
    const { slots } = this.#parts
    slots.prefetchFor(this.#range.max)
    if (this.#within(slots.size) !== slots.size) this.#scaleTo(this.#within(slots.size))
    this.#watch()
    this.maybeScale()
    return this.#range
  }

  info(): Readonly<Record<string, number>> {
    return { ...this.#range, current: this.#parts.slots.size, qty: this.#parts.qty() }
  }

  stop(): void {
    this.#lookBack?.cancel()
    this.#lookBack = undefined
  }

  #within(size: number): number {
    return Math.min(Math.max(size, this.#range.min), this.#range.max)
  }

  #scaleTo(size: number): void {
    const { slots, logger } = this.#parts
    const count = size - slots.size
    logger.info(count > 0 ? `Scaling up ${String(count)} processes.` : `Scaling down ${String(-count)} processes.`)
    slots.resize(size).catch((error: unknown) => {
      if (!this.#parts.stopping.aborted) logger.warning(`The pool could not be scaled: ${asError(error).message}`)
    })
    this.#watch()
  }

  #watch(): void {
    const { clock, keepaliveMs, slots, stopping } = this.#parts
    if (this.#lookBack !== undefined || stopping.aborted || slots.size <= this.#range.min) return
    this.#lookBack = clock.after(
      keepaliveMs,
      () => {
        this.#lookBack = undefined
        this.#shrink()
      },
      { unref: true },
    )
  }

  #shrink(): void {
    const { slots, qty, stopping } = this.#parts
    if (stopping.aborted) return
    const needed = this.#within(Math.max(this.#peak, qty()))
    this.#peak = qty()
    if (needed < slots.size) this.#scaleTo(needed)
    else this.#watch()
  }
}
