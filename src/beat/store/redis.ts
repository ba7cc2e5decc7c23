/** `redis://`: the timetable beside the broker's queues, on one server, behind Sentinel or in a cluster. */
import type { EntryDefinition } from '../../app/entry.ts'
import { connectRedis } from '../../driver/redis.ts'
import type { RedisArgument, RedisClient, RedisCommand, RedisReply, RedisScript } from '../../driver/redis.ts'
import { Keys } from '../../transport/redis/keys.ts'
import { readRedisBroker } from '../../transport/redis/options.ts'
import { Lazy } from '../../util/lazy.ts'
import { maskPassword, schemeOf } from '../../util/url.ts'
import { decodeStored, encodeEntry } from '../document.ts'
import type { EntryState, StoredEntry } from '../entry.ts'
import { markOf } from '../firing.ts'
import type { BeatStore, BeatStoreContext, BeatStoreFactory, Leadership, StoredTimetable } from '../store.ts'
import { beatKeys } from './redis/keys.ts'
import type { BeatKeys } from './redis/keys.ts'
import { ACQUIRE, RELEASE, RENEW, RESUME, SAVE } from './redis/scripts.ts'

export const redisBeatStore: BeatStoreFactory = {
  name: 'redis',
  async open(url: string, { scope, broker }: BeatStoreContext): Promise<BeatStore> {
    const { context, transportOptions = {} } = broker
    const { settings } = readRedisBroker(url, transportOptions, context.settings?.useSsl)
    const { names, connection } = settings
    return new RedisBeatStore({
      scope,
      keys: beatKeys(names.prefix, scope),
      marks: new Keys(names).marks,
      displayUrl: maskPassword(url),
      connect: () => connectRedis(url, connection, `The broker ${schemeOf(url)}://`, context.clock),
    })
  },
}

interface StoreParts {
  readonly scope: string
  readonly keys: BeatKeys
  /** The broker's marks. */
  readonly marks: string
  readonly displayUrl: string
  readonly connect: () => Promise<RedisClient>
}

class RedisBeatStore implements BeatStore {
  readonly displayUrl: string
  readonly #parts: StoreParts
  readonly #keys: BeatKeys
  /** Made anew by the next who needs it. */
  readonly #client: Lazy<RedisClient>

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#keys = parts.keys
    this.displayUrl = parts.displayUrl
    this.#client = new Lazy(() => this.#connect())
  }

  async load(): Promise<StoredTimetable> {
    const { meta, entries, states, paused } = this.#keys
    const [version, definitions, saved, resting] = await (
      await this.#client.get()
    ).transaction([
      ['HGET', meta, 'version'],
      ['HGETALL', entries],
      ['HGETALL', states],
      ['SMEMBERS', paused],
    ])
    const known = { definitions: pairs(definitions), states: pairs(saved), paused: new Set(texts(resting)) }
    const names = new Set([...known.definitions.keys(), ...known.states.keys(), ...known.paused])
    const storedEntry = (name: string): StoredEntry => ({
      name,
      ...decodeStored(known.definitions.get(name)),
      state: readState(name, known.states.get(name)),
      paused: known.paused.has(name),
    })
    return { version: Number(version ?? 0), entries: [...names].map(storedEntry) }
  }

  async saveStates({ token }: Leadership, states: readonly EntryState[]): Promise<boolean> {
    const { lock, states: key } = this.#keys
    const rows = states.flatMap(({ name, lastDueMs, totalRunCount }) => [name, lastDueMs, totalRunCount])
    return (await this.#run(SAVE, [lock, key], [token, ...rows])) === 1
  }

  async putEntry(definition: EntryDefinition): Promise<void> {
    await this.#change([['HSET', this.#keys.entries, definition.name, encodeEntry(definition)]])
  }

  async removeEntries(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const { entries, states, paused } = this.#keys
    const { marks, scope } = this.#parts
    await this.#change([
      ['HDEL', entries, ...names],
      ['HDEL', states, ...names],
      ['SREM', paused, ...names],
      ['HDEL', marks, ...names.map((name) => markOf(scope, name))],
    ])
  }

  async pause(name: string): Promise<void> {
    await this.#change([['SADD', this.#keys.paused, name]])
  }

  async resume(name: string, nowMs: number): Promise<void> {
    const { meta, states, paused } = this.#keys
    const { marks, scope } = this.#parts
    await this.#run(RESUME, [meta, states, paused, marks], [name, nowMs, markOf(scope, name)])
  }

  async acquire(ttlMs: number): Promise<Leadership | undefined> {
    const { lock, meta } = this.#keys
    const token = await this.#run(ACQUIRE, [lock, meta], [Math.ceil(ttlMs)])
    return token === null ? undefined : { token: Number(token) }
  }

  async renew({ token }: Leadership, ttlMs: number): Promise<number | undefined> {
    const { lock, meta } = this.#keys
    const version = await this.#run(RENEW, [lock, meta], [token, Math.ceil(ttlMs)])
    return version === null ? undefined : Number(version)
  }

  async release({ token }: Leadership): Promise<void> {
    await this.#run(RELEASE, [this.#keys.lock], [token])
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return (await this.#client.get()).run(script, keys, args)
  }

  async #change(commands: readonly RedisCommand[]): Promise<void> {
    const client = await this.#client.get()
    await client.transaction([...commands, ['HINCRBY', this.#keys.meta, 'version', 1]])
  }

  async #connect(): Promise<RedisClient> {
    const client = await this.#parts.connect()
    void client.closed.then(() => {
      // It is over: this makes room for the next one.
      if (this.#client.current === client) void this.#client.close()
    })
    return client
  }
}

function readState(name: string, text: string | undefined): EntryState | undefined {
  if (text === undefined) return undefined
  const [lastDueMs, totalRunCount] = text.split(' ').map(Number)
  return { name, lastDueMs: lastDueMs ?? 0, totalRunCount: totalRunCount ?? 0 }
}

function pairs(reply: RedisReply | undefined): Map<string, string> {
  const flat = texts(reply)
  const map = new Map<string, string>()
  for (let at = 0; at + 1 < flat.length; at += 2) map.set(flat[at] ?? '', flat[at + 1] ?? '')
  return map
}

function texts(reply: RedisReply | undefined): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
