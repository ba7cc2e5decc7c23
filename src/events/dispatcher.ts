/**
 * EventDispatcher: sends events (`celery/events/dispatcher.py`). Nobody waits for one: what is sent in one turn of the
 * event loop leaves in one go, what is sent while that is under way leaves with the next, and the events of tasks leave as
 * lists, twenty times a second at most. While the broker is away they are kept, a limited number of them, and leave when it is back.
 *
 * Each way an event may be: *gathered* (a task's, not in a list yet) → *pending* (encoded) → on its way → gone, or after
 * an error pending again.
 */
import type { BrokerConnection } from '../messaging/connection.ts'
import { declareExchange } from '../messaging/exchange.ts'
import { isChannelError, isOperational } from '../messaging/failure.ts'
import type { LogicalClock } from '../messaging/mailbox.ts'
import {
  encodeEvent,
  encodeEventList,
  encodeEventStart,
  encodeEventText,
  eventGroup,
  eventRoutingKey,
  multiEventRoutingKey,
  TASK_GROUP,
  utcOffset,
} from '../protocol/event.ts'
import type { EventFields, EventSource, TaskEventType } from '../protocol/event.ts'
import type { Message } from '../protocol/message.ts'
import { HOSTNAME_HEADER } from '../protocol/names.ts'
import type { Channel, Connection, Publication } from '../transport/transport.ts'
import { waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import type { Logger } from '../util/logger.ts'
import { eventExchange } from './exchange.ts'

/** What a message says. */
type EncodedBody = Pick<Message, 'body' | 'contentType' | 'contentEncoding'>

/** Who sends, also as the beginning of an event's JSON, and until when that holds. */
interface Sender extends Omit<EventSource, 'clock' | 'timestamp'> {
  readonly start: string
  readonly untilMs: number
}

/** A connection that is opened when it is first asked for. */
export interface DispatcherConnection {
  get(): Promise<BrokerConnection>
  close(): Promise<void>
}

/** What a dispatcher needs of its app. */
export interface DispatcherParts {
  /** What events leave on; closed with the dispatcher. */
  readonly connection: DispatcherConnection
  readonly clock: Clock
  /** Undefined where this process has none that follows the others': receivers then put in their own. */
  readonly logicalClock: LogicalClock | undefined
  readonly logger: Logger
  /** The exchange's name; read for each connection. */
  readonly exchange: () => string
  /** An event, or a list of them, to an encoded body. */
  readonly encode: (value: unknown) => EncodedBody
  /** Are they written as JSON? Then lists of them are written here, which is faster. */
  readonly isJson: () => boolean
}

/** Who sends, and what. */
export interface DispatcherOptions {
  /** The node that the events come from. */
  readonly hostname: string
  /** Send at all. Default true. */
  readonly enabled?: boolean
  /** Only events of these groups, such as `worker`. Default all. */
  readonly groups?: readonly string[]
}

/** What is ready to go, and how many events it is. */
interface Pending {
  readonly publication: Publication
  readonly count: number
}

/** A list is not longer than this: where its text is no large object to the garbage collector, it costs half. */
const MAX_LIST = 100
/** So many events are kept while the broker is away; then the oldest go. */
const MAX_KEPT = 20_000
/** A broker that has not taken what it was sent by then is not there, in milliseconds. */
const ATTEMPT_MS = 15_000
/** Lists are so many milliseconds apart at least. */
const PACE_MS = 50
/** Between two attempts while it is away. */
const WAIT: GrowingWait = { startMs: 1000, stepMs: 1000, maxMs: 10_000 }
/** Not kept over a restart of the broker. */
const TRANSIENT = 1
/** The zone may change, in summer or on the road, but not with every event. In milliseconds. */
const OFFSET_MAX_AGE_MS = 60_000

export class EventDispatcher {
  readonly hostname: string
  readonly enabled: boolean
  readonly #parts: DispatcherParts
  readonly #headers: Message['headers']
  readonly #groups: Set<string>
  #tasks = false
  #gathered: unknown[] = []
  #pending: Pending[] = []
  /** How many events are pending. */
  #kept = 0
  #isScheduled = false
  /** Something waits that is in no list. */
  #isUrgent = false
  #flushing: Promise<void> | undefined
  #retry: Timer | undefined
  /** The next lists leave then. */
  #pace: Timer | undefined
  #flushedMs = -Infinity
  #failures = 0
  #flushed: Deferred<void> | undefined
  #channel: { readonly on: Connection; readonly channel: Channel } | undefined
  #known: Sender | undefined
  #now = { ms: NaN, text: '' }
  #isClosed = false

  /** Opens nothing. Made by `app.events.dispatcher()`. */
  constructor(parts: DispatcherParts, options: DispatcherOptions) {
    const { hostname, enabled = true, groups = [] } = options
    this.hostname = hostname
    this.enabled = enabled
    this.#parts = parts
    this.#headers = { [HOSTNAME_HEADER]: hostname }
    this.#groups = new Set(groups)
    this.#regroup()
  }

  /** The groups that are sent; none in it is all. */
  get groups(): ReadonlySet<string> {
    return this.#groups
  }

  /** Are events of tasks sent? Ask before gathering their fields. */
  get sendsTasks(): boolean {
    return this.#tasks
  }

  /** Send this group too from now on. False where it was sent already. */
  addGroup(group: string): boolean {
    if (this.#groups.size === 0 || this.#groups.has(group)) return false
    this.#groups.add(group)
    this.#regroup()
    return true
  }

  /** Send this group no more. False where it is not named among the groups. */
  removeGroup(group: string): boolean {
    const removed = this.#groups.delete(group)
    this.#regroup()
    return removed
  }

  /** Send an event, if its group is sent. It leaves with all that is sent in this turn of the event loop. */
  send<T extends string>(type: T, fields: EventFields<T>): void {
    if (this.#isClosed || !this.#sends(eventGroup(type))) return
    this.#add(this.#publication(this.#parts.encode(encodeEvent(type, fields, this.#source())), eventRoutingKey(type)))
  }

  /** Send an event of a task, if they are sent: in a list with others, as workers do. */
  sendTask<T extends TaskEventType>(type: T, fields: EventFields<T>): void {
    if (this.#isClosed || !this.#tasks) return
    const { isJson } = this.#parts
    this.#gathered.push(isJson() ? this.#text(type, fields) : encodeEvent(type, fields, this.#source()))
    if (this.#gathered.length >= MAX_LIST) this.#pack()
    this.#schedule()
  }

  /**
   * Send an event whatever groups are sent. Resolves when the broker has it, or when it is known that the broker is away:
   * the event is kept then. Rejects with `EncodeError` for fields that cannot be written.
   */
  async publish<T extends string>(type: T, fields: EventFields<T>): Promise<void> {
    this.#add(this.#publication(this.#parts.encode(encodeEvent(type, fields, this.#source())), eventRoutingKey(type)))
    if (this.#retry !== undefined || this.#isClosed) return
    this.#flushed ??= deferred()
    await this.#flushed.promise
  }

  /** Send what waits, also where the broker was away a moment ago. Resolves when that was tried. Never rejects. */
  async flush(): Promise<void> {
    await this.#flushing
    if (this.#hasMore) await this.#begin()
  }

  /** Send what waits, once, and end. Nothing is sent afterwards. May be called twice. */
  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    this.#retry?.cancel()
    this.#pace?.cancel()
    const channel = this.#channel?.channel
    this.#channel = undefined
    await channel?.close().catch(() => undefined)
    await this.#parts.connection.close()
  }

  #sends(group: string): boolean {
    return this.enabled && (this.#groups.size === 0 || this.#groups.has(group))
  }

  #regroup(): void {
    this.#tasks = this.#sends(TASK_GROUP)
  }

  #source(): EventSource {
    const { clock, logicalClock } = this.#parts
    const nowMs = clock.now()
    return { ...this.#sender(nowMs), clock: logicalClock?.forward(), timestamp: nowMs / 1000 }
  }

  #text<T extends TaskEventType>(type: T, fields: EventFields<T>): string {
    const { clock, logicalClock } = this.#parts
    const nowMs = clock.now()
    const { start } = this.#sender(nowMs)
    // Many have the same, and a fraction takes longer to write than all the rest of an event.
    if (nowMs !== this.#now.ms) this.#now = { ms: nowMs, text: String(nowMs / 1000) }
    return encodeEventText(type, fields, start, logicalClock?.forward(), this.#now.text)
  }

  /** Who sends. */
  #sender(nowMs: number): Sender {
    if (this.#known !== undefined && nowMs < this.#known.untilMs) return this.#known
    const sender = { hostname: this.hostname, utcoffset: utcOffset(new Date(nowMs)), pid: process.pid }
    this.#known = { ...sender, start: encodeEventStart(sender), untilMs: nowMs + OFFSET_MAX_AGE_MS }
    return this.#known
  }

  /** What was gathered becomes a list. */
  #pack(): void {
    const events = this.#gathered
    if (events.length === 0) return
    this.#gathered = []
    try {
      const body = events.every(isText) ? encodeEventList(events) : this.#parts.encode(events)
      this.#keep([{ publication: this.#publication(body, multiEventRoutingKey(TASK_GROUP)), count: events.length }])
    } catch (error) {
      this.#parts.logger.error('Events of tasks could not be written, and are dropped', { error })
    }
  }

  #add(publication: Publication): void {
    this.#isUrgent = true
    this.#keep([{ publication, count: 1 }])
    this.#schedule()
  }

  #publication(body: EncodedBody, routingKey: string): Publication {
    const properties = { delivery_mode: TRANSIENT, priority: 0 }
    return { exchange: this.#parts.exchange(), routingKey, message: { ...body, headers: this.#headers, properties } }
  }

  /** Put behind what is pending; the oldest go when there are too many. */
  #keep(pending: readonly Pending[]): void {
    for (const each of pending) {
      this.#pending.push(each)
      this.#kept += each.count
    }
    while (this.#kept > MAX_KEPT && this.#pending.length > 1) this.#kept -= this.#pending.shift()?.count ?? 0
  }

  /**
   * At the end of this turn; lists not so soon after the ones before, for each message has its cost. While something is
   * under way or the broker is away, it goes with what follows.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#flushing !== undefined || this.#retry !== undefined || this.#isClosed) return
    const { clock } = this.#parts
    const waitMs = this.#isUrgent ? 0 : this.#flushedMs + PACE_MS - clock.monotonic()
    if (waitMs > 0) {
      this.#pace ??= clock.after(waitMs, this.#flushSoon)
      return
    }
    this.#isScheduled = true
    setImmediate(this.#flushSoon)
  }

  readonly #flushSoon = (): void => {
    this.#isScheduled = false
    if (this.#hasMore) void this.#begin()
  }

  get #hasMore(): boolean {
    return this.#pending.length > 0 || this.#gathered.length > 0
  }

  #begin(): Promise<void> {
    return (this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#hasMore) this.#schedule()
    }))
  }

  /** Send what there is now. Never rejects. */
  async #flush(): Promise<void> {
    this.#pace?.cancel()
    this.#retry?.cancel()
    this.#pace = this.#retry = undefined
    this.#isUrgent = false
    this.#flushedMs = this.#parts.clock.monotonic()
    this.#pack()
    const sending = this.#pending
    const flushed = this.#flushed
    this.#pending = []
    this.#kept = 0
    this.#flushed = undefined
    try {
      await this.#publish(sending.map(({ publication }) => publication))
      this.#failures = 0
    } catch (error) {
      this.#failed(error, sending)
    } finally {
      flushed?.resolve()
    }
  }

  async #publish(publications: readonly Publication[]): Promise<void> {
    const broker = await this.#parts.connection.get()
    const connection = await broker.ensure({ maxRetries: 0 })
    await broker.answered(connection, ATTEMPT_MS, async () => {
      const channel = await this.#open(connection)
      await channel.basicPublish(publications)
    })
  }

  async #open(connection: Connection): Promise<Channel> {
    if (this.#channel?.on !== connection) {
      const channel = await connection.openChannel()
      await declareExchange(channel, eventExchange(connection.features, this.#parts.exchange()))
      this.#channel = { on: connection, channel }
    }
    return this.#channel.channel
  }

  /** Events are worth keeping, not worth disturbing anybody: what a broker refuses is dropped. */
  #failed(error: unknown, sending: readonly Pending[]): void {
    const { logger, clock } = this.#parts
    const channel = this.#channel?.channel
    this.#channel = undefined
    channel?.close().catch(() => undefined)
    if (!isOperational(error) || isChannelError(error)) {
      logger.error('Events could not be sent, and are dropped', { error })
      return
    }
    if (this.#failures === 0) logger.warning('Events cannot be sent; they are kept until the broker is back', { error })
    const newer = this.#pending
    this.#pending = []
    this.#kept = 0
    this.#keep(sending)
    this.#keep(newer)
    if (!this.#isClosed) {
      this.#retry = clock.after(waitBefore(this.#failures, WAIT), () => void this.flush(), { unref: true })
    }
    this.#failures += 1
  }
}

function isText(event: unknown): event is string {
  return typeof event === 'string'
}
