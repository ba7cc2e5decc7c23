/**
 * `memory://`: queues in this process, for tests and for programs that are client and worker at once. All connections
 * of one transport object share one broker. Exchanges, prefetch and consumers are the virtual channel's matter.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { deferred } from '../util/deferred.ts'
import type { Item } from './memory-broker.ts'
import { MemoryBroker } from './memory-broker.ts'
import type {
  Binding,
  Connection,
  ExchangeDeclaration,
  QueueDeclaration,
  Transport,
  TransportContext,
  TransportFeatures,
  TransportOptions,
} from './transport.ts'
import { VirtualConnection } from './virtual/connection.ts'
import type { QueueEntry, QueueStore, ReleaseOptions, StoredMessage } from './virtual/store.ts'

const FEATURES: TransportFeatures = {
  delayed: true,
  fanout: true,
  priority: 'highest-first',
  shared: false,
  events: 'topic',
  transient: true,
  fetches: true,
  once: true,
}

export class MemoryTransport implements Transport {
  readonly name = 'memory'
  #broker: MemoryBroker | undefined

  async connect(_url: string, options: TransportOptions, context: TransportContext): Promise<Connection> {
    const [unknown] = Object.keys(options)
    if (unknown !== undefined) {
      throw new ImproperlyConfigured(`The memory transport has no options; remove "${unknown}"`)
    }
    this.#broker ??= new MemoryBroker(context.clock)
    return new VirtualConnection(new MemoryStore(this.#broker))
  }
}

/** One connection's view of the broker: knows what was given out to it. */
class MemoryStore implements QueueStore {
  readonly features: TransportFeatures = FEATURES
  readonly closed: Promise<Error | undefined>
  readonly #broker: MemoryBroker
  readonly #ended = deferred<Error | undefined>()
  readonly #held = new Set<Item>()
  #rounds = 0

  constructor(broker: MemoryBroker) {
    this.#broker = broker
    this.closed = this.#ended.promise
  }

  async declareExchange(exchange: ExchangeDeclaration): Promise<void> {
    this.#broker.exchanges.set(exchange.name, exchange)
  }

  async deleteExchange(name: string): Promise<void> {
    this.#broker.deleteExchange(name)
  }

  async getExchange(name: string): Promise<ExchangeDeclaration | undefined> {
    return this.#broker.exchanges.get(name)
  }

  async declareQueue(queue: QueueDeclaration): Promise<void> {
    this.#broker.declareQueue(queue)
  }

  async deleteQueue(name: string): Promise<number> {
    return this.#broker.deleteQueue(name)
  }

  async bind(binding: Binding): Promise<void> {
    this.#broker.bind(binding)
  }

  async unbind(binding: Binding): Promise<void> {
    this.#broker.unbind(binding)
  }

  async bindings(exchange?: string): Promise<readonly Binding[]> {
    return this.#broker.bindings(exchange)
  }

  async putMany(entries: readonly QueueEntry[]): Promise<void> {
    this.#broker.put(entries)
  }

  async getMany(
    queues: readonly string[],
    max: number,
    options: { readonly noAck: boolean },
  ): Promise<readonly StoredMessage[]> {
    const items = this.#broker.take(this.#rotated(queues), max)
    if (!options.noAck) for (const item of items) this.#held.add(item)
    return items
  }

  waitForMessages(queues: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#broker.wait(queues, signal)
  }

  async startConsuming(queue: string): Promise<void> {
    this.#broker.startConsuming(queue, this)
  }

  async stopConsuming(queue: string): Promise<void> {
    this.#broker.stopConsuming(queue, this)
  }

  async ackMany(messages: readonly StoredMessage[]): Promise<void> {
    for (const message of messages) this.#held.delete(message.handle as Item)
  }

  async releaseMany(messages: readonly StoredMessage[], { redelivered, dueMs }: ReleaseOptions): Promise<void> {
    const items = messages.map((message) => message.handle as Item).filter((item) => this.#held.delete(item))
    for (const item of items) {
      if (redelivered) item.redelivered = true
      item.dueMs = dueMs ?? 0
    }
    this.#broker.restore(items)
  }

  async size(queue: string): Promise<number> {
    return this.#broker.size(queue)
  }

  async ripen(queue: string): Promise<void> {
    this.#broker.ripen(queue)
  }

  async purge(queue: string): Promise<number> {
    return this.#broker.purge(queue)
  }

  async close(): Promise<void> {
    const items = [...this.#held].sort((a, b) => a.place - b.place)
    this.#held.clear()
    for (const item of items) item.redelivered = true
    this.#broker.restore(items)
    this.#broker.stopConsumingAll(this)
    this.#ended.resolve(undefined)
  }

  /** Another queue comes first each time, so that a long one does not keep the others waiting. */
  #rotated(queues: readonly string[]): readonly string[] {
    if (queues.length < 2) return queues
    const first = this.#rounds % queues.length
    this.#rounds += 1
    return [...queues.slice(first), ...queues.slice(0, first)]
  }
}
