/**
 * The watchdog of one connection: finds out that it is dead although nobody has said so. It looks only while nothing
 * comes in and there is room for more, once in ten seconds, by asking the broker how many messages wait:
 *
 * - No answer: the line is cut somewhere, and neither end knows.
 * - The queues grow for half a minute, and a message can be had by hand: the broker has forgotten that we consume.
 */
import { ConnectionError } from '../errors.ts'
import type { Channel } from '../transport/transport.ts'
import { asError } from '../util/as-error.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { within } from '../util/within.ts'

/** What a watchdog needs of its consumer. */
export interface WatchdogParts {
  /** The one that is consumed on. */
  readonly channel: Channel
  readonly clock: Clock
  /** Names of the queues that are consumed. */
  readonly queues: () => readonly string[]
  /** Would a message that comes now be worked at once? */
  readonly hasRoom: () => boolean
  /** The connection is dead. Called once at most; the watchdog is stopped then. */
  readonly onDead: (error: Error) => void
}

const LOOK_MS = 10_000
/** As patient as a publisher's first attempt: a broker may be slow. */
const ANSWER_MS = 15_000
/** So many looks in a row must have found that nothing comes and more waits. */
const LOOKS = 3

/** Watches one connection. */
export class Watchdog {
  readonly #parts: WatchdogParts
  #timer: Timer | undefined
  #stopped = false
  /** Something came since the last look. */
  #heard = false
  /** How many waited at each look since something came, without those that found nothing or no growth. */
  #growth: number[] = []

  constructor(parts: WatchdogParts) {
    this.#parts = parts
  }

  /** Begin. */
  start(): void {
    this.#again()
  }

  /** May be called twice. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Something came in. */
  heard(): void {
    this.#heard = true
  }

  #again(): void {
    if (this.#stopped) return
    this.#timer = this.#parts.clock.after(LOOK_MS, () => void this.#look(), { unref: true })
  }

  async #look(): Promise<void> {
    if (this.#heard || !this.#parts.hasRoom()) {
      this.#heard = false
      this.#growth = []
    } else {
      try {
        await this.#ask()
      } catch (error) {
        this.#dead(asError(error))
      }
    }
    this.#again()
  }

  async #ask(): Promise<void> {
    const { channel } = this.#parts
    const queues = this.#parts.queues()
    const sizes = await this.#answered(
      Promise.all(queues.map(async (queue) => (await channel.queueSize?.(queue)) ?? 0)),
    )
    const waiting = sizes.reduce((sum, size) => sum + size, 0)
    const last = this.#growth.at(-1) ?? 0
    if (this.#heard || waiting === 0) this.#growth = []
    else if (waiting > last) this.#growth.push(waiting)
    if (this.#growth.length < LOOKS) return
    this.#growth = []
    // Those that wait may not be due.
    const queue = await this.#answered(this.#findDue(queues))
    if (queue === undefined || this.#heard) return
    this.#dead(
      new ConnectionError(
        `Nothing was received for ${String((LOOKS * LOOK_MS) / 1000)} s though ${String(waiting)} messages wait, ` +
          `some of them in queue "${queue}"`,
      ),
    )
  }

  /** A queue that a message can be had from. The message goes back as if nobody had seen it. */
  async #findDue(queues: readonly string[]): Promise<string | undefined> {
    const { channel } = this.#parts
    for (const queue of queues) {
      const [delivery] = await channel.basicGet(queue, 1)
      if (delivery === undefined) continue
      await channel.basicReject([delivery.deliveryTag], true, { redelivered: false })
      return queue
    }
    return undefined
  }

  #answered<T>(promise: Promise<T>): Promise<T> {
    return within(
      this.#parts.clock,
      ANSWER_MS,
      promise,
      () => new ConnectionError(`No answer within ${String(ANSWER_MS / 1000)} s`),
    )
  }

  #dead(error: Error): void {
    if (this.#stopped) return
    this.stop()
    this.#parts.onDead(error)
  }
}
