/** What one connection knows of its queues: how many consumers it has on each, and which queues go with it. */
import type { QueueDeclaration } from '../transport.ts'

export class QueueLifetimes {
  readonly #exclusive = new Set<string>()
  readonly #consumers = new Map<string, number>()

  declared(queue: QueueDeclaration): void {
    if (queue.exclusive) this.#exclusive.add(queue.name)
  }

  deleted(queue: string): void {
    this.#exclusive.delete(queue)
  }

  /** The queues that go with the connection. */
  exclusive(): string[] {
    return [...this.#exclusive]
  }

  /** How many consumers this connection has on the queue. */
  consumers(queue: string): number {
    return this.#consumers.get(queue) ?? 0
  }

  /** Answers whether it is the first. */
  consumerAdded(queue: string): boolean {
    const before = this.consumers(queue)
    this.#consumers.set(queue, before + 1)
    return before === 0
  }

  /** Answers whether it was the last. */
  consumerRemoved(queue: string): boolean {
    const left = this.consumers(queue) - 1
    if (left > 0) this.#consumers.set(queue, left)
    else this.#consumers.delete(queue)
    return left <= 0
  }
}
