/** Part of the transport suite: whatever consumers do, nothing is lost and nothing comes twice that was acknowledged. */
import assert from 'node:assert/strict'
import type { Channel, Connection, Delivery } from '../../transport/transport.ts'
import { nextTurn } from '../../util/turn.ts'
import { drain, numbered, queue, to } from './bench.ts'
import type { Bench, Test } from './bench.ts'

/** Declare the tests. */
export function testChaos(test: Test): void {
  for (const seed of [1, 2, 3]) {
    test(`whatever happens, a message is acknowledged or waits (${String(seed)})`, async (bench) => {
      const random = randomNumbers(seed)
      const acked = new Set<unknown>()
      const publisher = await bench.channel()
      await publisher.queueDeclare(queue('q'))
      const consumers = Array.from({ length: 3 }, () => new Chaotic(bench, random, acked))
      const bodies = numbered(400)
      for (let next = 0; next < bodies.length; next += 4) {
        await publisher.basicPublish(bodies.slice(next, next + 4).map((body) => to('q', body)))
        await Promise.all(consumers.map((consumer) => consumer.act()))
        // Deliveries come between the acts.
        await nextTurn()
      }
      await bench.close()
      assert.ok(acked.size > 0, 'nothing was acknowledged: this was no test')
      const rest = await drain(await bench.channel(), 'q', bodies.length - acked.size)
      assert.deepEqual(
        [...acked, ...rest].map(Number).sort((a, b) => a - b),
        bodies.map(Number),
      )
    })
  }
}

/** The same numbers every time, so that a failure can be looked at again: an LCG with the constants of Numerical Recipes. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** One who consumes: publishes, acknowledges, gives back, cancels, goes away and comes again, as chance has it. */
class Chaotic {
  readonly #bench: Bench
  readonly #random: (below: number) => number
  readonly #acked: Set<unknown>
  #connection: Connection | undefined
  #channel: Channel | undefined
  #tag: string | undefined
  #held: Delivery[] = []

  constructor(bench: Bench, random: (below: number) => number, acked: Set<unknown>) {
    this.#bench = bench
    this.#random = random
    this.#acked = acked
  }

  async act(): Promise<void> {
    this.#connection ??= await this.#bench.connect()
    this.#channel ??= await this.#connection.openChannel()
    const channel = this.#channel
    const some = this.#held.splice(0, this.#random(this.#held.length + 1))
    const tags = some.map((delivery) => delivery.deliveryTag)
    switch (this.#random(7)) {
      case 0:
        await channel.basicQos(1 + this.#random(20))
        break
      case 1:
        this.#tag ??= await channel.basicConsume('q', (deliveries) => this.#held.push(...deliveries))
        break
      case 2:
        if (this.#tag !== undefined) await channel.basicCancel(this.#tag)
        this.#tag = undefined
        break
      case 3:
        await channel.basicReject(tags, true)
        return
      case 4:
        await this.#leave()
        return
      default:
        await channel.basicAck(tags)
        for (const { message } of some) this.#acked.add(message.body)
        return
    }
    this.#held.unshift(...some)
  }

  /** By closing the channel or the whole connection. */
  async #leave(): Promise<void> {
    if (this.#random(2) === 0) {
      await this.#channel?.close()
    } else {
      await this.#connection?.close()
      this.#connection = undefined
    }
    this.#channel = this.#tag = undefined
    this.#held = []
  }
}
