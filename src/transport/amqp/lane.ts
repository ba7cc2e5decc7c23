/**
 * One AMQP channel that messages come on, and those of them that are unacknowledged. What is settled in one turn of the
 * event loop leaves together, in as few frames as may be. Who consumes is `consumer.ts`.
 */
import type { AmqpChannel } from '../../driver/amqp.ts'
import { TurnBatch } from '../../util/turn.ts'
import type { Delivery } from '../transport.ts'

/** What becomes of a message. */
export type Verdict = 'ack' | 'requeue' | 'discard'

interface Settlement {
  readonly tag: number
  readonly verdict: Verdict
}

/** Our delivery tags name the lane too: this many for each. */
const TAGS_PER_LANE = 2 ** 40

/** Which lane a delivery tag of ours belongs to. */
export function laneNumber(deliveryTag: number): number {
  return Math.floor(deliveryTag / TAGS_PER_LANE)
}

export class Lane {
  readonly number: number
  readonly channel: AmqpChannel
  readonly #unacked = new Map<number, Delivery>()
  readonly #settling: TurnBatch<Settlement>
  #failure: Error | undefined
  #retired = false

  readonly #onSettled: (count: number) => void

  /** `onSettled` is told how many were settled. */
  constructor(number: number, channel: AmqpChannel, onSettled: (count: number) => void) {
    this.number = number
    this.channel = channel
    this.#onSettled = onSettled
    this.#settling = new TurnBatch(async (settlements) => {
      this.#send(settlements)
    })
  }

  /** Our tag for one of AMQP's. */
  tagOf(amqpTag: number): number {
    return this.number * TAGS_PER_LANE + amqpTag
  }

  /** The delivery is unacknowledged from now on. */
  hold(delivery: Delivery): void {
    this.#unacked.set(delivery.deliveryTag, delivery)
  }

  /** An unacknowledged delivery; undefined where there is none of this tag. */
  delivery(deliveryTag: number): Delivery | undefined {
    return this.#unacked.get(deliveryTag)
  }

  /** Those of the tags that are still to be settled: what is unknown or settled is left out. */
  unsettled(deliveryTags: readonly number[]): readonly number[] {
    for (const tag of deliveryTags) {
      if (!this.#unacked.has(tag)) return deliveryTags.filter((each) => this.#unacked.has(each))
    }
    return deliveryTags
  }

  /**
   * Settle messages that are unacknowledged. Resolves when the broker has been told, at the end of this turn: AMQP has no
   * answer to it. Rejects where the channel is over: then they come again.
   */
  settle(deliveryTags: readonly number[], verdict: Verdict): Promise<void> {
    for (const tag of deliveryTags) this.#unacked.delete(tag)
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#onSettled(deliveryTags.length)
    const first = this.number * TAGS_PER_LANE
    return this.#settling.add(deliveryTags.map((tag) => ({ tag: tag - first, verdict })))
  }

  /** Tell the broker now what was settled. */
  flush(): Promise<void> {
    return this.#settling.flush()
  }

  /** Nothing more comes: close the channel once all is settled. */
  retire(): void {
    this.#retired = true
    this.#closeWhenEmpty()
  }

  /** The channel is over: the broker gives its messages to somebody again. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#onSettled(this.#unacked.size)
  }

  #closeWhenEmpty(): void {
    if (this.#retired && this.#unacked.size === 0) void this.flush().then(() => this.channel.close())
  }

  /**
   * A frame for each run from the oldest on, and one for each message behind a gap. Acknowledgements last: only what is
   * neither unacknowledged nor still to be sent may lie below a tag that stands for several.
   */
  #send(settlements: readonly Settlement[]): void {
    const tags: Record<Verdict, number[]> = { ack: [], requeue: [], discard: [] }
    for (const { tag, verdict } of settlements) tags[verdict].push(tag)
    for (const verdict of ['discard', 'requeue', 'ack'] as const) tags[verdict].sort((a, b) => a - b)
    const oldest = this.#oldest()
    const beforeRequeued = Math.min(oldest, tags.ack[0] ?? Infinity)
    const beforeDiscarded = Math.min(beforeRequeued, tags.requeue[0] ?? Infinity)
    inRuns(tags.discard, beforeDiscarded, (tag, multiple) => {
      this.channel.basicNack(tag, multiple, false)
    })
    inRuns(tags.requeue, beforeRequeued, (tag, multiple) => {
      this.channel.basicNack(tag, multiple, true)
    })
    inRuns(tags.ack, oldest, (tag, multiple) => {
      this.channel.basicAck(tag, multiple)
    })
    this.#closeWhenEmpty()
  }

  /** AMQP's tag of the oldest unacknowledged message. */
  #oldest(): number {
    const [tag] = this.#unacked.keys()
    return tag === undefined ? Infinity : tag - this.number * TAGS_PER_LANE
  }
}

/** One call for all tags before `end`, and one for each of the others. */
function inRuns(tags: readonly number[], end: number, send: (tag: number, multiple: boolean) => void): void {
  let next = 0
  while (next < tags.length && (tags[next] as number) < end) next += 1
  if (next > 0) send(tags[next - 1] as number, next > 1)
  for (; next < tags.length; next += 1) send(tags[next] as number, false)
}
