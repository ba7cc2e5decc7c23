/**
 * The loop that fetches messages for the consumers of one channel. It is in one of these states:
 *
 * 1. *stopped*: there are no consumers.
 * 2. *round*: one `getMany` each for the queues with and without acknowledgement, handed over in one call a consumer.
 * 3. *idle*: a round found less than there was room for; waits for the store, for more room, or for other consumers.
 *
 * A round starts a new turn of the event loop, so that acknowledgements of the turn before leave with it and a busy queue
 * does not keep timers and sockets waiting; but not where the store has told of a message, which is a turn of its own.
 */
import { nextTurn } from '../../util/turn.ts'
import type { Delivery, OnDeliveries } from '../transport.ts'
import type { Qos } from './qos.ts'
import type { QueueStore, StoredMessage } from './store.ts'

/** One consumer of one queue. `cancelled` is set when it wants no more. */
export interface QueueConsumer {
  readonly queue: string
  readonly noAck: boolean
  readonly onDeliveries: OnDeliveries
  cancelled: boolean
}

/** The consumers with, or those without acknowledgement, by queue. */
interface ConsumerGroup {
  readonly noAck: boolean
  readonly queues: readonly string[]
  readonly consumers: ReadonlyMap<string, QueueConsumer[]>
}

const WOKEN = 'woken'

export class Puller {
  readonly #store: QueueStore
  readonly #qos: Qos
  /** Told when the store fails; the loop ends then. */
  readonly #onError: (error: unknown) => void
  readonly #consumers = new Set<QueueConsumer>()
  #groups: readonly ConsumerGroup[] | undefined
  #running = false
  #round: Promise<boolean> | undefined
  /** Ends the wait of the state *idle*; as good for the next one as long as it was not needed. */
  #waking = new AbortController()
  #isIdle = false

  constructor(store: QueueStore, qos: Qos, onError: (error: unknown) => void) {
    this.#store = store
    this.#qos = qos
    this.#onError = onError
  }

  add(consumer: QueueConsumer): void {
    this.#consumers.add(consumer)
    this.#groups = undefined
    this.wake()
    if (!this.#running) void this.#run()
  }

  /** Resolves when the consumer will get nothing more. What was fetched for it meanwhile has been released. */
  async remove(consumer: QueueConsumer): Promise<void> {
    consumer.cancelled = true
    this.#consumers.delete(consumer)
    this.#groups = undefined
    this.wake()
    await this.#settled()
  }

  /** Likewise for all consumers. */
  async stop(): Promise<void> {
    for (const consumer of this.#consumers) consumer.cancelled = true
    this.#consumers.clear()
    this.#groups = undefined
    this.wake()
    await this.#settled()
  }

  /** Look again: there may be more room in the window, or other consumers. */
  wake(): void {
    // With a reason of ours: otherwise each wake-up would cost an error with its stack.
    if (this.#isIdle) this.#waking.abort(WOKEN)
  }

  /** Resolves when the round that goes on, if any, is over. */
  async #settled(): Promise<void> {
    try {
      await this.#round
    } catch {
      // The loop has told of it.
    }
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      await nextTurn()
      while (this.#consumers.size > 0) {
        this.#round = this.#fetch()
        const more = await this.#round
        this.#round = undefined
        if (more || !(await this.#hears())) await nextTurn()
      }
    } catch (error) {
      this.#consumers.clear()
      this.#onError(error)
    } finally {
      this.#round = undefined
      this.#running = false
    }
  }

  /** One round. Answers whether another one may find more at once. */
  async #fetch(): Promise<boolean> {
    let more = false
    for (const group of this.#grouped()) {
      const room = this.#roomFor(group)
      if (room === 0) continue
      const messages = await this.#store.getMany(group.queues, room, { noAck: group.noAck })
      if (messages.length > 0) await this.#handOver(group, messages)
      if (messages.length >= room && this.#roomFor(group) > 0) more = true
    }
    return more
  }

  /** Wait. Answers whether it was the store that ended it: then there are no acknowledgements to wait for. */
  async #hears(): Promise<boolean> {
    const queues = this.#grouped().flatMap((group) => (this.#roomFor(group) > 0 ? group.queues : []))
    if (this.#waking.signal.aborted) this.#waking = new AbortController()
    const { signal } = this.#waking
    this.#isIdle = true
    if (queues.length > 0) await this.#store.waitForMessages(queues, signal)
    else await aborted(signal)
    this.#isIdle = false
    return !signal.aborted
  }

  #roomFor(group: ConsumerGroup): number {
    return group.noAck ? this.#qos.noAckRoom : this.#qos.room
  }

  /** One call for each function that takes deliveries, so that messages of several queues keep their order. */
  async #handOver(group: ConsumerGroup, messages: readonly StoredMessage[]): Promise<void> {
    const batches = new Map<OnDeliveries, Delivery[]>()
    const unwanted: StoredMessage[] = []
    let queue: string | undefined
    let batch: Delivery[] | undefined
    for (const message of messages) {
      if (message.queue !== queue) {
        queue = message.queue
        batch = batchFor(batches, pickConsumer(group, queue))
      }
      if (batch === undefined) unwanted.push(message)
      else batch.push(this.#qos.deliver(message, group.noAck))
    }
    for (const [onDeliveries, deliveries] of batches) onDeliveries(deliveries)
    takeTurns(group)
    if (unwanted.length > 0) await this.#store.releaseMany(unwanted, { redelivered: false })
  }

  #grouped(): readonly ConsumerGroup[] {
    this.#groups ??= groupConsumers(this.#consumers)
    return this.#groups
  }
}

function groupConsumers(consumers: Iterable<QueueConsumer>): ConsumerGroup[] {
  return [false, true].flatMap((noAck) => {
    const byQueue = new Map<string, QueueConsumer[]>()
    for (const consumer of consumers) {
      if (consumer.noAck !== noAck) continue
      const list = byQueue.get(consumer.queue)
      if (list === undefined) byQueue.set(consumer.queue, [consumer])
      else list.push(consumer)
    }
    return byQueue.size === 0 ? [] : [{ noAck, queues: [...byQueue.keys()], consumers: byQueue }]
  })
}

/**
 * The consumer whose turn it is. One that was cancelled while its messages were on their way gets them nevertheless
 * where they cannot be given back: the store has forgotten them.
 */
function pickConsumer(group: ConsumerGroup, queue: string): QueueConsumer | undefined {
  const consumers = group.consumers.get(queue)
  return consumers?.find((consumer) => !consumer.cancelled) ?? (group.noAck ? consumers?.[0] : undefined)
}

function batchFor(batches: Map<OnDeliveries, Delivery[]>, consumer: QueueConsumer | undefined): Delivery[] | undefined {
  if (consumer === undefined) return undefined
  let batch = batches.get(consumer.onDeliveries)
  if (batch === undefined) {
    batch = []
    batches.set(consumer.onDeliveries, batch)
  }
  return batch
}

/** Several consumers of one queue get a batch each in turn. */
function takeTurns(group: ConsumerGroup): void {
  for (const consumers of group.consumers.values()) {
    if (consumers.length < 2) continue
    const first = consumers.shift()
    if (first !== undefined) consumers.push(first)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve()
    })
  })
}
