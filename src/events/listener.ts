/**
 * EventListener: hears events on one connection, with a queue of its own, and hands them to functions. The queue goes with
 * the listener, so that nothing is kept for nobody. How a program that captures stays connected is `receiver.ts`.
 */
import { Consumer } from '../messaging/consumer.ts'
import type { IncomingMessage } from '../messaging/consumer.ts'
import { createQueue } from '../messaging/queue.ts'
import type { Queue } from '../messaging/queue.ts'
import { decodeEvent, localTimestamp, utcOffset } from '../protocol/event.ts'
import type { Event, EventOf } from '../protocol/event.ts'
import type { Message } from '../protocol/message.ts'
import { eventQueue } from '../protocol/names.ts'
import type { Connection, TransportFeatures } from '../transport/transport.ts'
import type { Clock } from '../util/clock.ts'
import type { LamportClock } from '../util/lamport-clock.ts'
import type { Logger } from '../util/logger.ts'
import { uuid7 } from '../util/uuid.ts'
import { eventExchange } from './exchange.ts'

/** An event of a type, as a receiver hands it over: `*` is any type. */
export type Received<T extends string> = (T extends '*' ? Event : EventOf<T>) & {
  /** The sender's logical clock, or ours where it has none. */
  readonly clock: number
  /** When it came in: Unix time in seconds, by our clock. */
  readonly local_received: number
}
/** Any event, as a receiver hands it over. */
export type ReceivedEvent = Received<'*'>

/**
 * What takes events, by their type; `*` takes those of all other types. What a handler answers is ignored; where it
 * throws, or answers a promise that rejects, the error is logged.
 */
export type EventHandlers<T extends string> = { readonly [K in T]: (event: Received<K>) => unknown }

export interface ListenerOptions<T extends string = string> {
  /** Functions by type. Default none. */
  readonly handlers?: EventHandlers<T>
  /** Which events: a pattern of types with dots, such as `task.#` or `worker.#`. Default `#`, all of them. */
  readonly routingKey?: string
  /** How long events may wait for this receiver, in seconds. Default: the setting `eventQueueTtl`. */
  readonly queueTtl?: number
  /** How long the queue outlives a receiver that is gone, in seconds. Default: the setting `eventQueueExpires`. */
  readonly queueExpires?: number
}

/** Where events are heard, as the settings say. */
export interface EventQueueOptions {
  /** The name of the exchange. */
  readonly exchange: string
  /** What the queue's name begins with. */
  readonly prefix: string
  /** In seconds; null is for ever. */
  readonly ttl: number | null
  /** In seconds; null is never. */
  readonly expires: number | null
  readonly durable: boolean
  readonly exclusive: boolean
}

/** What a listener needs of its app. */
export interface ListenerParts {
  readonly clock: Clock
  readonly logicalClock: LamportClock
  readonly logger: Logger
  /** Read for each connection. */
  readonly queue: () => EventQueueOptions
  /** Throws where the content type is not accepted or the body cannot be read. */
  readonly decode: (message: Message) => unknown
}

/** It listens on a connection. */
export interface Listening {
  /** Hears no more. May be called twice. */
  stop(): Promise<void>
}

/** Called with each event. */
export type OnEvent = (event: ReceivedEvent) => void

/** Handlers as they are called. */
type Handler = (event: ReceivedEvent) => unknown

export class EventListener<T extends string = string> {
  readonly #parts: ListenerParts
  readonly #options: ListenerOptions<T>
  readonly #handlers: ReadonlyMap<string, Handler>

  constructor(parts: ListenerParts, options: ListenerOptions<T> = {}) {
    this.#parts = parts
    this.#options = options
    this.#handlers = new Map(Object.entries<Handler>((options.handlers ?? {}) as Record<string, Handler>))
  }

  /**
   * Hear events on this connection from now on. It ends with `stop()`, or with the connection. `onEvent` is called with
   * each; by default that is `handle`.
   */
  async listen(connection: Connection, onEvent: OnEvent = (event) => this.handle(event)): Promise<Listening> {
    const channel = await connection.openChannel()
    const consumer = new Consumer({
      channel,
      logger: this.#parts.logger,
      queues: [this.#queue(connection.features)],
      noAck: true,
      onMessages: (messages) => {
        this.#receive(messages, onEvent)
      },
    })
    await consumer.start()
    return {
      stop: async () => {
        await consumer.stop()
        await channel.close()
      },
    }
  }

  #queue(features: TransportFeatures): Queue {
    const queue = this.#parts.queue()
    const { routingKey = '#', queueTtl = queue.ttl, queueExpires = queue.expires } = this.#options
    return createQueue({
      // Another one for each connection: the broker may not know yet that the one before is gone.
      name: eventQueue(uuid7(), queue.prefix),
      exchange: eventExchange(features, queue.exchange),
      routingKey,
      durable: queue.durable,
      exclusive: queue.exclusive,
      autoDelete: true,
      ...(queueTtl === null ? {} : { messageTtl: queueTtl }),
      ...(queueExpires === null ? {} : { expires: queueExpires }),
    })
  }

  /** Hand an event to its handler. Throws nothing. */
  handle(event: ReceivedEvent): void {
    const handler = this.#handlers.get(event.type) ?? this.#handlers.get('*')
    try {
      const answer = handler?.(event)
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#failed(event, error))
    } catch (error) {
      this.#failed(event, error)
    }
  }

  #receive(messages: readonly IncomingMessage[], onEvent: OnEvent): void {
    const nowMs = this.#parts.clock.now()
    const offset = utcOffset(new Date(nowMs))
    for (const { message } of messages) {
      for (const event of this.#read(message)) {
        onEvent(this.#arrive(event, nowMs / 1000, offset))
      }
    }
  }

  #read(message: Message): readonly Event[] {
    const { decode, logger } = this.#parts
    try {
      return decodeEvent(decode(message), (error) => {
        logger.warning('An event was left out', { error })
      })
    } catch (error) {
      logger.warning('A message with events could not be read', { error })
      return []
    }
  }

  /**
   * Our logical clock follows those of workers. Clients have none that follows anybody's, so what they tell counts as
   * just before what we hear next. A clock that cannot be would spoil those of the whole cluster. The event is ours alone
   * and becomes what is handed over.
   */
  #arrive(event: Event, received: number, offset: number): ReceivedEvent {
    const { logicalClock } = this.#parts
    const arrived = event as object as { clock: unknown; timestamp: number; local_received: number }
    if (event.type === 'task-sent') arrived.clock = Math.max(logicalClock.time, 1) - 1
    if (Number.isSafeInteger(arrived.clock)) logicalClock.adjust(arrived.clock as number)
    else arrived.clock = logicalClock.forward()
    arrived.timestamp = localTimestamp(event, offset)
    arrived.local_received = received
    return event as ReceivedEvent
  }

  #failed({ type }: ReceivedEvent, error: unknown): void {
    this.#parts.logger.error(`The handler of an event ${type} failed`, { error })
  }
}
