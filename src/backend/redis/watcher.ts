/**
 * Watches for results: one subscription connection for all who wait, whose channels are the keys of the tasks. First it
 * listens, then it looks, so that nothing is missed; when the connection was lost it does both again. A watch of a result
 * that comes by itself (`replies.ts`) is held back meanwhile.
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
import { RedisReplies } from './replies.ts'
import type { Session } from './session.ts'

export interface WatcherParts {
  readonly session: Session
  readonly keys: ResultKeys
  readonly clock: Clock
  readonly logger: Logger
  /** Are documents bytes, rather than text? */
  readonly bytes: boolean
  /** The app's plain `reply_to`. */
  readonly replyTo: string
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
  /** Held back, for the result comes by itself; about to begin; listening and looking; over. */
  state: 'held' | 'fresh' | 'begun' | 'stopped'
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
  /** How results come without being watched one by one. */
  readonly replies: RedisReplies
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
    this.replies = new RedisReplies({
      ...parts,
      onReply: (key, body) => {
        this.#tellAll(key, body)
      },
      onLapse: (keys) => {
        this.#release(keys)
      },
    })
  }

  /** See `ResultBackend.watch`. */
  watch(taskIds: readonly string[], onMeta: Watching['onMeta'], onError: Watching['onError']): Watch {
    const keys = taskIds.map((id) => this.#parts.keys.task(id))
    const watching: Watching = { keys, onMeta, onError, state: 'fresh' }
    for (const key of keys) {
      const watched = this.#byKey.get(key)
      if (watched === undefined) this.#byKey.set(key, { watchings: new Set([watching]), messages: 0 })
      else watched.watchings.add(watching)
    }
    this.replies.noteWaiting(this.#byKey.size)
    if (!this.#hold(watching)) this.#beginSoon(watching)
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
    if (watching.state === 'stopped') return
    watching.state = 'stopped'
    for (const key of watching.keys) {
      const watched = this.#byKey.get(key)
      watched?.watchings.delete(watching)
      if (watched?.watchings.size !== 0) continue
      this.#byKey.delete(key)
      if (this.#listening.has(key)) this.#left.add(key)
    }
    if (this.#left.size > 0) this.#leaveSoon()
  }

  #fail(watching: Watching, error: Error): void {
    if (watching.state === 'stopped') return
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

  /** Answers false for a watch whose result does not come by itself. */
  #hold(watching: Watching): boolean {
    const [key, ...others] = watching.keys
    if (key === undefined || others.length > 0) return false
    const found = this.replies.find(key)
    if (found === undefined) return false
    watching.state = 'held'
    const { body } = found
    if (body !== undefined) {
      process.nextTick(() => {
        this.#tell(key, body, [watching])
      })
    }
    return true
  }

  /** The results of these do not come by themselves any more. */
  #release(keys: readonly string[]): void {
    for (const key of keys) {
      for (const watching of this.#byKey.get(key)?.watchings ?? []) {
        if (watching.state === 'held') this.#beginSoon(watching)
      }
    }
  }

  #beginSoon(watching: Watching): void {
    watching.state = 'fresh'
    this.#fresh.push(watching)
    this.#actSoon()
  }

  /** What begins in one callback of the event loop goes out together. */
  #actSoon(): void {
    if (this.#willAct) return
    this.#willAct = true
    process.nextTick(() => {
      this.#willAct = false
      this.#leave()
      const fresh = this.#fresh.filter(({ state }) => state !== 'stopped')
      this.#fresh = []
      for (const watching of fresh) watching.state = 'begun'
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
    const keys = [...new Set(watchings.filter(hasBegun).flatMap((watching) => watching.keys))]
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
      this.#tellAll(key, body)
    }
    return this.#parts.bytes ? client.subscribe(keys, onMessage, { bytes: true }) : client.subscribe(keys, onMessage)
  }

  /** When the connection is lost, all that have begun begin anew. */
  #follow(client: RedisClient): void {
    if (this.#client === client) return
    this.#client = client
    void client.closed.then(() => {
      for (const [key, listening] of this.#listening) if (listening.client === client) this.#listening.delete(key)
      void this.#begin([...this.#all()].filter(hasBegun))
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

  /** A message has come. */
  #tellAll(key: string, body: Body): void {
    const watched = this.#byKey.get(key)
    if (watched === undefined) return
    watched.messages += 1
    this.#tell(key, body, [...watched.watchings])
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
      if (watching.state === 'stopped') continue
      try {
        watching.onMeta(meta)
      } catch (error) {
        this.#parts.logger.error(`A listener for the result of task ${taskId} failed`, { error })
      }
    }
  }
}

function hasBegun({ state }: Watching): boolean {
  return state === 'begun'
}
