/**
 * The broker behind `memory://`: exchanges, bindings, and queues that keep priority, order and due times. Who holds
 * what is the stores' matter (`memory.ts`).
 */
import type { Message } from '../protocol/message.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { Deque } from '../util/deque.ts'
import { Heap } from '../util/heap.ts'
import type { Binding, ExchangeDeclaration, QueueDeclaration } from './transport.ts'
import { chooseNew } from './virtual/marks.ts'
import type { QueueEntry, StoredMessage } from './virtual/store.ts'

const PRIORITIES = 10

/** One message in one queue. It is its own handle. */
export class Item implements StoredMessage {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly message: Message
  readonly priority: number
  /** Place among messages of the same priority. */
  readonly place: number
  /** Unix time in milliseconds before which it is not given out. */
  dueMs: number
  redelivered = false

  constructor(entry: QueueEntry, place: number) {
    this.queue = entry.queue
    this.exchange = entry.exchange
    this.routingKey = entry.routingKey
    this.message = entry.message
    this.priority = priorityOf(entry.message)
    this.place = place
    this.dueMs = entry.dueMs ?? 0
  }

  get handle(): unknown {
    return this
  }
}

/** What waits in one queue, the most urgent first; what is not due yet lies apart. */
class MemoryQueue {
  /** The queue goes with its last consumer. */
  autoDelete = false
  /** By priority; made when first used. */
  readonly #lanes: (Deque<Item> | undefined)[] = new Array<Deque<Item> | undefined>(PRIORITIES)
  readonly #later = new Heap<Item>((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.place < b.place))
  #readyCount = 0

  get size(): number {
    return this.#readyCount + this.#later.size
  }

  /** Is there something to take? */
  get ready(): boolean {
    return this.#readyCount > 0
  }

  /** Unix time in milliseconds at which the next message is due; undefined when none is put off. */
  get nextDueMs(): number | undefined {
    return this.#later.peek()?.dueMs
  }

  append(item: Item): void {
    this.#lane(item.priority).push(item)
    this.#readyCount += 1
  }

  putOff(item: Item): void {
    this.#later.push(item)
  }

  /** Put an item back where it was: before all that came later. */
  restore(item: Item): void {
    const lane = this.#lane(item.priority)
    let index = 0
    while ((lane.at(index)?.place ?? Infinity) < item.place) index += 1
    lane.insert(index, item)
    this.#readyCount += 1
  }

  /** Make ready what is due. Answers how many. */
  ripen(nowMs: number): number {
    let count = 0
    for (let item = this.#later.peek(); item !== undefined && item.dueMs <= nowMs; item = this.#later.peek()) {
      this.#later.pop()
      this.append(item)
      count += 1
    }
    return count
  }

  /** Move items of one priority into `taken`, which holds `max` at most. */
  take(priority: number, taken: Item[], max: number): void {
    const lane = this.#lanes[priority]
    if (lane === undefined) return
    const count = Math.min(max - taken.length, lane.size)
    for (let index = 0; index < count; index += 1) taken.push(lane.shift() as Item)
    this.#readyCount -= count
  }

  #lane(priority: number): Deque<Item> {
    let lane = this.#lanes[priority]
    if (lane === undefined) {
      lane = new Deque()
      this.#lanes[priority] = lane
    }
    return lane
  }
}

/** Exchanges, bindings and queues, shared by all connections. */
export class MemoryBroker {
  readonly exchanges: Map<string, ExchangeDeclaration> = new Map<string, ExchangeDeclaration>()
  /** By exchange, then by queue and routing key. */
  readonly #bindings = new Map<string, Map<string, Binding>>()
  readonly #queues = new Map<string, MemoryQueue>()
  /** Queues with messages that are not due yet. */
  readonly #withLater = new Map<string, MemoryQueue>()
  /** The connections that consume a queue. */
  readonly #consumers = new Map<string, Set<object>>()
  readonly #waiters = new Map<string, Set<() => void>>()
  /** The number that was published last under each key. */
  readonly #marks = new Map<string, number>()
  readonly #clock: Clock
  #lastPlace = 0
  #timer: Timer | undefined
  #timerDueMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The queue of this name, made when it is not there. */
  queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      queue = new MemoryQueue()
      this.#queues.set(name, queue)
    }
    return queue
  }

  declareQueue({ name, autoDelete }: QueueDeclaration): void {
    this.queue(name).autoDelete = autoDelete
  }

  /** `by` stands for a connection. */
  startConsuming(name: string, by: object): void {
    const consumers = this.#consumers.get(name)
    if (consumers === undefined) this.#consumers.set(name, new Set([by]))
    else consumers.add(by)
  }

  stopConsuming(name: string, by: object): void {
    const consumers = this.#consumers.get(name)
    if (consumers?.delete(by) !== true || consumers.size > 0) return
    this.#consumers.delete(name)
    if (this.#queues.get(name)?.autoDelete === true) this.deleteQueue(name)
  }

  /** Likewise for all queues. */
  stopConsumingAll(by: object): void {
    for (const name of [...this.#consumers.keys()]) this.stopConsuming(name, by)
  }

  deleteQueue(name: string): number {
    const removed = this.purge(name)
    this.#queues.delete(name)
    for (const bindings of this.#bindings.values()) {
      for (const [key, binding] of bindings) if (binding.queue === name) bindings.delete(key)
    }
    return removed
  }

  purge(name: string): number {
    const queue = this.#queues.get(name)
    if (queue === undefined) return 0
    const removed = queue.size
    this.#withLater.delete(name)
    const empty = new MemoryQueue()
    empty.autoDelete = queue.autoDelete
    this.#queues.set(name, empty)
    return removed
  }

  /** Make due what waits for its time. */
  ripen(name: string): void {
    const queue = this.#queues.get(name)
    if (queue === undefined) return
    this.#withLater.delete(name)
    if (queue.ripen(Infinity) > 0) this.#wake(name)
  }

  size(name: string): number {
    return this.#queues.get(name)?.size ?? 0
  }

  bind(binding: Binding): void {
    this.queue(binding.queue)
    let bindings = this.#bindings.get(binding.exchange)
    if (bindings === undefined) {
      bindings = new Map()
      this.#bindings.set(binding.exchange, bindings)
    }
    bindings.set(bindingKey(binding), binding)
  }

  unbind(binding: Binding): void {
    this.#bindings.get(binding.exchange)?.delete(bindingKey(binding))
  }

  deleteExchange(name: string): void {
    this.exchanges.delete(name)
    this.#bindings.delete(name)
  }

  bindings(exchange: string | undefined): Binding[] {
    const wanted = exchange === undefined ? [...this.#bindings.values()] : [this.#bindings.get(exchange)]
    return wanted.flatMap((bindings) => [...(bindings?.values() ?? [])])
  }

  put(given: readonly QueueEntry[]): void {
    const { chosen: entries, marks } = chooseNew(given, (key) => this.#marks.get(key))
    for (const [key, number] of marks) this.#marks.set(key, number)
    const nowMs = this.#clock.now()
    let name: string | undefined
    let queue: MemoryQueue | undefined
    for (const entry of entries) {
      if (queue === undefined || entry.queue !== name) {
        name = entry.queue
        queue = this.queue(name)
      }
      this.#lastPlace += 1
      const item = new Item(entry, this.#lastPlace)
      if (item.dueMs > nowMs) {
        this.#putOff(queue, item)
      } else {
        queue.append(item)
        this.#wake(name)
      }
    }
  }

  /** Up to `max` items of the queues that are there, by priority, and by the order of `names` within one. */
  take(names: readonly string[], max: number): Item[] {
    const taken: Item[] = []
    const queues = names.flatMap((name) => this.#queues.get(name) ?? []).filter((queue) => queue.ready)
    if (queues.length === 0) return taken
    for (let priority = PRIORITIES - 1; priority >= 0 && taken.length < max; priority -= 1) {
      for (const queue of queues) queue.take(priority, taken, max)
    }
    return taken
  }

  /** Put items back; those of a queue that was deleted meanwhile are dropped, as AMQP does. */
  restore(items: readonly Item[]): void {
    const nowMs = this.#clock.now()
    // From the last to the first: each then finds its place at the front.
    for (let index = items.length - 1; index >= 0; index -= 1) {
      const item = items[index] as Item
      const queue = this.#queues.get(item.queue)
      if (queue === undefined) continue
      if (item.dueMs > nowMs) {
        this.#putOff(queue, item)
      } else {
        queue.restore(item)
        this.#wake(item.queue)
      }
    }
  }

  /** Resolves when there is something in one of the queues, or when `signal` aborts. */
  wait(names: readonly string[], signal: AbortSignal): Promise<void> {
    if (signal.aborted || names.some((name) => this.#queues.get(name)?.ready === true)) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        for (const name of names) this.#removeWaiter(name, end)
        signal.removeEventListener('abort', end)
        resolve()
      }
      for (const name of names) this.#addWaiter(name, end)
      signal.addEventListener('abort', end)
    })
  }

  #addWaiter(name: string, end: () => void): void {
    const waiters = this.#waiters.get(name)
    if (waiters === undefined) this.#waiters.set(name, new Set([end]))
    else waiters.add(end)
  }

  #removeWaiter(name: string, end: () => void): void {
    const waiters = this.#waiters.get(name)
    waiters?.delete(end)
    if (waiters?.size === 0) this.#waiters.delete(name)
  }

  #wake(name: string): void {
    if (this.#waiters.size === 0) return
    for (const end of this.#waiters.get(name) ?? []) end()
  }

  #putOff(queue: MemoryQueue, item: Item): void {
    queue.putOff(item)
    this.#withLater.set(item.queue, queue)
    if (item.dueMs < this.#timerDueMs) this.#setTimer(item.dueMs)
  }

  #setTimer(dueMs: number): void {
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    // What waits here ends with the process, so it is no reason to keep the process alive.
    this.#timer = this.#clock.after(
      dueMs - this.#clock.now(),
      () => {
        this.#ripen()
      },
      { unref: true },
    )
  }

  #ripen(): void {
    this.#timerDueMs = Infinity
    const nowMs = this.#clock.now()
    let nextMs = Infinity
    for (const [name, queue] of this.#withLater) {
      if (queue.ripen(nowMs) > 0) this.#wake(name)
      if (queue.nextDueMs === undefined) this.#withLater.delete(name)
      else nextMs = Math.min(nextMs, queue.nextDueMs)
    }
    if (nextMs !== Infinity) this.#setTimer(nextMs)
  }
}

function priorityOf(message: Message): number {
  const priority = message.properties.priority
  if (typeof priority !== 'number' || Number.isNaN(priority)) return 0
  return Math.min(Math.max(Math.trunc(priority), 0), PRIORITIES - 1)
}

function bindingKey(binding: Binding): string {
  return JSON.stringify([binding.queue, binding.routingKey])
}
