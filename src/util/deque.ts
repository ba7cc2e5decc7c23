/** A double-ended queue over a ring: adding and taking at both ends cost the same however long it is. */

const SMALLEST = 16

export class Deque<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(SMALLEST)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The item at `index` from the front. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#ring[(this.#head + index) & (this.#ring.length - 1)] : undefined
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#resize(this.#size * 2)
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size += 1
  }

  /** Take the item at the front. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    // A taken item must not be kept alive by the ring.
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size -= 1
    if (this.#ring.length > SMALLEST && this.#size <= this.#ring.length / 8) this.#resize(this.#ring.length / 4)
    return item
  }

  /** Add `item` in front of the item at `index`. Costs `index` steps. */
  insert(index: number, item: T): void {
    if (this.#size === this.#ring.length) this.#resize(this.#size * 2)
    const mask = this.#ring.length - 1
    this.#head = (this.#head - 1) & mask
    this.#size += 1
    for (let moved = 0; moved < index; moved += 1) {
      this.#ring[(this.#head + moved) & mask] = this.#ring[(this.#head + moved + 1) & mask]
    }
    this.#ring[(this.#head + index) & mask] = item
  }

  /** The length of a ring is always a power of two, so that a mask wraps its indexes. */
  #resize(length: number): void {
    const ring = new Array<T | undefined>(Math.max(length, SMALLEST))
    for (let index = 0; index < this.#size; index += 1) ring[index] = this.at(index)
    this.#ring = ring
    this.#head = 0
  }
}
