/** The parts of the Redis transport over a server of a test: connections, keys and stores, closed together. */
import { connectRedis } from '../../src/driver/redis.ts'
import type { RedisArgument, RedisClient, RedisReply, RedisScript } from '../../src/driver/redis.ts'
import { DEFAULT_NAMES, Keys } from '../../src/transport/redis/keys.ts'
import type { KeyNames } from '../../src/transport/redis/keys.ts'
import { encodeEntry } from '../../src/transport/redis/messages.ts'
import { RedisStore } from '../../src/transport/redis/store.ts'
import type { StoreOptions } from '../../src/transport/redis/store.ts'
import type { QueueEntry } from '../../src/transport/virtual/store.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { HelperProcess } from './helper-process.ts'
import { startRedis } from './redis.ts'
import type { RedisServer } from './redis.ts'

/** A server, and what one test makes of it. */
export class RedisBench {
  readonly server: RedisServer
  readonly #clients: RedisClient[] = []
  readonly #stores: RedisStore[] = []
  readonly #helpers: HelperProcess[] = []

  constructor(server: RedisServer) {
    this.server = server
  }

  static async start(args: readonly string[] = []): Promise<RedisBench> {
    return new RedisBench(await startRedis({ args }))
  }

  async connect(): Promise<RedisClient> {
    const client = await connectRedis(this.server.url, {}, 'The test')
    this.#clients.push(client)
    return client
  }

  /** `client` where it is not to be one that is connected as usual. */
  async store(changes: Partial<StoreOptions> = {}, client?: RedisClient): Promise<RedisStore> {
    const store = new RedisStore(client ?? (await this.connect()), {
      keys: keys(),
      clock: systemClock,
      logger: silentLogger(),
      leaseMs: 30_000,
      visibilityTimeoutMs: 3_600_000,
      clientName: undefined,
      queueOrder: 'round_robin',
      bodyEncoding: 'base64',
      ...changes,
    })
    this.#stores.push(store)
    return store
  }

  /** A process of its own that does `verb` of `redis-process.ts`. */
  helper(verb: string, ...args: readonly string[]): HelperProcess {
    const helper = new HelperProcess('redis-process.ts', [verb, this.server.url, ...args])
    this.#helpers.push(helper)
    return helper
  }

  /** Close what the test has opened. */
  async closeAll(): Promise<void> {
    await Promise.all(this.#helpers.splice(0).map((helper) => helper.kill()))
    await Promise.all(this.#stores.splice(0).map((store) => store.close()))
    await Promise.all(this.#clients.splice(0).map((client) => client.close()))
  }

  /** ... and empty the server. */
  async clear(): Promise<void> {
    await this.closeAll()
    await this.server.ask('FLUSHALL')
  }

  /** The names of all keys, in order. */
  async keys(): Promise<string[]> {
    return (await this.server.ask('KEYS', '*')).split('\n').filter(Boolean).sort()
  }
}

/** kombu's keys of database 0. */
export function keys(names: Partial<KeyNames> = {}): Keys {
  return new Keys({ ...DEFAULT_NAMES, fanoutPrefix: '/0.', ...names })
}

/** Run a script as the transport does. */
export function runScript(
  client: RedisClient,
  script: RedisScript,
  arguments_: readonly RedisArgument[],
  watched: readonly string[] = [keys().owners],
): Promise<RedisReply> {
  return client.run(script, watched, [...keys().grammar, ...arguments_])
}

/** A message for one queue with nothing but a body. */
export function entry(queue: string, body: string, changes: Partial<QueueEntry> = {}): QueueEntry {
  const message = { body, contentType: 'text/plain', contentEncoding: 'utf-8', headers: {}, properties: {} }
  return { queue, exchange: '', routingKey: queue, message, ...changes }
}

/** The same as it lies in a list. */
export function envelope(queue: string, body: string): string {
  return encodeEntry(entry(queue, body), undefined)
}
