/**
 * Results that come by themselves: one channel of this process, on which workers publish what becomes of the calls that
 * name it in their `reply_to`. Who waits for one call after the other so need not listen and look for each. What does not
 * come soon (of a long task, of Python's workers, or because a connection was lost) is left to `watcher.ts`.
 *
 * It is in one of these states:
 *
 * 1. *idle*: nobody calls and waits, or the connection was lost. The next call of one who does begins anew.
 * 2. *asking*: the server has not confirmed yet.
 * 3. *listening*: calls may say where their results are to come to.
 * 4. *refused*: an ACL does not permit it, or the backend is closed.
 */
import { mayPass } from '../../driver/redis.ts'
import type { RedisClient } from '../../driver/redis.ts'
import type { Body } from '../../protocol/message.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Replies } from '../backend.ts'
import { replyAddress } from './keys.ts'
import type { ResultKeys } from './keys.ts'
import type { Session } from './session.ts'

/** What replies need. */
export interface RedisRepliesParts {
  readonly session: Session
  readonly keys: ResultKeys
  readonly clock: Clock
  /** The app's plain `reply_to`. */
  readonly replyTo: string
  /** Are documents bytes, rather than text? */
  readonly bytes: boolean
  /** A document has come that was expected. */
  readonly onReply: (key: string, body: Body) => void
  /** The documents of these keys do not come here any more, whether they have come or not. */
  readonly onLapse: (keys: readonly string[]) => void
}

/** A result is expected for so long after its call, in milliseconds: a short task on an idle worker takes a tenth. */
const GRACE_MS = 5
/** Who has begun to wait in the last so many milliseconds is going to wait for the next call as well. */
const USUAL_MS = 1000

/** Who waits for more at once has them read many in one go, which costs less than one message for each. */
const MAX_WAITS = 16

/** A call whose result is to come here. */
interface Expected {
  /** On the monotonic clock. */
  readonly endMs: number
  /** The newest document that has come: its caller may not watch yet. */
  body: Body | undefined
}

/** The reply channel of one backend. */
export class RedisReplies implements Replies {
  readonly #parts: RedisRepliesParts
  readonly #address: string
  readonly #channel: string
  /** By the key of the document, the oldest first. */
  readonly #expected = new Map<string, Expected>()
  #state: 'idle' | 'asking' | 'listening' | 'refused' = 'idle'
  /** When somebody has begun to wait, and when too many have waited, on the monotonic clock. */
  #waitedMs = -Infinity
  #crowdedMs = -Infinity
  #timer: Timer | undefined

  constructor(parts: RedisRepliesParts) {
    this.#parts = parts
    this.#address = replyAddress(parts.replyTo)
    this.#channel = parts.keys.reply(this.#address) ?? ''
  }

  /** See `Replies.expect`. */
  expect(taskIds: readonly string[]): string | undefined {
    const [taskId] = taskIds
    const nowMs = this.#parts.clock.monotonic()
    if (taskId === undefined || taskIds.length > 1 || !this.#isInHurry(nowMs)) return undefined
    if (this.#state === 'idle') void this.#listen()
    if (this.#state !== 'listening') return undefined
    const key = this.#parts.keys.task(taskId)
    // A second call of the same id is the newest.
    this.#expected.delete(key)
    this.#expected.set(key, { endMs: nowMs + GRACE_MS, body: undefined })
    this.#timer ??= this.#expireIn(GRACE_MS)
    return this.#address
  }

  /** Somebody waits; so many results are waited for now. */
  noteWaiting(waits: number): void {
    this.#waitedMs = this.#parts.clock.monotonic()
    if (waits > MAX_WAITS) this.#crowdedMs = this.#waitedMs
  }

  /** What is known of a document that comes here, which may be nothing yet. Undefined where it does not, or not any more. */
  find(key: string): { readonly body: Body | undefined } | undefined {
    return this.#expected.get(key)
  }

  #isInHurry(nowMs: number): boolean {
    return nowMs - this.#waitedMs <= USUAL_MS && nowMs - this.#crowdedMs > USUAL_MS
  }

  async #listen(): Promise<void> {
    this.#state = 'asking'
    try {
      await this.#parts.session.use((client) => this.#subscribe(client))
    } catch (error) {
      // Who waits is told by the watcher where it fails as well.
      this.#state = mayPass(error) ? 'idle' : 'refused'
    }
  }

  async #subscribe(client: RedisClient): Promise<void> {
    const channels = [this.#channel]
    const onMessage = (_channel: string, payload: string | Buffer): void => {
      this.#take(payload)
    }
    await (this.#parts.bytes
      ? client.subscribe(channels, onMessage, { bytes: true })
      : client.subscribe(channels, onMessage))
    this.#state = 'listening'
    void client.closed.then(() => {
      this.#state = 'idle'
      this.#lapse(Infinity)
    })
  }

  #take(payload: string | Buffer): void {
    const [key, body] = divide(payload)
    const expected = this.#expected.get(key)
    if (expected === undefined) return
    expected.body = body
    this.#parts.onReply(key, body)
  }

  #expireIn(delayMs: number): Timer {
    const expire = (): void => {
      this.#lapse(this.#parts.clock.monotonic())
    }
    return this.#parts.clock.after(delayMs, expire, { unref: true })
  }

  /** Forget what was expected until `nowMs`: with one grace for all, the first is the first to end. */
  #lapse(nowMs: number): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const keys: string[] = []
    for (const [key, { endMs }] of this.#expected) {
      if (endMs > nowMs) {
        this.#timer = this.#expireIn(endMs - nowMs)
        break
      }
      this.#expected.delete(key)
      keys.push(key)
    }
    this.#parts.onLapse(keys)
  }
}

/** A message of the channel: the document's key, a line's end, the document. */
function divide(payload: string | Buffer): [key: string, body: Body] {
  const end = payload.indexOf('\n')
  if (typeof payload === 'string') return [payload.slice(0, end), payload.slice(end + 1)]
  return [payload.toString('utf8', 0, end), payload.subarray(end + 1)]
}
