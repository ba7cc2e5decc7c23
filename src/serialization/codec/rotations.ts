/**
 * The Burrows-Wheeler transform: sorts all rotations of a block. Takes time for `n log n` comparisons of numbers
 * whatever the block holds, so no input is slow; the order is found by doubling the length that is compared.
 */

/** The last byte of each rotation, in sorted order, and where among them the block itself is. */
export interface Rotations {
  readonly last: Uint8Array
  readonly origin: number
}

/** Sort the rotations of `block`, which must not be empty. */
export function sortRotations(block: Uint8Array): Rotations {
  const order = new RotationSorter(block).sort()
  const last = new Uint8Array(block.length)
  let origin = 0
  for (let index = 0; index < order.length; index += 1) {
    const start = order[index] ?? 0
    if (start === 0) origin = index
    last[index] = block[start === 0 ? block.length - 1 : start - 1] ?? 0
  }
  return { last, origin }
}

class RotationSorter {
  readonly #size: number
  /** Where each rotation starts, sorted by as many bytes as were compared so far. */
  #order: Int32Array
  /** By start: the place of the first rotation that is equal as far as was compared. */
  #ranks: Int32Array
  #spareOrder: Int32Array
  #spareRanks: Int32Array
  /** Where in the order the next rotation of each rank goes. */
  readonly #places: Int32Array

  constructor(block: Uint8Array) {
    this.#size = block.length
    this.#order = new Int32Array(this.#size)
    this.#ranks = new Int32Array(this.#size)
    this.#spareOrder = new Int32Array(this.#size)
    this.#spareRanks = new Int32Array(this.#size)
    this.#places = new Int32Array(this.#size)
    this.#sortByByte(block)
  }

  sort(): Int32Array {
    for (let compared = 1; compared < this.#size; compared *= 2) {
      if (this.#double(compared)) break
    }
    return this.#order
  }

  #sortByByte(block: Uint8Array): void {
    const starts = new Int32Array(257)
    for (const byte of block) starts[byte + 1] = (starts[byte + 1] ?? 0) + 1
    for (let byte = 0; byte < 256; byte += 1) starts[byte + 1] = (starts[byte + 1] ?? 0) + (starts[byte] ?? 0)
    const places = starts.slice()
    for (let start = 0; start < this.#size; start += 1) {
      const byte = block[start] ?? 0
      const place = places[byte] ?? 0
      this.#order[place] = start
      this.#ranks[start] = starts[byte] ?? 0
      places[byte] = place + 1
    }
  }

  /** Compare twice as many bytes. Answers whether all rotations differ now. */
  #double(compared: number): boolean {
    const size = this.#size
    const places = this.#places
    const next = this.#spareOrder
    for (let index = 0; index < size; index += 1) places[index] = index
    // Taken in the order of their second halves, and put behind the others that have the same first half.
    for (let index = 0; index < size; index += 1) {
      const second = this.#order[index] ?? 0
      const start = second >= compared ? second - compared : second - compared + size
      const rank = this.#ranks[start] ?? 0
      const place = places[rank] ?? 0
      next[place] = start
      places[rank] = place + 1
    }
    this.#spareOrder = this.#order
    this.#order = next
    return this.#rankAgain(compared)
  }

  #rankAgain(compared: number): boolean {
    const ranks = this.#spareRanks
    const old = this.#ranks
    let rank = 0
    let allDiffer = true
    let first = -1
    let second = -1
    for (let index = 0; index < this.#size; index += 1) {
      const start = this.#order[index] ?? 0
      const half = start + compared
      const nextFirst = old[start] ?? 0
      const nextSecond = old[half < this.#size ? half : half - this.#size] ?? 0
      if (nextFirst === first && nextSecond === second) allDiffer = false
      else rank = index
      ranks[start] = rank
      first = nextFirst
      second = nextSecond
    }
    this.#spareRanks = old
    this.#ranks = ranks
    return allDiffer
  }
}
