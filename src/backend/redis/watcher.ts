/**
 * Watches for results: one subscription connection for all who wait, whose channels are the keys of the tasks. First it
 * listens, then it looks, so that nothing is missed; when the connection was lost it does both again.
 */
import type { RedisClient, Unsubscribe } from '../../driver/redis.ts'
import { BackendError } from '../../errors.ts'
import type { Body } from '../../protocol/message.ts'
import type { TaskMeta } from '../../protocol/result.ts'
import { asError } from '../../util/as-error.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Watch } from '../backend.ts'
import { readBodies } from './documents.ts'
import type { ResultKeys } from './keys.ts'
import type { Session } from './session.ts'

export interface WatcherParts {
  readonly session: Session
  readonly keys: ResultKeys
  readonly clock: Clock
  readonly logger: Logger
  /** Are documents bytes, rather than text? */
  readonly bytes: boolean
  /** Throws where the body is no document. */
  readonly decode: (taskId: string, body: Body) => TaskMeta
}

/** A channel that nobody watches any more is listened to for so long, in milliseconds. */
const LEAVE_AFTER_MS = 50

/** One watch. */
interface Watching {
  readonly keys: readonly string[]
  readonly onMeta: (meta: TaskMeta) => void
  readonly onError: (error: Error) => void
  stopped: boolean
}

/** Who watches one key. */
interface Watched {
  readonly watchings: Set<Watching>
  /** How many messages came: what was read before the last of them is old. */
  messages: number
}

/** A channel that is listened to, or is going to be. */
interface Listening {
  readonly client: RedisClient
  readonly end: Promise<Unsubscribe>
}

/** All watches of one backend. */
export class Watcher {
  readonly #parts: WatcherParts
  readonly #byKey = new Map<string, Watched>()
  readonly #listening = new Map<string, Listening>()
  /** Watches that were not told yet what is there. */
  #fresh: Watching[] = []
  /** Keys that nobody may watch any more. */
  #left = new Set<string>()
  #willAct = false
  #leaving: Timer | undefined
  #client: RedisClient | undefined

  constructor(parts: WatcherParts) {
    this.#parts = parts
  }

  /** See `ResultBackend.watch`. */
  watch(taskIds: readonly string[], onMeta: Watching['onMeta'], onError: Watching['onError']): Watch {
    const keys = taskIds.map((id) => this.#parts.keys.task(id))
    const watching: Watching = { keys, onMeta, onError, stopped: false }
    for (const key of keys) {
      const watched = this.#byKey.get(key)
      if (watched === undefined) this.#byKey.set(key, { watchings: new Set([watching]), messages: 0 })
      else watched.watchings.add(watching)
    }
    this.#fresh.push(watching)
    this.#actSoon()
    return {
      stop: () => {
        this.#stop(watching)
      },
    }
  }

  /** End all watches, and say why: whoever still waits would wait for ever. */
  stop(reason: Error): void {
    for (const watching of this.#all()) this.#fail(watching, reason)
  }

  #all(): Set<Watching> {
    return new Set([...this.#byKey.values()].flatMap(({ watchings }) => [...watchings]))
  }

  #stop(watching: Watching): void {
    if (watching.stopped) return
    watching.stopped = true
    for (const key of watching.keys) {
      const watched = this.#byKey.get(key)
      watched?.watchings.delete(watching)
      if (watched?.watchings.size !== 0) continue
      this.#byKey.delete(key)
      this.#left.add(key)
    }
    this.#leaveSoon()
  }

  #fail(watching: Watching, error: Error): void {
    if (watching.stopped) return
    this.#stop(watching)
    watching.onError(error)
  }

  /** Who waits for one result after the other leaves the last one together with the next. */
  #leaveSoon(): void {
    const leave = (): void => {
      this.#leave()
    }
    this.#leaving ??= this.#parts.clock.after(LEAVE_AFTER_MS, leave, { unref: true })
  }

  /** What begins in one callback of the event loop goes out together. */
  #actSoon(): void {
    if (this.#willAct) return
    this.#willAct = true
    process.nextTick(() => {
      this.#willAct = false
      this.#leave()
      const fresh = this.#fresh.filter(({ stopped }) => !stopped)
      this.#fresh = []
      void this.#begin(fresh)
    })
  }

  /** Listen for these watches and tell them what is there. */
  async #begin(watchings: readonly Watching[]): Promise<void> {
    if (watchings.length === 0) return
    try {
      await this.#parts.session.use((client) => this.#listenAndLook(client, watchings))
    } catch (error) {
      const reason = asError(error)
      const failure = reason instanceof BackendError ? reason : new BackendError(reason.message, { cause: reason })
      for (const watching of watchings) this.#fail(watching, failure)
    }
  }

  async #listenAndLook(client: RedisClient, watchings: readonly Watching[]): Promise<void> {
    const keys = [...new Set(watchings.flatMap((watching) => (watching.stopped ? [] : watching.keys)))]
    await this.#listen(client, keys)
    const before = keys.map((key) => this.#byKey.get(key)?.messages)
    const bodies = await readBodies(client, keys, this.#parts.bytes)
    for (const [index, key] of keys.entries()) {
      const body = bodies[index]
      const watched = this.#byKey.get(key)
      // A message is newer than what was read before it came.
      if (body === undefined || watched === undefined || watched.messages !== before[index]) continue
      this.#tell(
        key,
        body,
        watchings.filter((watching) => watched.watchings.has(watching)),
      )
    }
  }

  /** Resolves when the server has confirmed all channels. */
  async #listen(client: RedisClient, keys: readonly string[]): Promise<void> {
    this.#follow(client)
    const fresh = keys.filter((key) => this.#listening.get(key)?.client !== client)
    if (fresh.length > 0) {
      const end = this.#subscribe(client, fresh)
      for (const key of fresh) this.#listening.set(key, { client, end })
    }
    await Promise.all(keys.map((key) => this.#listening.get(key)?.end ?? Promise.resolve()))
  }

  #subscribe(client: RedisClient, keys: readonly string[]): Promise<Unsubscribe> {
    const onMessage = (key: string, body: Body): void => {
      const watched = this.#byKey.get(key)
      if (watched === undefined) return
      watched.messages += 1
      this.#tell(key, body, [...watched.watchings])
    }
    return this.#parts.bytes ? client.subscribe(keys, onMessage, { bytes: true }) : client.subscribe(keys, onMessage)
  }

  /** When the connection is lost, all begin anew. */
  #follow(client: RedisClient): void {
    if (this.#client === client) return
    this.#client = client
    void client.closed.then(() => {
      for (const [key, listening] of this.#listening) if (listening.client === client) this.#listening.delete(key)
      void this.#begin([...this.#all()])
    })
  }

  /** Unsubscribe from the keys that nobody watches. */
  #leave(): void {
    this.#leaving?.cancel()
    this.#leaving = undefined
    const keys = [...this.#left].filter((key) => !this.#byKey.has(key))
    this.#left = new Set()
    const bySubscription = new Map<Promise<Unsubscribe>, string[]>()
    for (const key of keys) {
      const listening = this.#listening.get(key)
      if (listening === undefined) continue
      this.#listening.delete(key)
      const others = bySubscription.get(listening.end)
      if (others === undefined) bySubscription.set(listening.end, [key])
      else others.push(key)
    }
    for (const [end, some] of bySubscription) {
      // A subscription that failed was told to those who wanted it.
      end.then((unsubscribe) => unsubscribe(some)).catch(() => undefined)
    }
  }

  #tell(key: string, body: Body, watchings: readonly Watching[]): void {
    const taskId = this.#parts.keys.taskId(key)
    let meta: TaskMeta
    try {
      meta = this.#parts.decode(taskId, body)
    } catch (error) {
      for (const watching of watchings) this.#fail(watching, asError(error))
      return
    }
    for (const watching of watchings) {
      if (watching.stopped) continue
      try {
        watching.onMeta(meta)
      } catch (error) {
        this.#parts.logger.error(`A listener for the result of task ${taskId} failed`, { error })
      }
    }
  }
}
