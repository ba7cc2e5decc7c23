/**
 * Those who wait for messages, and how they hear of them without asking.
 *
 * Python's producers only push to lists, so what wakes us must be a push itself. To block on many lists (BRPOP) takes
 * the message out before it is noted as unacknowledged: killed right there, it would be lost. To move it in one step
 * (BLMOVE) is for one list only, which is `handover.ts`. For all others the server is asked to tell of changes (CLIENT
 * TRACKING, Redis 6): whoever has seen that lists are empty is told once when one of them, or the set of due times,
 * changes. That costs nothing while idle and a message a change. Where the server cannot do it the lists are looked at
 * instead, at the rate an idle connection may afford; and now and then in a cluster, which does not tell any more of keys
 * that have moved to another node.
 */
import type { RedisClient } from '../../driver/redis.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Keys } from './keys.ts'

/** How often to look where the server does not tell: two commands, and an idle connection may send two a second. */
const LOOK_INTERVAL_MS = 1_000
/** ... and where it does, but keys may move. */
const CLUSTER_LOOK_INTERVAL_MS = 5_000

export interface WaitingParts {
  readonly client: RedisClient
  readonly keys: Keys
  readonly clock: Clock
  readonly logger: Logger
}

interface Waiter {
  readonly queues: readonly string[]
  readonly wake: () => void
}

/** What a take found. */
export interface Finding {
  /** All lists are empty, and the server will tell. */
  readonly empty: boolean
  /** Unix time in milliseconds at which the next message, of whichever queue, is due; undefined when none is put off. */
  readonly nextDueMs: number | undefined
}

export class Waiting {
  readonly #parts: WaitingParts
  readonly #waiters = new Set<Waiter>()
  /** Queues that were empty, and have not changed since. */
  readonly #empty = new Set<string>()
  /** How often something may have changed. */
  #changes = 0
  #tracking: Promise<boolean> | undefined
  #tracks = false
  #timer: Timer | undefined
  #nextDueMs = Infinity
  /** The list whose messages come by another way. */
  #covered: string | undefined
  #ended = false

  constructor(parts: WaitingParts) {
    this.#parts = parts
  }

  /** To be called before a connection looks for something for the first time. Answers whether the server tells. */
  begin(): Promise<boolean> {
    this.#tracking ??= this.#track()
    return this.#tracking
  }

  /** Are the queues empty, as far as the server has told? */
  isEmpty(queues: readonly string[]): boolean {
    return this.#nextDueMs > this.#parts.clock.now() && queues.every((queue) => this.#empty.has(queue))
  }

  /** Note what `look` finds in the queues, unless something changed meanwhile. */
  async observe<T extends Finding | undefined>(queues: readonly string[], look: () => Promise<T>): Promise<T> {
    await this.begin()
    for (const queue of queues) this.#empty.delete(queue)
    const before = this.#changes
    const finding = await look()
    if (finding !== undefined) {
      this.#setDue(finding.nextDueMs ?? Infinity)
      if (finding.empty && this.#tracks && this.#changes === before) for (const queue of queues) this.#empty.add(queue)
    }
    return finding
  }

  /** Resolves when there may be something, when `signal` aborts, or at the end. Never rejects. */
  wait(queues: readonly string[], signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const waiter: Waiter = {
        queues,
        wake: () => {
          signal.removeEventListener('abort', waiter.wake)
          this.#waiters.delete(waiter)
          resolve()
        },
      }
      signal.addEventListener('abort', waiter.wake)
      this.#waiters.add(waiter)
      if (this.isEmpty(queues)) this.#setTimer()
      else void this.#look()
    })
  }

  /** Nothing is known of these queues any more (default all). What this connection does itself the server does not tell. */
  forget(queues: Iterable<string> = [...this.#empty]): void {
    this.#changes += 1
    for (const queue of queues) this.#empty.delete(queue)
  }

  /**
   * Let those look again who wait for one of these queues (default any). What is known of their lists stays: what comes
   * by a fanout exchange, such as the worker's own heartbeat, is no reason to ask the server anything.
   */
  wake(queues?: ReadonlySet<string>): void {
    const isWoken = (queue: string): boolean => queues?.has(queue) ?? true
    for (const waiter of [...this.#waiters]) if (waiter.queues.some(isWoken)) waiter.wake()
  }

  /** Does anybody wait for this queue? */
  isAwaited(queue: string): boolean {
    for (const waiter of this.#waiters) if (waiter.queues.includes(queue)) return true
    return false
  }

  /** Messages of this list come by another way: what the server tells of it does not count. One list at a time. */
  cover(list: string): void {
    this.#covered = list
  }

  /** They do not any more; whoever waits for the queue looks again. */
  uncover(queue: string): void {
    this.#covered = undefined
    this.forget([queue])
    this.wake(new Set([queue]))
  }

  /** Let all who wait look again, at the server. */
  wakeAll(): void {
    this.forget()
    this.wake()
  }

  /** These keys have changed: let those look again who wait for something in them. */
  #changed(told: readonly string[]): void {
    const { keys } = this.#parts
    const changed = told.filter((key) => key !== this.#covered)
    if (changed.length === 0) return
    // Whichever queue it is that has something due now.
    if (changed.includes(keys.due)) {
      this.wakeAll()
      return
    }
    this.#changes += 1
    const isChanged = (queue: string): boolean => keys.lists([queue]).some((key) => changed.includes(key))
    for (const queue of [...this.#empty].filter(isChanged)) this.#empty.delete(queue)
    for (const waiter of [...this.#waiters]) if (waiter.queues.some(isChanged)) waiter.wake()
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.wakeAll()
  }

  async #track(): Promise<boolean> {
    const { client, keys, logger } = this.#parts
    try {
      await client.track((changed) => {
        if (changed === undefined) this.wakeAll()
        else this.#changed(changed)
      }, keys.due)
      this.#tracks = true
    } catch (error) {
      logger.info('This Redis server does not tell of changes, so its queues are looked at every second', { error })
    }
    return this.#tracks
  }

  /** Wake those who wait where one of their lists has something; else look again later, or be told. */
  async #look(): Promise<void> {
    const { client, keys } = this.#parts
    const queues = [...new Set([...this.#waiters].flatMap((waiter) => waiter.queues))]
    try {
      const finding = await this.observe(queues, async () => {
        const commands = [['EXISTS', ...keys.lists(queues)] as const, ['ZRANGE', keys.due, 0, 0, 'WITHSCORES'] as const]
        const [found, next] = await client.send(commands)
        const dueMs = Array.isArray(next) && next.length > 0 ? Number(next[1]) : undefined
        return { empty: found === 0, nextDueMs: dueMs }
      })
      if (!finding.empty) this.wakeAll()
      else this.#setTimer()
    } catch {
      // Whoever waits tries to take something, and is told what is wrong.
      this.wakeAll()
    }
  }

  get #lookIntervalMs(): number {
    if (!this.#tracks) return LOOK_INTERVAL_MS
    return this.#parts.client.isCluster ? CLUSTER_LOOK_INTERVAL_MS : Infinity
  }

  #setDue(dueMs: number): void {
    if (dueMs === this.#nextDueMs) return
    this.#nextDueMs = dueMs
    this.#setTimer()
  }

  #setTimer(): void {
    const { clock } = this.#parts
    this.#timer?.cancel()
    if (this.#ended || this.#waiters.size === 0) return
    const untilDueMs = Math.max(this.#nextDueMs - clock.now(), 0)
    const intervalMs = this.#lookIntervalMs
    const looks = intervalMs < untilDueMs
    const delayMs = looks ? intervalMs : untilDueMs
    if (delayMs === Infinity) return
    this.#timer = clock.after(delayMs, () => {
      if (looks) void this.#look()
      else this.wakeAll()
    })
  }
}
