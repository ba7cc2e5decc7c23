/** What the shared suites need of a test runner and of the clock on the wall. The suites themselves are beside this file. */
import { deferred } from '../util/deferred.ts'
import type { Delivery, OnDeliveries } from '../transport/transport.ts'

/** The two functions of vitest, jest, mocha or node:test that the suites use. Assertions are node's own. */
export interface TestRunner {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
}

/** Resolves when `condition` holds; asks again every few milliseconds. Rejects, naming `what`, after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 4000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${String(timeoutMs)} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Collects what a consumer is given. */
export class Inbox {
  readonly deliveries: Delivery[] = []
  /** How many messages came with each call. */
  readonly batches: number[] = []
  readonly #waiting: { count: number; reached: () => void }[] = []

  /** To be handed to `basicConsume`. */
  readonly receive: OnDeliveries = (deliveries) => {
    this.deliveries.push(...deliveries)
    this.batches.push(deliveries.length)
    for (const waiting of this.#waiting) if (this.deliveries.length >= waiting.count) waiting.reached()
  }

  get bodies(): unknown[] {
    return this.deliveries.map((delivery) => delivery.message.body)
  }

  /** Resolves when so many deliveries have come. Rejects after `timeoutMs`. */
  async wait(count: number, timeoutMs = 4000): Promise<readonly Delivery[]> {
    if (this.deliveries.length >= count) return this.deliveries
    const enough = deferred<undefined>()
    const timer = setTimeout(() => {
      enough.reject(new Error(`Waited for ${String(count)} deliveries, ${String(this.deliveries.length)} came`))
    }, timeoutMs)
    this.#waiting.push({
      count,
      reached: () => {
        enough.resolve(undefined)
      },
    })
    try {
      await enough.promise
    } finally {
      clearTimeout(timer)
    }
    return this.deliveries
  }
}
