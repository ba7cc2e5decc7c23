/** The prefetch window of one channel and the deliveries in it that nobody acknowledged yet. */
import type { Delivery, DeliveryTag } from '../transport.ts'
import type { StoredMessage } from './store.ts'

/** The most messages of one round trip, where the prefetch count does not say less. */
export const MAX_BATCH = 1000

export class Qos {
  readonly #unacked = new Map<DeliveryTag, StoredMessage>()
  #lastTag = 0
  #prefetchCount = 0
  #wanted: (() => number) | undefined

  /** 0 is no limit. `wanted` tells how many messages may come at this moment besides; default any number. */
  setPrefetchCount(count: number, wanted?: () => number): void {
    this.#prefetchCount = count
    this.#wanted = wanted
  }

  /** How many more messages may be taken now that are to be acknowledged. */
  get room(): number {
    if (this.#prefetchCount === 0) return this.noAckRoom
    return Math.max(0, Math.min(this.#prefetchCount - this.#unacked.size, this.noAckRoom))
  }

  /** How many more that are not. */
  get noAckRoom(): number {
    return this.#wanted === undefined ? MAX_BATCH : Math.max(0, Math.min(this.#wanted(), MAX_BATCH))
  }

  /** A delivery of `message`, noted as unacknowledged unless `noAck`. */
  deliver(message: StoredMessage, noAck: boolean): Delivery {
    this.#lastTag += 1
    if (!noAck) this.#unacked.set(this.#lastTag, message)
    return {
      deliveryTag: this.#lastTag,
      exchange: message.exchange,
      routingKey: message.routingKey,
      queue: message.queue,
      redelivered: message.redelivered,
      message: message.message,
    }
  }

  /** Take deliveries out of the window. Unknown tags are left out. */
  settle(tags: readonly DeliveryTag[]): StoredMessage[] {
    const settled: StoredMessage[] = []
    for (const tag of tags) {
      const message = this.#unacked.get(tag)
      if (message === undefined) continue
      this.#unacked.delete(tag)
      settled.push(message)
    }
    return settled
  }

  /** Take all deliveries out of the window. */
  settleAll(): StoredMessage[] {
    const settled = [...this.#unacked.values()]
    this.#unacked.clear()
    return settled
  }
}
