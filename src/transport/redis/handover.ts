/**
 * Messages that come to an idle worker with the push itself. While a queue is empty and somebody here waits for it, one
 * BLMOVE lies at the server: it moves the next message, in one step, from the queue's list to an inbox of this owner, so
 * that nothing is lost whoever is killed (`BURY` gives back what lies in an inbox). In the inbox lies one message at most:
 *
 * 1. *off*: the queue's list is watched like all others (`waiting.ts`), which tells of a message but does not take it.
 * 2. *armed*: the server has the BLMOVE.
 * 3. *arrived*: a message lies in the inbox, and nobody here has taken it yet.
 * 4. *out*: a consumer has it. With its acknowledgement, in the same write, the next BLMOVE leaves.
 * 5. *moving*: it becomes one of those that `TAKE` notes as unacknowledged: what takes long, or goes back.
 *
 * As long as it is not *off*, the list is the matter of this page, and what the server tells of it is not listened to.
 */
import { ConnectionError } from '../../errors.ts'
import type { RedisClient, RedisCommand, RedisReply } from '../../driver/redis.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { StoredMessage } from '../virtual/store.ts'
import type { Keys } from './keys.ts'
import { storedMessage } from './messages.ts'
import type { Held } from './messages.ts'
import type { Ownership } from './ownership.ts'
import { NOTE, runScript } from './scripts.ts'
import type { Waiting } from './waiting.ts'

/**
 * For so long a message may lie in the inbox, and an armed queue may be without anybody who waits: a short task has
 * ended by then, and whoever only looked up is back.
 */
const GRACE_MS = 3
/** What the server refuses is tried again after so long: it may have been out of memory. */
const PAUSE_MS = 60_000
/** A BLMOVE that has not arrived at the server yet cannot be ended there: how often to try, and how long after. */
const DISARM_ATTEMPTS = 100
const DISARM_AFTER_MS = 10
/** The list that is waited for: that of the most urgent messages, which is where they are without a word of priority. */
const STEP = 0

const OFF: State = { name: 'off' }

type State =
  | { readonly name: 'off' }
  | { readonly name: 'armed'; readonly over: Promise<void> }
  | { readonly name: 'arrived'; readonly message: StoredMessage; readonly held: Held }
  | { readonly name: 'out'; readonly held: Held }
  | { readonly name: 'moving'; readonly done: Promise<unknown> }

/** The connection on which BLMOVE waits, and the number that the server has given it. */
interface Line {
  readonly client: RedisClient
  readonly id: number
}

export interface HandoverParts {
  readonly client: RedisClient
  readonly keys: Keys
  readonly clock: Clock
  readonly logger: Logger
  readonly waiting: Waiting
  readonly ownership: Ownership
  /** May messages of this queue be handed over? */
  readonly serves: (queue: string) => boolean
  /** The number of the next tag. */
  readonly nextNumber: () => number
  /** Called with a message that came and that nobody took. */
  readonly onUntaken: (message: StoredMessage) => void
  /** Called once, when messages can be lost sight of. */
  readonly onLost: (reason: Error) => void
}

export class Handover {
  readonly #parts: HandoverParts
  /** The queues whose inboxes are noted among what belongs to this owner. */
  readonly #noted = new Set<string>()
  #state: State = OFF
  /** The queue that the state is about. */
  #queue = ''
  #line: Line | undefined
  #preparing: Promise<void> | undefined
  /** The acknowledgement that left last. */
  #acknowledged: Promise<unknown> | undefined
  #grace: Timer | undefined
  #isDisarming = false
  #pausedUntilMs = -Infinity
  #ended = false

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  /** Somebody waits for this queue, and for no other. */
  awaited(queue: string): void {
    if (this.#state.name !== 'off' || !this.#mayArm(queue)) return
    if (this.#line !== undefined && this.#noted.has(queue)) void this.#arm(queue, [this.#count(queue)])
    else this.#preparing ??= this.#prepare(queue)
  }

  /** Somebody waits no more. Where nobody does, a message is not to come here instead of to another worker. */
  unawaited(): void {
    const { waiting } = this.#parts
    if (this.#state.name !== 'armed' || waiting.isAwaited(this.#queue)) return
    this.#setGrace(() => {
      // Without its connection there is nothing to end.
      if (!waiting.isAwaited(this.#queue)) void this.#disarm().catch(() => undefined)
    })
  }

  /** Has a message come for one of these queues? */
  has(queues: readonly string[]): boolean {
    return this.#state.name === 'arrived' && queues.includes(this.#queue)
  }

  /** The message that has come, if any. */
  take(queues: readonly string[]): StoredMessage | undefined {
    const state = this.#state
    if (state.name !== 'arrived' || !queues.includes(this.#queue)) return undefined
    this.#state = { name: 'out', held: state.held }
    return state.message
  }

  /** Does one of these messages still lie in the inbox? */
  holds(messages: readonly StoredMessage[]): boolean {
    const state = this.#state
    return state.name === 'out' && messages.some(({ handle }) => handle === state.held)
  }

  /** The message that is out is done with. The next one may come with the same write. */
  async acknowledge(): Promise<void> {
    const queue = this.#queue
    // RPOP would answer the message.
    const pop: RedisCommand = ['LTRIM', this.#inbox(queue), 0, -2]
    if (this.#mayArm(queue)) {
      this.#acknowledged = this.#arm(queue, [pop, this.#count(queue)])
      this.unawaited()
    } else {
      this.#rest()
      this.#acknowledged = this.#line?.client.send([pop])
    }
    await this.#acknowledged
  }

  /** Note a message that is out, or untaken, as unacknowledged like any other. */
  async move(): Promise<void> {
    const state = this.#state
    if (state.name === 'out' || state.name === 'arrived') await this.#move(state.held)
    else await this.moved()
  }

  /** Resolves when no message is on its way there. */
  async moved(): Promise<void> {
    if (this.#state.name === 'moving') await this.#state.done
  }

  /** Let nothing more come for this queue; it may do so again. Answers what came and was not taken. */
  async leave(queue: string): Promise<StoredMessage[]> {
    if (this.#queue !== queue) return []
    await this.#disarm()
    const untaken = this.#state.name === 'arrived' ? [this.#state.message] : []
    await this.move()
    return untaken
  }

  /** Begin nothing more. */
  end(): void {
    this.#ended = true
    this.#grace?.cancel()
  }

  /** Resolves when nothing more can come. Rejects where that is not known: then the owner must outlive its connection. */
  async close(): Promise<void> {
    this.end()
    await this.#preparing
    await this.#disarm()
    await this.#acknowledged?.catch(() => undefined)
  }

  #mayArm(queue: string): boolean {
    const { clock, waiting, ownership, serves } = this.#parts
    if (this.#ended || clock.monotonic() < this.#pausedUntilMs) return false
    return serves(queue) && waiting.isEmpty([queue]) && ownership.isHeardOf
  }

  /** Asked for when the next BLMOVE leaves: where there is more than one message, all of them are fetched. */
  #count(queue: string): RedisCommand {
    return ['LLEN', this.#parts.keys.list(queue, STEP)]
  }

  #inbox(queue: string): string {
    return this.#parts.keys.inbox(this.#parts.ownership.id, queue)
  }

  async #prepare(queue: string): Promise<void> {
    const { client, keys, ownership, waiting } = this.#parts
    try {
      this.#line ??= await this.#open()
      await client.send([['SADD', keys.owned(ownership.id), `i${queue}`]])
      this.#noted.add(queue)
    } catch (error) {
      this.#pause(error)
    }
    this.#preparing = undefined
    if (waiting.isAwaited(queue)) this.awaited(queue)
  }

  async #open(): Promise<Line> {
    const { client, ownership, onLost } = this.#parts
    const line = await client.duplicate()
    void line.closed.then((error) => {
      if (error !== undefined) onLost(error)
    })
    const [, id] = await line.send([
      ['CLIENT', 'SETNAME', ownership.connectionName],
      ['CLIENT', 'ID'],
    ])
    // What may not be ended must not begin.
    await client.send([['CLIENT', 'UNBLOCK', Number(id)]])
    return { client: line, id: Number(id) }
  }

  /** Send these commands and BLMOVE in one write. Answers what comes back before BLMOVE does. */
  #arm(queue: string, commands: readonly RedisCommand[]): Promise<RedisReply[]> {
    const { keys, waiting, ownership } = this.#parts
    const { client } = this.#line as Line
    const { blockMs } = ownership
    const list = keys.list(queue, STEP)
    this.#grace?.cancel()
    this.#queue = queue
    waiting.cover(list)
    const before = client.send(commands)
    const moved = client.send([['BLMOVE', list, this.#inbox(queue), 'RIGHT', 'LEFT', blockMs / 1000]], { blockMs })
    this.#state = { name: 'armed', over: this.#receive(queue, before, moved) }
    return before
  }

  async #receive(queue: string, before: Promise<RedisReply[]>, moved: Promise<RedisReply[]>): Promise<void> {
    let length = 0
    // Where it fails, whoever sent it is told; it comes before the other.
    before.then(
      (counted) => {
        length = Number(counted.at(-1) ?? 0)
      },
      () => undefined,
    )
    let envelope: RedisReply | undefined
    try {
      ;[envelope] = await moved
    } catch (error) {
      this.#pause(error)
      this.#rest()
      return
    }
    if (typeof envelope === 'string') this.#arrive(queue, envelope, length)
    else if (!this.#isDisarming && this.#parts.waiting.isAwaited(queue) && this.#mayArm(queue))
      void this.#arm(queue, [])
    else this.#rest()
  }

  #arrive(queue: string, envelope: string, length: number): void {
    const { clock, ownership, nextNumber, onUntaken, waiting } = this.#parts
    const tag = `${ownership.id}:${String(nextNumber())}:${String(STEP)}`
    const held: Held = { tag, queue, notedMs: clock.now() }
    const message = storedMessage(envelope, queue, held)
    this.#state = { name: 'arrived', message, held }
    if (this.#ended) return
    // Others were there when it came: whoever takes it takes those as well.
    if (length > 1) waiting.forget([queue])
    this.#setGrace(() => {
      const isUntaken = this.#state.name === 'arrived'
      void this.move().then(() => {
        if (isUntaken && !this.#ended) onUntaken(message)
      })
    })
    waiting.wake(new Set([queue]))
  }

  async #move(held: Held): Promise<void> {
    const { client, keys, clock, ownership, onLost, waiting } = this.#parts
    const queue = this.#queue
    this.#grace?.cancel()
    held.notedMs = clock.now()
    ownership.held.set(held.tag, held)
    const arguments_ = [...keys.grammar, ownership.id, queue, held.tag, held.notedMs / 1000]
    const done = runScript(client, NOTE, [keys.owners], arguments_).catch((error: unknown) => {
      // It lies in the inbox and looks as if it did not.
      onLost(new ConnectionError(`A message can no longer be settled: ${String(error)}`, { cause: error }))
    })
    this.#state = { name: 'moving', done }
    await done
    if (waiting.isAwaited(queue) && this.#mayArm(queue)) void this.#arm(queue, [this.#count(queue)])
    else this.#rest()
  }

  /** End BLMOVE at the server. A message may come all the same. */
  async #disarm(): Promise<void> {
    const { client, clock } = this.#parts
    this.#isDisarming = true
    try {
      for (let attempt = 0; this.#state.name === 'armed'; attempt += 1) {
        if (attempt === DISARM_ATTEMPTS) throw new ConnectionError('What waits for messages in Redis does not end')
        const { over } = this.#state
        await client.send([['CLIENT', 'UNBLOCK', (this.#line as Line).id]])
        await Promise.race([over, new Promise<void>((resolve) => clock.after(DISARM_AFTER_MS, resolve))])
      }
    } finally {
      this.#isDisarming = false
    }
  }

  /** Off: from now on the list is watched again. */
  #rest(): void {
    this.#grace?.cancel()
    this.#state = OFF
    this.#parts.waiting.uncover(this.#queue)
  }

  #pause(error: unknown): void {
    const { clock, logger } = this.#parts
    const isFirst = this.#pausedUntilMs === -Infinity
    this.#pausedUntilMs = clock.monotonic() + PAUSE_MS
    if (this.#ended || error instanceof ConnectionError || !isFirst) return
    logger.info('This Redis server does not hand messages over, so it is asked for them when it tells of them', {
      error,
    })
  }

  #setGrace(callback: () => void): void {
    this.#grace?.cancel()
    this.#grace = this.#parts.clock.after(GRACE_MS, callback)
  }
}
