/**
 * Messages from the queues of one broker to those of another, as they are. For each batch, in this order:
 *
 * 1. *take* messages from the source, which keeps them as unacknowledged. Those that wait there for their time are made
 *    due before, where the broker can do so: whoever works them, there or elsewhere, sees by `eta` that it is too early;
 * 2. *pick* those that are wanted; the others are held until the end, so that they do not come again;
 * 3. *publish* them at the destination, and wait until it has confirmed them;
 * 4. *acknowledge* them at the source (`acknowledge`), or hold them too.
 *
 * What is held goes back to its place at the end. Whatever is killed wherever, a message is at the source, or at the
 * destination, or at both.
 */
import { ChannelError } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import type { Channel, Delivery } from '../transport/transport.ts'
import { pause } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { BrokerConnection } from './connection.ts'
import { declareQueue } from './queue.ts'
import type { Queue } from './queue.ts'

/** From which queue to which. */
export interface QueuePair {
  /** The queue's name at the source. */
  readonly source: string
  /** Declared at the destination, if it is not there. */
  readonly destination: Queue
}

/** What is moved, and how. */
export interface MigrationOptions {
  readonly source: BrokerConnection
  readonly destination: BrokerConnection
  readonly queues: readonly QueuePair[]
  readonly clock: Clock
  /** Which messages are moved. Default: all. */
  readonly wanted?: (message: Message) => boolean
  /** Take what was moved away from the source. Otherwise it is copied. */
  readonly acknowledge: boolean
  /** So many messages at most. Default: no limit. */
  readonly limit?: number
  /** Ends when nothing has come for so long, in milliseconds. */
  readonly idleMs: number
  /** Does not end before `signal` says so. */
  readonly forever: boolean
  /** Ends after the batch that is on its way. */
  readonly signal?: AbortSignal
  /** Told at the beginning and after each batch. */
  readonly onProgress?: (progress: MigrationProgress) => void
}

/** How far it has come. */
export interface MigrationProgress {
  /** Messages that the destination has confirmed. */
  readonly moved: number
  /** Messages that were looked at and not wanted. */
  readonly skipped: number
  /** How many waited at the source at the beginning; others may have come or gone since. */
  readonly total: number
}

/** How it ended. */
export interface MigrationResult extends MigrationProgress {
  /**
   * Messages that wait at the source in these queues now: those that were not wanted or not reached, and copies. On
   * RabbitMQ, what waits for its time lies in other queues and is neither moved nor counted.
   */
  readonly remaining: number
  /** Was it ended by its signal? */
  readonly aborted: boolean
  /** Queues that could not be read, and why: most often there is no such queue at the source. */
  readonly refused: readonly RefusedQueue[]
}

export interface RefusedQueue {
  readonly queue: string
  readonly reason: string
}

/** What is taken, confirmed and acknowledged together. */
const BATCH_SIZE = 100

/**
 * Move or copy messages. Rejects with `ChannelError` where none of the queues can be read, and with `OperationalError`
 * where one of the brokers is lost; what was confirmed until then is at the destination, all else at the source.
 */
export async function migrate(options: MigrationOptions): Promise<MigrationResult> {
  const source = await (await options.source.ensure()).openChannel()
  try {
    const destination = await (await options.destination.ensure()).openChannel()
    try {
      return await new Migration(source, destination, options).run()
    } finally {
      await destination.close()
    }
  } finally {
    await source.close()
  }
}

class Migration {
  readonly #source: Channel
  readonly #destination: Channel
  readonly #options: MigrationOptions
  /** Not to be acknowledged: they go back at the end. */
  readonly #held: number[] = []
  readonly #refused: RefusedQueue[] = []
  #queues: readonly QueuePair[] = []
  #moved = 0
  #skipped = 0
  #total = 0

  constructor(source: Channel, destination: Channel, options: MigrationOptions) {
    this.#source = source
    this.#destination = destination
    this.#options = options
  }

  async run(): Promise<MigrationResult> {
    const { signal } = this.#options
    await this.#findQueues()
    for (const { destination } of this.#queues) await declareUnlessThere(this.#destination, destination)
    this.#tell()
    await this.#moveAll()
    await this.#source.basicReject(this.#held, true, { redelivered: false })
    let remaining = 0
    for (const { source } of this.#queues) remaining += await sizeOf(this.#source, source)
    return { ...this.#progress(), remaining, aborted: signal?.aborted === true, refused: this.#refused }
  }

  async #findQueues(): Promise<void> {
    const errors: ChannelError[] = []
    const found: QueuePair[] = []
    for (const pair of this.#options.queues) {
      try {
        this.#total += await sizeOf(this.#source, pair.source)
        await this.#source.queueRipen?.(pair.source)
        found.push(pair)
      } catch (error) {
        if (!(error instanceof ChannelError)) throw error
        errors.push(error)
        this.#refused.push({ queue: pair.source, reason: error.message })
      }
    }
    if (found.length === 0 && errors[0] !== undefined) throw errors[0]
    this.#queues = found
  }

  async #moveAll(): Promise<void> {
    const { forever, idleMs, clock, signal } = this.#options
    // A broker may say that there is nothing just before something comes; so it is asked once more after the wait.
    for (let idle = false; !this.#isDone();) {
      const found = await this.#round()
      if (!found && idle && !forever) return
      idle = !found
      if (idle) await pause(clock, idleMs, signal)
    }
  }

  /** One batch from each queue. Was there anything? */
  async #round(): Promise<boolean> {
    let found = false
    for (const pair of this.#queues) {
      if (this.#isDone()) break
      const deliveries = await this.#source.basicGet(pair.source, Math.min(BATCH_SIZE, this.#room()))
      if (deliveries.length === 0) continue
      found = true
      await this.#move(deliveries, pair.destination)
      this.#tell()
    }
    return found
  }

  async #move(deliveries: readonly Delivery[], { name }: Queue): Promise<void> {
    const { wanted, acknowledge } = this.#options
    const chosen = wanted === undefined ? deliveries : deliveries.filter(({ message }) => wanted(message))
    const tags = chosen.map(({ deliveryTag }) => deliveryTag)
    // By way of the default exchange it reaches this queue and no other, whatever is bound to what over there.
    const publications = chosen.map(({ message }) => ({ exchange: '', routingKey: name, message, mandatory: true }))
    if (publications.length > 0) await this.#destination.basicPublish(publications)
    if (acknowledge) await this.#source.basicAck(tags)
    else this.#held.push(...tags)
    const chosenTags = new Set(tags)
    for (const { deliveryTag } of deliveries) if (!chosenTags.has(deliveryTag)) this.#held.push(deliveryTag)
    this.#moved += chosen.length
    this.#skipped += deliveries.length - chosen.length
  }

  /** How many more may be moved. */
  #room(): number {
    return (this.#options.limit ?? Infinity) - this.#moved
  }

  #isDone(): boolean {
    return this.#room() <= 0 || this.#options.signal?.aborted === true
  }

  #tell(): void {
    this.#options.onProgress?.(this.#progress())
  }

  #progress(): MigrationProgress {
    return { moved: this.#moved, skipped: this.#skipped, total: this.#total }
  }
}

async function sizeOf(channel: Channel, queue: string): Promise<number> {
  return (await channel.queueSize?.(queue)) ?? 0
}

/** Somebody may have declared it otherwise; then it is used as it stands. */
async function declareUnlessThere(channel: Channel, queue: Queue): Promise<void> {
  try {
    await declareQueue(channel, queue)
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error
    await sizeOf(channel, queue.name).catch(() => {
      throw error
    })
  }
}
