/**
 * `redis://`: results in Redis, with Celery's keys and documents, so that Python reads what we write and the reverse.
 * Writing is `redis/writes.ts`, waiting `redis/watcher.ts` and `redis/replies.ts`, the connection `redis/session.ts`.
 */
import { connectRedis, readRedisOptions } from '../driver/redis.ts'
import type { RedisClient } from '../driver/redis.ts'
import { BackendError, BackendGetMetaError, CeleryError } from '../errors.ts'
import type { Body } from '../protocol/message.ts'
import type { GroupMeta, TaskMeta } from '../protocol/result.ts'
import type { TaskState } from '../protocol/states.ts'
import { REDIS_SCHEMES } from '../transport/registry.ts'
import { maskPassword, schemeOf, splitUrls } from '../util/url.ts'
import type {
  BackendContext,
  BackendFactory,
  BackendFeatures,
  BackendOptions,
  ChordStore,
  EncodedResult,
  Replies,
  ResultBackend,
  StoringResult,
  Watch,
} from './backend.ts'
import { decodeGroupDocument, decodeTaskDocument, encodeGroupDocument, encodeTaskDocument } from './documents.ts'
import { RedisChordStore } from './redis/chords.ts'
import { readBodies } from './redis/documents.ts'
import { ResultKeys } from './redis/keys.ts'
import { readRedisBackendOptions } from './redis/options.ts'
import type { RedisBackendSettings } from './redis/options.ts'
import { Session } from './redis/session.ts'
import { Watcher } from './redis/watcher.ts'
import { Writes } from './redis/writes.ts'

const FEATURES: BackendFeatures = { persistent: true, shared: true, autoExpire: true }

export const redisBackend: BackendFactory = {
  name: 'redis',
  async open(url: string, options: BackendOptions, context: BackendContext): Promise<ResultBackend> {
    const settings = readRedisBackendOptions(url, { ...context.redis, ...options })
    // What is wrong with the address is said now, not when the first result is stored.
    readRedisOptions(url, settings.connection)
    return new RedisBackend(url, settings, context)
  },
}

class RedisBackend implements ResultBackend {
  readonly features: BackendFeatures = FEATURES
  readonly displayUrl: string
  readonly chords: ChordStore
  readonly replies: Replies
  readonly #context: BackendContext
  readonly #keys: ResultKeys
  readonly #session: Session
  readonly #writes: Writes
  readonly #watcher: Watcher
  /** Text is read as text, which is cheaper. */
  readonly #bytes: boolean
  #closing: Promise<void> | undefined

  constructor(url: string, { keyPrefix, retry, connection }: RedisBackendSettings, context: BackendContext) {
    const { clock, logger, serializer, resultExpiresMs, replyTo } = context
    this.displayUrl = maskPassword(url)
    this.#context = context
    this.#bytes = serializer.contentEncoding !== 'utf-8'
    const keys = new ResultKeys(keyPrefix)
    const session = new Session({
      connect: () => connectRedis(url, connection, 'The result backend redis', clock),
      retry,
      clock,
      logger,
      displayUrl: this.displayUrl,
    })
    this.chords = new RedisChordStore({
      keys,
      serializer,
      resultExpiresMs,
      isMarked: isRedis(context.brokerUrls),
      use: (work) => this.#use(work),
    })
    this.#keys = keys
    this.#session = session
    this.#writes = new Writes({
      session,
      keys,
      lifetimeMs: resultExpiresMs,
      stateOf: (taskId, body) => this.#stateOf(taskId, body),
    })
    this.#watcher = new Watcher({
      session,
      keys,
      clock,
      logger,
      bytes: this.#bytes,
      replyTo,
      decode: (taskId, body) => this.#decode(taskId, body),
    })
    this.replies = this.#watcher.replies
  }

  encodeResult(meta: TaskMeta): EncodedResult {
    return encodeTaskDocument(this.#context.serializer, meta)
  }

  storeResult(storing: StoringResult): Promise<void> {
    return this.#writes.store(storing)
  }

  async getMeta(taskId: string): Promise<TaskMeta | undefined> {
    return (await this.getMetas([taskId])).get(taskId)
  }

  async getMetas(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const keys = taskIds.map((id) => this.#keys.task(id))
    const bodies = await this.#use(
      (client) => readBodies(client, keys, this.#bytes),
      (reason, cause) => new BackendGetMetaError(reason, taskIds[0] ?? '', { cause }),
    )
    const metas = new Map<string, TaskMeta>()
    for (const [index, id] of taskIds.entries()) {
      const body = bodies[index]
      if (body !== undefined) metas.set(id, this.#decode(id, body))
    }
    return metas
  }

  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void, onError: (error: Error) => void): Watch {
    return this.#watcher.watch(taskIds, onMeta, onError)
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    await this.#delete(taskIds.map((id) => this.#keys.task(id)))
  }

  async saveGroup(groupId: string, meta: GroupMeta): Promise<void> {
    const body = encodeGroupDocument(this.#context.serializer, meta)
    const { resultExpiresMs } = this.#context
    const lifetime = resultExpiresMs === undefined ? [] : ['PX', Math.ceil(resultExpiresMs)]
    await this.#use((client) => client.send([['SET', this.#keys.group(groupId), body, ...lifetime]]))
  }

  async restoreGroup(groupId: string): Promise<GroupMeta | undefined> {
    const [body] = await this.#use((client) => readBodies(client, [this.#keys.group(groupId)], this.#bytes))
    return body === undefined ? undefined : decodeGroupDocument(this.#context.serializer, groupId, body)
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#delete([this.#keys.group(groupId)])
  }

  /** Redis does it by itself. */
  async cleanup(): Promise<number> {
    return 0
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watcher.stop(new BackendError(`${this.displayUrl} was closed`))
    this.#session.hurry()
    await this.#writes.finish()
    await this.#session.close()
  }

  /** One command for each: the nodes of a cluster have only some of the keys. */
  async #delete(keys: readonly string[]): Promise<void> {
    await this.#use((client) => client.send(keys.map((key) => ['DEL', key] as const)))
  }

  async #use<T>(
    work: (client: RedisClient) => Promise<T>,
    fail: (reason: string, cause: unknown) => BackendError = (reason, cause) => new BackendError(reason, { cause }),
  ): Promise<T> {
    if (this.#closing !== undefined) throw new BackendError(`${this.displayUrl} is closed`)
    try {
      return await this.#session.use(work)
    } catch (error) {
      if (error instanceof BackendError || !CeleryError.isCeleryError(error)) throw error
      throw fail(error.message, error)
    }
  }

  #decode(taskId: string, body: Body): TaskMeta {
    return decodeTaskDocument(this.#context.serializer, taskId, body)
  }

  /** Another serializer's document is none of ours: it may be replaced. */
  #stateOf(taskId: string, body: Body): TaskState | undefined {
    try {
      return this.#decode(taskId, body).status
    } catch {
      return undefined
    }
  }
}

/** Are all of these brokers Redis? */
function isRedis(urls: string | readonly string[]): boolean {
  return splitUrls(urls).every((url) => REDIS_SCHEMES.includes(schemeOf(url)))
}
