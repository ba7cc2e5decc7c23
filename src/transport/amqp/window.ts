/**
 * The prefetch window of a channel, and the way of its deliveries to who consumes. RabbitMQ counts for each consumer,
 * this counts for all of them: what comes beyond the window waits here until something is settled.
 */
import type { Delivery, OnDeliveries } from '../transport.ts'
import { Deque } from '../../util/deque.ts'

/** One delivery, and who gets it. */
export interface Arrival {
  /** Names the consumer. */
  readonly consumer: object
  readonly onDeliveries: OnDeliveries
  readonly delivery: Delivery
  /** It needs no acknowledgement, and so takes no place in the window. */
  readonly noAck: boolean
}

export class Window {
  /** 0 is no limit. */
  #size = 0
  /** Handed over, or about to be, and not settled. */
  #taken = 0
  /** To be handed over at the end of this read from the socket. */
  #ready: Arrival[] = []
  /** No room for them. */
  #waiting: Deque<Arrival> = new Deque()
  #scheduled = false
  #stopped = false

  /** At most so many from now on; 0 is no limit. */
  resize(size: number): void {
    this.#size = size
    this.#admit()
  }

  /** A delivery came. It is handed over together with the others of the same read. */
  arrive(arrival: Arrival): void {
    if (arrival.noAck) this.#makeReady(arrival)
    else {
      this.#waiting.push(arrival)
      this.#admit()
    }
  }

  /** So many of those that were handed over are settled. */
  release(count: number): void {
    this.#taken -= count
    this.#admit()
  }

  /** Hand over now what is ready. */
  handOver(): void {
    this.#scheduled = false
    const ready = this.#ready
    this.#ready = []
    for (let start = 0; start < ready.length;) {
      const { onDeliveries } = ready[start] as Arrival
      const deliveries: Delivery[] = []
      for (; start < ready.length && ready[start]?.onDeliveries === onDeliveries; start += 1) {
        deliveries.push((ready[start] as Arrival).delivery)
      }
      onDeliveries(deliveries)
    }
  }

  /** Take back what waits for room, of one consumer. It counts as handed over, until it is settled. */
  withdraw(consumer: object): Delivery[] {
    const withdrawn: Delivery[] = []
    const kept = new Deque<Arrival>()
    for (let arrival = this.#waiting.shift(); arrival !== undefined; arrival = this.#waiting.shift()) {
      if (arrival.consumer === consumer) withdrawn.push(arrival.delivery)
      else kept.push(arrival)
    }
    this.#waiting = kept
    this.#taken += withdrawn.length
    return withdrawn
  }

  /** Hand over nothing any more. */
  stop(): void {
    this.#stopped = true
    this.#ready = []
  }

  #admit(): void {
    while (this.#size === 0 || this.#taken < this.#size) {
      const arrival = this.#waiting.shift()
      if (arrival === undefined) return
      this.#taken += 1
      this.#makeReady(arrival)
    }
  }

  #makeReady(arrival: Arrival): void {
    if (this.#stopped) return
    this.#ready.push(arrival)
    if (this.#scheduled) return
    this.#scheduled = true
    // The library tells of all messages of one read in one go; this comes right after it.
    queueMicrotask(() => {
      this.handOver()
    })
  }
}
