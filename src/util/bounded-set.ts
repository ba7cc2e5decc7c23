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

  constructor(options: BoundedSetOptions) {
    this.#options = options
  }

  add(member: string): void {
    this.#members.delete(member)
    this.#members.set(member, this.#options.clock.monotonic())
    this.#purge()
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
