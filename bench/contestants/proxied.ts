/** Proxies between a system and its servers: one for its client, one for its worker, so that each can be counted alone. */
import { addCounts } from '../support/counts.ts'
import type { Counts } from '../support/counts.ts'
import { DelayProxy } from '../support/delay-proxy.ts'
import type { Wire } from '../support/wire-counter.ts'
import type { Place } from './contestant.ts'

/** One end: the place where it finds its servers, which are proxies. */
export class Side {
  readonly place: Place
  readonly #proxies: readonly DelayProxy[]

  private constructor(place: Place, proxies: readonly DelayProxy[]) {
    this.place = place
    this.#proxies = proxies
  }

  static async open(place: Place, delayMs: number): Promise<Side> {
    const { redis, rabbitmq } = place.ports
    const [redisProxy, rabbitmqProxy] = await Promise.all([
      open(redis, delayMs, 'redis'),
      open(rabbitmq, delayMs, 'amqp'),
    ])
    const ports = { redis: redisProxy?.port ?? NaN, rabbitmq: rabbitmqProxy?.port ?? NaN }
    return new Side(
      { ...place, ports },
      [redisProxy, rabbitmqProxy].filter((proxy) => proxy !== undefined),
    )
  }

  /** What passes while something is done. */
  async countWhile(work: () => Promise<unknown>): Promise<Counts> {
    const before = await this.#counts()
    await work()
    return addCounts(await this.#counts(), before, -1)
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()))
  }

  async #counts(): Promise<Counts> {
    const all = await Promise.all(this.#proxies.map((proxy) => proxy.counts()))
    return all.reduce((one, other) => addCounts(one, other))
  }
}

export interface Sides {
  readonly client: Side
  readonly worker: Side
}

export async function betweenProxies<T>(
  place: Place,
  delayMs: number,
  measure: (sides: Sides) => Promise<T>,
): Promise<T> {
  const [client, worker] = await Promise.all([Side.open(place, delayMs), Side.open(place, delayMs)])
  try {
    return await measure({ client, worker })
  } finally {
    await Promise.all([client.close(), worker.close()])
  }
}

/** A server that does not run has no port, and needs no proxy. */
async function open(port: number, delayMs: number, wire: Wire): Promise<DelayProxy | undefined> {
  return Number.isNaN(port) ? undefined : DelayProxy.start(port, delayMs, wire)
}
