/**
 * One consumer of one queue. The moves of its life:
 *
 * 1. it consumes on a lane of its own, so that what the broker closes a channel for concerns no other;
 * 2. a new prefetch count reaches only new consumers: it is cancelled, and consumes again on the same lane;
 * 3. the broker cancels it or closes its lane: it consumes again, once, and where it cannot, all is over (`onFailure`),
 *    for nothing may end in silence;
 * 4. it is stopped: what came is handed over, what found no room goes back, the lane closes when all is settled.
 */
import type { AmqpDelivery } from '../../driver/amqp.ts'
import { ConnectionError } from '../../errors.ts'
import type { Logger } from '../../util/logger.ts'
import type { ConsumeOptions, OnDeliveries } from '../transport.ts'
import { restoreDelivery } from './delayed.ts'
import type { Lane } from './lane.ts'
import { fromDelivery } from './messages.ts'
import type { Window } from './window.ts'

/** What a consumer is made of. */
export interface ConsumerParts {
  readonly queue: string
  readonly onDeliveries: OnDeliveries
  readonly options: ConsumeOptions
  readonly window: Window
  readonly logger: Logger
  readonly openLane: () => Promise<Lane>
  /** It cannot consume any more. */
  readonly onFailure: (error: Error) => void
}

/** RabbitMQ's largest count; more is no limit. */
const MAX_PREFETCH = 65_535

export class AmqpConsumer {
  readonly #parts: ConsumerParts
  readonly #noAck: boolean
  #lane: Lane | undefined
  #amqpTag = ''
  /** As asked for, and as the broker knows it. */
  #wanted = 0
  #applied = 0
  #stopped = false
  /** What changes the consumer, one after the other. */
  #changes: Promise<void> = Promise.resolve()

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#noAck = parts.options.noAck === true
  }

  /** Begin, with at most so many unacknowledged messages. */
  start(prefetchCount: number): Promise<void> {
    this.#wanted = prefetchCount
    return this.#change(() => this.#begin())
  }

  /** At most so many unacknowledged messages from now on. Of several calls in a row the last one counts. */
  setPrefetchCount(count: number): Promise<void> {
    this.#wanted = count
    if (this.#noAck) return Promise.resolve()
    return this.#change(async () => {
      const lane = this.#lane
      if (this.#stopped || lane === undefined || this.#wanted === this.#applied) return
      await unlessClosed(lane, async () => {
        await lane.channel.basicCancel(this.#amqpTag)
        await this.#consume(lane)
      })
    })
  }

  /** Resolves when nothing more comes. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#change(async () => {
      const lane = this.#lane
      this.#lane = undefined
      if (lane === undefined) return
      await unlessClosed(lane, () => lane.channel.basicCancel(this.#amqpTag))
      const { window } = this.#parts
      window.handOver()
      const withdrawn = window.withdraw(this)
      if (withdrawn.length > 0) {
        const tags = withdrawn.map((delivery) => delivery.deliveryTag)
        lane.settle(tags, 'requeue').catch(() => undefined)
      }
      lane.retire()
    })
  }

  #change(step: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(step)
    this.#changes = change.catch(() => undefined)
    return change
  }

  async #begin(): Promise<void> {
    const lane = await this.#parts.openLane()
    try {
      await this.#consume(lane)
    } catch (error) {
      await lane.channel.close()
      throw error
    }
    this.#lane = lane
    void lane.channel.closed.then((error) => {
      this.#laneClosed(lane, error)
    })
  }

  async #consume(lane: Lane): Promise<void> {
    const { queue, options } = this.#parts
    const count = this.#wanted
    if (!this.#noAck) await lane.channel.basicQos(count > MAX_PREFETCH ? 0 : count)
    this.#applied = count
    const onMessage = (message: AmqpDelivery | null): void => {
      if (message === null) this.#cancelled(lane)
      else this.#arrived(lane, message)
    }
    this.#amqpTag = await lane.channel.basicConsume(queue, onMessage, {
      noAck: this.#noAck,
      exclusive: options.exclusive === true,
      arguments: options.arguments,
    })
  }

  #arrived(lane: Lane, message: AmqpDelivery): void {
    const { queue, window, onDeliveries } = this.#parts
    const { deliveryTag, redelivered, exchange, routingKey } = message.fields
    const delivery = restoreDelivery({
      deliveryTag: lane.tagOf(deliveryTag),
      exchange,
      routingKey,
      queue,
      redelivered,
      message: fromDelivery(message),
    })
    if (!this.#noAck) lane.hold(delivery)
    window.arrive({ consumer: this, onDeliveries, delivery, noAck: this.#noAck })
  }

  /** By the broker: the queue was deleted, or moved to another node. */
  #cancelled(lane: Lane): void {
    const { queue, logger } = this.#parts
    if (this.#stopped || this.#lane !== lane) return
    logger.warning(`RabbitMQ cancelled the consumer of queue "${queue}"; consuming it again`)
    this.#again(() => this.#consume(lane))
  }

  #laneClosed(lane: Lane, error: Error | undefined): void {
    if (error === undefined) return
    const { queue, logger, window } = this.#parts
    window.withdraw(this)
    lane.fail(error)
    // With the connection everything is over, and its owner knows.
    if (this.#stopped || this.#lane !== lane || error instanceof ConnectionError) return
    logger.error(`RabbitMQ closed the channel that queue "${queue}" is consumed on; consuming it again`, { error })
    this.#lane = undefined
    this.#again(() => this.#begin())
  }

  #again(step: () => Promise<void>): void {
    this.#change(async () => {
      if (!this.#stopped) await step()
    }).catch((error: unknown) => {
      if (!this.#stopped) this.#parts.onFailure(error as Error)
    })
  }
}

/** What becomes of a lane that is closed is done elsewhere. */
async function unlessClosed(lane: Lane, work: () => Promise<void>): Promise<void> {
  const isClosed = (): boolean => !lane.channel.isOpen
  if (isClosed()) return
  try {
    await work()
  } catch (error) {
    if (!isClosed()) throw error
  }
}
