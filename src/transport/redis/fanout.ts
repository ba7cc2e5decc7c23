/**
 * Queues that are bound to fanout exchanges, as this connection has them. As in kombu such an exchange is a channel of
 * the server's publish/subscribe: a queue gets what is told while somebody consumes it, and what it got lies here.
 */
import type { RedisClient } from '../../driver/redis.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { Deque } from '../../util/deque.ts'
import type { StoredMessage } from '../virtual/store.ts'
import type { Keys } from './keys.ts'
import { storedMessage } from './messages.ts'

/** The handle of a message that came by a fanout exchange. */
export class FanoutHandle {
  /** Put off: given back, to come again later. */
  timer: Timer | undefined
}

interface FanoutQueue {
  readonly waiting: Deque<StoredMessage>
  readonly putOff: Set<FanoutHandle>
  /** The patterns it listens to. */
  readonly patterns: Set<string>
}

interface Subscription {
  readonly queues: Set<string>
  readonly ended: Promise<() => Promise<void>>
}

export interface FanoutParts {
  readonly client: RedisClient
  readonly keys: Keys
  readonly clock: Clock
  /** Something came for these queues. */
  readonly onMessage: (queues: ReadonlySet<string>) => void
}

export class Fanout {
  readonly #parts: FanoutParts
  readonly #queues = new Map<string, FanoutQueue>()
  readonly #subscriptions = new Map<string, Subscription>()

  constructor(parts: FanoutParts) {
    this.#parts = parts
  }

  /** The queue listens to the exchange. Resolves when the server knows. */
  async listen(queue: string, exchange: string, routingKey: string): Promise<void> {
    const patterns = this.#parts.keys.channelPatterns(exchange, routingKey)
    await Promise.all(patterns.map((pattern) => this.#listen(queue, pattern)))
  }

  /** The queue listens to nothing any more. What it got is gone. */
  async forget(name: string): Promise<void> {
    const queue = this.#queues.get(name)
    if (queue === undefined) return
    this.#queues.delete(name)
    for (const handle of queue.putOff) handle.timer?.cancel()
    for (const pattern of queue.patterns) {
      const subscription = this.#subscriptions.get(pattern)
      subscription?.queues.delete(name)
      if (subscription === undefined || subscription.queues.size > 0) continue
      this.#subscriptions.delete(pattern)
      await (
        await subscription.ended
      )()
    }
  }

  /** Up to `max` messages. */
  take(queues: readonly string[], max: number): StoredMessage[] {
    const taken: StoredMessage[] = []
    if (this.#queues.size === 0) return taken
    for (const name of queues) {
      const waiting = this.#queues.get(name)?.waiting
      while (waiting !== undefined && waiting.size > 0 && taken.length < max)
        taken.push(waiting.shift() as StoredMessage)
    }
    return taken
  }

  /** Put messages back to the front, or off until a time. */
  release(messages: readonly StoredMessage[], redelivered: boolean, dueMs: number | undefined): void {
    for (const message of [...messages].reverse()) {
      const queue = this.#queues.get(message.queue)
      if (queue === undefined) continue
      const again = { ...message, redelivered: redelivered || message.redelivered }
      if (dueMs === undefined) queue.waiting.insert(0, again)
      else this.#putOff(queue, again, dueMs)
    }
  }

  has(queues: readonly string[]): boolean {
    return queues.some((name) => (this.#queues.get(name)?.waiting.size ?? 0) > 0)
  }

  size(name: string): number {
    const queue = this.#queues.get(name)
    return queue === undefined ? 0 : queue.waiting.size + queue.putOff.size
  }

  /** Answers how many messages were removed. */
  purge(name: string): number {
    const queue = this.#queues.get(name)
    if (queue === undefined) return 0
    const removed = this.size(name)
    for (const handle of queue.putOff) handle.timer?.cancel()
    queue.putOff.clear()
    while (queue.waiting.shift() !== undefined);
    return removed
  }

  /** Timers must not outlive the connection; its subscriptions end with it. */
  end(): void {
    for (const name of this.#queues.keys()) this.purge(name)
  }

  #queue(name: string): FanoutQueue {
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      queue = { waiting: new Deque(), putOff: new Set(), patterns: new Set() }
      this.#queues.set(name, queue)
    }
    return queue
  }

  async #listen(queue: string, pattern: string): Promise<void> {
    this.#queue(queue).patterns.add(pattern)
    const known = this.#subscriptions.get(pattern)
    known?.queues.add(queue)
    await (known ?? this.#subscribe(pattern, queue)).ended
  }

  #subscribe(pattern: string, queue: string): Subscription {
    const { client } = this.#parts
    const queues = new Set([queue])
    const receive = (_channel: string, payload: string | Buffer): void => {
      this.#receive(queues, payload)
    }
    const ended = pattern.includes('*') ? client.psubscribe([pattern], receive) : client.subscribe([pattern], receive)
    const subscription = { queues, ended }
    this.#subscriptions.set(pattern, subscription)
    return subscription
  }

  #receive(queues: ReadonlySet<string>, payload: string | Buffer): void {
    for (const name of queues) {
      this.#queues.get(name)?.waiting.push(storedMessage(String(payload), name, new FanoutHandle()))
    }
    this.#parts.onMessage(queues)
  }

  #putOff(queue: FanoutQueue, message: StoredMessage, dueMs: number): void {
    const { clock, onMessage } = this.#parts
    const handle = message.handle as FanoutHandle
    queue.putOff.add(handle)
    handle.timer = clock.after(dueMs - clock.now(), () => {
      queue.putOff.delete(handle)
      queue.waiting.push(message)
      onMessage(new Set([message.queue]))
    })
  }
}
