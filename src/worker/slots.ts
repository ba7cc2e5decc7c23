/**
 * How many tasks a worker runs at a time, and the prefetch count that goes with it. Remote control changes both
 * (`grow`, `shrink`); where there is an autoscaler, only that one does.
 */
import { ImproperlyConfigured } from '../errors.ts'
import type { Pool } from './pool/pool.ts'
import type { PrefetchCount } from './qos.ts'

/** What the slots of a worker are made of. */
export interface SlotsParts {
  readonly pool: Pick<Pool, 'resize' | 'restart'>
  readonly prefetch: Pick<PrefetchCount, 'resize'>
  /** How many there are at the start. */
  readonly size: number
  /** Messages in hand for each (`workerPrefetchMultiplier`); 0 is no limit. */
  readonly multiplier: number
  /** An autoscaler sees to their number. */
  readonly autoscaled: boolean
}

/** The slots of one worker. */
export class Slots {
  readonly #parts: SlotsParts
  #size: number

  constructor(parts: SlotsParts) {
    this.#parts = parts
    this.#size = parts.size
  }

  /** How many tasks may run at a time. */
  get size(): number {
    return this.#size
  }

  /** So many more. Resolves when they can work. Rejects with `ImproperlyConfigured` where that is not to be had. */
  async grow(count: number = 1): Promise<void> {
    this.#refuseWhereAutoscaled('pool_grow')
    await this.#changeBy(count)
  }

  /** So many fewer, once their tasks have ended. One is left. Rejects with `ImproperlyConfigured`. */
  async shrink(count: number = 1): Promise<void> {
    this.#refuseWhereAutoscaled('pool_shrink')
    if (this.#size - count < 1) {
      throw new ImproperlyConfigured(`A pool of ${String(this.#size)} cannot shrink by ${String(count)}: one must stay`)
    }
    await this.#changeBy(-count)
  }

  /** Let new children take the place of all, see `Pool.restart`. */
  restart(): Promise<void> {
    return this.#parts.pool.restart()
  }

  /** Have so many; the prefetch count stays. For an autoscaler. Rejects with what the pool says. */
  async resize(size: number): Promise<void> {
    const before = this.#size
    this.#size = size
    try {
      await this.#parts.pool.resize(size)
    } catch (error) {
      if (this.#size === size) this.#size = before
      throw error
    }
  }

  /** Have messages in hand for so many. */
  prefetchFor(size: number): void {
    this.#parts.prefetch.resize(size * this.#parts.multiplier)
  }

  async #changeBy(count: number): Promise<void> {
    const resized = this.resize(this.#size + count)
    this.prefetchFor(this.#size)
    try {
      await resized
    } catch (error) {
      this.prefetchFor(this.#size)
      throw error
    }
  }

  #refuseWhereAutoscaled(command: string): void {
    if (!this.#parts.autoscaled) return
    throw new ImproperlyConfigured(`${command} is not supported with autoscale. Adjust the autoscale range instead`)
  }
}
