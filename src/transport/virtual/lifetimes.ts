/**
 * Queues that end by themselves: exclusive ones with their connection, auto-delete ones with their last consumer. Knows
 * the declarations and consumers of one connection; other connections do not count, for stores do not tell of them.
 */
import type { QueueDeclaration } from '../transport.ts'

export class QueueLifetimes {
  readonly #autoDelete = new Set<string>()
  readonly #exclusive = new Set<string>()
  readonly #consumers = new Map<string, number>()

  declared(queue: QueueDeclaration): void {
    if (queue.autoDelete) this.#autoDelete.add(queue.name)
    if (queue.exclusive) this.#exclusive.add(queue.name)
  }

  deleted(queue: string): void {
    this.#autoDelete.delete(queue)
    this.#exclusive.delete(queue)
  }

  consumerAdded(queue: string): void {
    this.#consumers.set(queue, this.consumers(queue) + 1)
  }

  /** Answers whether the queue is to be deleted now. */
  consumerRemoved(queue: string): boolean {
    const left = this.consumers(queue) - 1
    if (left > 0) {
      this.#consumers.set(queue, left)
      return false
    }
    this.#consumers.delete(queue)
    return this.#autoDelete.has(queue)
  }

  /** How many consumers this connection has on the queue. */
  consumers(queue: string): number {
    return this.#consumers.get(queue) ?? 0
  }

  /** The queues that go with the connection. */
  exclusive(): string[] {
    return [...this.#exclusive]
  }
}
