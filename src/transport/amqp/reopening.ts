/**
 * An AMQP channel that is there when it is needed: opened at the first use, and again after the broker has closed it.
 * What it is used for is the user's matter.
 */
import type { AmqpChannel } from '../../driver/amqp.ts'

export class ReopeningChannel {
  readonly #open: () => Promise<AmqpChannel>
  #current: Promise<AmqpChannel> | undefined
  /** The verb before this one. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(open: () => Promise<AmqpChannel>) {
    this.#open = open
  }

  /** The channel, open. */
  async get(): Promise<AmqpChannel> {
    for (;;) {
      const opening = (this.#current ??= this.#open())
      const channel = await opening.catch((error: unknown) => {
        if (this.#current === opening) this.#current = undefined
        throw error
      })
      if (channel.isOpen) return channel
      if (this.#current === opening) this.#current = undefined
    }
  }

  /** One verb after the other: a refusal closes the channel, and is to hit nobody else. */
  inTurn<T>(verb: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => verb(await this.get()))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** May be called twice. */
  async close(): Promise<void> {
    const channel = await this.#current?.catch(() => undefined)
    await channel?.close()
  }
}
