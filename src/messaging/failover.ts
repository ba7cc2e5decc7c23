/** The order in which several brokers are tried. */

/**
 * As listed, in an order drawn by lot, or as a function says that is called with the list: what it answers is gone
 * through, and asked for again when it has ended.
 */
export type Failover = 'round-robin' | 'shuffle' | ((urls: readonly string[]) => Iterable<string>)

/** Goes round the URLs of a broker. */
export class FailoverOrder {
  readonly #ask: () => Iterable<string>
  #remaining: Iterator<string>
  #current: string | undefined

  /** How many URLs there are: a round is so many attempts. */
  readonly size: number

  constructor(urls: readonly string[], failover: Failover = 'round-robin') {
    this.size = urls.length
    const fixed = failover === 'shuffle' ? shuffled(urls) : urls
    this.#ask = typeof failover === 'function' ? () => failover(urls) : () => fixed
    this.#remaining = this.#ask()[Symbol.iterator]()
    this.next()
  }

  /** The URL to use now; undefined where there is none. */
  get current(): string | undefined {
    return this.#current
  }

  /** That one was of no use: on to the next. */
  next(): void {
    let step = this.#remaining.next()
    if (step.done === true) {
      this.#remaining = this.#ask()[Symbol.iterator]()
      step = this.#remaining.next()
    }
    this.#current = step.done === true ? undefined : step.value
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
