/** A set that forgets: its oldest members go when there are too many or they are too old (revoked ids). */
import type { Clock } from './clock.ts'

export interface BoundedSetOptions {
  readonly maxSize: number
  readonly maxAgeMs: number
  readonly clock: Clock
}

export class BoundedSet {
  /** Member and when it came; a Map keeps the order of insertion, oldest first. */
  readonly #members = new Map<string, number>()
  readonly #options: BoundedSetOptions
  readonly #listeners = new Set<() => void>()

  constructor(options: BoundedSetOptions) {
    this.#options = options
  }

  /** `ageMs`: it came so many milliseconds ago. Older members are to be added before younger ones. */
  add(member: string, ageMs: number = 0): void {
    this.#members.delete(member)
    this.#members.set(member, this.#options.clock.monotonic() - ageMs)
    this.#purge()
    for (const listener of this.#listeners) listener()
  }

  /** Listen for members that are added. Answers a function that ends it. */
  onAdd(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Each member, oldest first, and how many milliseconds ago it came. */
  ages(): [member: string, ageMs: number][] {
    const nowMs = this.#options.clock.monotonic()
    return [...this.#members].map(([member, cameMs]) => [member, nowMs - cameMs])
  }

  /** Costs next to nothing while the set is empty, as it nearly always is. */
  has(member: string): boolean {
    return this.#members.size > 0 && this.#members.has(member)
  }

  delete(member: string): boolean {
    return this.#members.delete(member)
  }

  get size(): number {
    return this.#members.size
  }

  values(): string[] {
    return [...this.#members.keys()]
  }

  #purge(): void {
    const { maxSize, maxAgeMs, clock } = this.#options
    const oldest = clock.monotonic() - maxAgeMs
    for (const [member, cameMs] of this.#members) {
      if (this.#members.size <= maxSize && cameMs >= oldest) return
      this.#members.delete(member)
    }
  }
}
