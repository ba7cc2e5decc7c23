/** The load generator's side of BullMQ. */
import { setTimeout } from 'node:timers/promises'
import { Queue, QueueEvents } from 'bullmq'
import type { ConnectionOptions } from 'bullmq'
import type { Finish, System } from './system.ts'

const LOOK_AGAIN_MS = 10
const SLICE = 5_000

export class BullmqSystem implements System {
  readonly #queue: Queue
  readonly #openEvents: () => QueueEvents
  #events: QueueEvents | undefined
  #sent = 0

  constructor(connection: ConnectionOptions, queue: string) {
    // Jobs keep their return values and stay, which is also BullMQ's default.
    this.#queue = new Queue(queue, { connection, defaultJobOptions: { removeOnComplete: false } })
    // Only round trips listen: the stream of events would keep the generator busy while workers drain.
    this.#openEvents = () => new QueueEvents(queue, { connection })
  }

  async send(): Promise<void> {
    await this.#queue.add('noop', { number: 1 })
    this.#sent += 1
  }

  async sendMany(count: number): Promise<void> {
    await this.#queue.addBulk(Array.from({ length: count }, () => ({ name: 'noop', data: { number: 1 } })))
    this.#sent += count
  }

  async sendManyLater(count: number, seconds: number): Promise<void> {
    const opts = { delay: seconds * 1000 }
    await this.#queue.addBulk(Array.from({ length: count }, () => ({ name: 'noop', data: { number: 1 }, opts })))
  }

  async roundTrip(): Promise<void> {
    this.#events ??= this.#openEvents()
    await this.#events.waitUntilReady()
    const job = await this.#queue.add('noop', { number: 1 })
    await job.waitUntilFinished(this.#events)
    this.#sent += 1
  }

  async purge(): Promise<void> {
    await this.#queue.drain()
    this.#sent = 0
  }

  async finish(skip: number): Promise<Finish> {
    while ((await this.#queue.getCompletedCount()) < this.#sent) await setTimeout(LOOK_AGAIN_MS)
    let firstMs = Infinity
    let lastMs = 0
    // Completed jobs are listed the newest first.
    for (let start = 0; start < this.#sent - skip; start += SLICE) {
      for (const { finishedOn = 0 } of await this.#queue.getCompleted(
        start,
        Math.min(start + SLICE, this.#sent - skip) - 1,
      )) {
        firstMs = Math.min(firstMs, finishedOn)
        lastMs = Math.max(lastMs, finishedOn)
      }
    }
    return { count: this.#sent - skip, firstMs, lastMs }
  }

  async close(): Promise<void> {
    await this.#events?.close()
    await this.#queue.close()
  }
}
