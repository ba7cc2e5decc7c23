/** EventLine: events that came and that their reader has not taken yet. Bounded: the oldest go when there are too many. */
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { Deque } from '../util/deque.ts'

export interface EventLineOptions {
  readonly maxSize: number
  /** The first event was left out since the reader was last up to date. */
  readonly onOverflow: () => void
}

export class EventLine<T> {
  readonly #options: EventLineOptions
  readonly #events = new Deque<T>()
  #more: Deferred<void> = deferred()
  #ended = false
  #overflowing = false

  constructor(options: EventLineOptions) {
    this.#options = options
  }

  add(event: T): void {
    this.#events.push(event)
    this.#more.resolve()
    if (this.#events.size <= this.#options.maxSize) return
    this.#events.shift()
    if (this.#overflowing) return
    this.#overflowing = true
    this.#options.onOverflow()
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true
    this.#more.resolve()
  }

  /** What came and what comes, until the end. For one reader. */
  async *take(): AsyncGenerator<T, void> {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event
      if (this.#ended) return
      this.#overflowing = false
      this.#more = deferred()
      await this.#more.promise
    }
  }
}
