/**
 * What was told of tasks, in logical order: by the senders' clocks, and by time where there are none (`kombu.clocks`,
 * `timetuple`). It holds so many entries at most; the oldest goes first.
 */

/** Leads from an entry to its task. The task is taken out of it when it is forgotten, so that no entry keeps it. */
export interface HeapRef<T> {
  item: T | undefined
}

interface Entry<T> {
  /** Zero where the sender has none. */
  readonly clock: number
  /** Unix time in seconds. */
  readonly timestamp: number
  /** Who said it. */
  readonly origin: string
  readonly ref: HeapRef<T>
}

export class TaskHeap<T> {
  readonly #maxSize: number
  #entries: Entry<T>[] = []
  /** Those in front of it are gone: taking away the first entry of a long array would move all others. */
  #first = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get size(): number {
    return this.#entries.length - this.#first
  }

  push(clock: number, timestamp: number, origin: string, ref: HeapRef<T>): void {
    if (this.size + 1 > this.#maxSize) this.#dropFirst()
    const entry = { clock, timestamp, origin, ref }
    const entries = this.#entries
    const last = entries.at(-1)
    // Nearly always it is the newest.
    if (this.size === 0 || last === undefined || before(last, entry)) entries.push(entry)
    else entries.splice(this.#placeOf(entry), 0, entry)
  }

  /** The items, one for each of their entries: the newest first, or with `reverse` false the oldest. */
  *items(reverse: boolean): Generator<T> {
    // What is added or dropped while somebody reads does not disturb: he reads what there was.
    const entries = this.#entries.slice(this.#first)
    for (let count = 1; count <= entries.length; count += 1) {
      const item = entries.at(reverse ? -count : count - 1)?.ref.item
      if (item !== undefined) yield item
    }
  }

  clear(): void {
    this.#entries = []
    this.#first = 0
  }

  /** Behind all that are not after it (Python's `bisect.insort`). */
  #placeOf(entry: Entry<T>): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(entry, this.#entries[middle] as Entry<T>)) high = middle
      else low = middle + 1
    }
    return low
  }

  #dropFirst(): void {
    this.#first += 1
    if (this.#first <= this.#maxSize) return
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }
}

/** Clocks are compared where both have one; of equal clocks the name decides. */
function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  if (a.clock === 0 || b.clock === 0) return a.timestamp < b.timestamp
  return a.clock === b.clock ? a.origin < b.origin : a.clock < b.clock
}
