/**
 * The events of a cluster, as a program sees them: hearing them, and what the cluster looks like from them. The settings
 * `event...` are read here.
 */
import { EventDispatcher } from '../events/dispatcher.ts'
import type { DispatcherConnection, DispatcherOptions } from '../events/dispatcher.ts'
import { EventListener } from '../events/listener.ts'
import type { EventQueueOptions, ListenerOptions, ListenerParts } from '../events/listener.ts'
import { EventReceiver } from '../events/receiver.ts'
import type { CaptureOptions, ReceiverOptions } from '../events/receiver.ts'
import { Camera } from '../events/snapshot.ts'
import type { CameraOptions, Shutter } from '../events/snapshot.ts'
import { State } from '../events/state.ts'
import type { StateOptions } from '../events/state.ts'
import type { BrokerConnection } from '../messaging/connection.ts'
import type { Message } from '../protocol/message.ts'
import { COMPRESSION_HEADER } from '../protocol/names.ts'
import { anonymousNodename } from '../protocol/nodename.ts'
import type { AcceptList, SerializationRegistry } from '../serialization/registry.ts'
import type { Clock } from '../util/clock.ts'
import type { LamportClock } from '../util/lamport-clock.ts'
import { Lazy } from '../util/lazy.ts'
import type { Logger } from '../util/logger.ts'
import type { Settings } from './settings.ts'

/** What events need of their app. */
export interface EventsParts {
  /** The settings; those of files are there once there is a connection. */
  readonly settings: () => Settings
  /** A connection of its own, to hear or to send; whoever asked closes it. */
  readonly connect: (purpose: 'read' | 'write') => Promise<BrokerConnection>
  /** What the app publishes on. */
  readonly outgoing: () => Promise<BrokerConnection>
  /** Is this process a worker's child? Its logical clock does not follow those of others. */
  readonly isChild: () => boolean
  /** Send a command to all workers and wait for no replies. */
  readonly broadcast: (command: string) => Promise<void>
  readonly serialization: SerializationRegistry
  readonly logger: Logger
  readonly clock: Clock
  readonly logicalClock: LamportClock
}

/** `app.events` */
export class Events {
  readonly #parts: EventsParts
  /** Read for every message, so made once for each value of the setting. */
  #accepted: { readonly name: string; readonly list: AcceptList } | undefined
  /** By node name. */
  readonly #defaultDispatchers = new Map<string, EventDispatcher>()

  constructor(parts: EventsParts) {
    this.#parts = parts
  }

  /**
   * Something that sends events, on a connection of its own that is opened for the first one. Whoever asked closes it. By
   * default the events come from `gen<pid>@<host>`.
   *
   *     const dispatcher = app.events.dispatcher({ hostname: 'import@localhost' })
   *     dispatcher.send('import-started', { file: 'a.csv' })
   *     await dispatcher.close()
   */
  dispatcher(options: Partial<DispatcherOptions> = {}): EventDispatcher {
    return this.#dispatcher(new Lazy(() => this.#parts.connect('write')), options)
  }

  /**
   * The dispatcher that the app itself sends with, on the connection that it publishes on; it is closed with the app. By
   * default the events come from `gen<pid>@<host>`.
   */
  defaultDispatcher(hostname: string = anonymousNodename()): EventDispatcher {
    let dispatcher = this.#defaultDispatchers.get(hostname)
    if (dispatcher === undefined) {
      dispatcher = this.#dispatcher({ get: this.#parts.outgoing, close: async () => undefined }, { hostname })
      this.#defaultDispatchers.set(hostname, dispatcher)
    }
    return dispatcher
  }

  /** For the app: send what waits and close the default dispatchers. They can be used again afterwards. */
  async close(): Promise<void> {
    const dispatchers = [...this.#defaultDispatchers.values()]
    this.#defaultDispatchers.clear()
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.close()))
  }

  /**
   * Something that hears events; nothing is opened before it captures.
   *
   *     const receiver = app.events.receiver({ handlers: { 'task-failed': ({ uuid }) => console.log(uuid) } })
   *     await receiver.capture({ signal })
   */
  receiver<T extends string>(options: ReceiverOptions<T> = {}): EventReceiver<T> {
    const { connect, broadcast } = this.#parts
    const parts = { ...this.#listenerParts(), connect: () => connect('read'), wakeup: () => broadcast('heartbeat') }
    return new EventReceiver(parts, options)
  }

  /** Something that hears events on a connection that is there already, as workers do. */
  listener<T extends string>(options: ListenerOptions<T> = {}): EventListener<T> {
    return new EventListener(this.#listenerParts(), options)
  }

  /** What the cluster looks like from the events that it is given: `state.event(event)`. */
  state(options: StateOptions = {}): State {
    const { logger, clock } = this.#parts
    return new State({ logger, clock, ...options })
  }

  /** A receiver that captures at once: see `EventReceiver.capture`. */
  capture<T extends string>(options: ReceiverOptions<T> & CaptureOptions = {}): Promise<void> {
    return this.receiver(options).capture(options)
  }

  /**
   * Call `shutter` with what the cluster looks like, every second or as the options say, until the signal aborts; then
   * once more. Rejects as `EventReceiver.capture` does; throws `ImproperlyConfigured` for a rate that cannot be. What the
   * shutter throws is logged.
   */
  async camera(shutter: Shutter, options: CameraOptions & CaptureOptions = {}): Promise<void> {
    const { logger, clock } = this.#parts
    const state = this.state()
    const camera = new Camera(state, shutter, options, { logger, clock })
    camera.start()
    try {
      await this.receiver({ handlers: { '*': (event) => state.event(event) } }).capture(options)
    } finally {
      await camera.stop()
    }
  }

  #dispatcher(connection: DispatcherConnection, options: Partial<DispatcherOptions>): EventDispatcher {
    const { settings, isChild, serialization, logger, clock, logicalClock } = this.#parts
    return new EventDispatcher(
      {
        connection,
        clock,
        logicalClock: isChild() ? undefined : logicalClock,
        logger,
        exchange: () => settings().eventExchange,
        encode: (value) => serialization.encodeBody(value, settings().eventSerializer),
        isJson: () => settings().eventSerializer === 'json',
      },
      { hostname: anonymousNodename(), ...options },
    )
  }

  #listenerParts(): ListenerParts {
    const { settings, logger, clock, logicalClock } = this.#parts
    return {
      logger,
      clock,
      logicalClock,
      queue: () => queueOptions(settings()),
      decode: (message) => this.#decode(message),
    }
  }

  /** Throws where the content type is neither JSON nor that of `eventSerializer`, or the body cannot be read. */
  #decode(message: Message): unknown {
    const compression = message.headers[COMPRESSION_HEADER]
    return this.#parts.serialization.decodeBody(
      message,
      typeof compression === 'string' ? compression : undefined,
      this.#accept(),
    )
  }

  #accept(): AcceptList {
    const name = this.#parts.settings().eventSerializer
    if (this.#accepted?.name !== name) {
      this.#accepted = { name, list: this.#parts.serialization.acceptList([name, 'json'], 'eventSerializer') }
    }
    return this.#accepted.list
  }
}

function queueOptions(settings: Settings): EventQueueOptions {
  return {
    exchange: settings.eventExchange,
    prefix: settings.eventQueuePrefix,
    ttl: settings.eventQueueTtl,
    expires: settings.eventQueueExpires,
    durable: settings.eventQueueDurable,
    exclusive: settings.eventQueueExclusive,
  }
}
