/** Connections: brokers, result backend and mailbox as the settings describe them. When they are opened is `app.ts`. */
import type { ResultBackend } from '../backend/backend.ts'
import type { BackendRegistry } from '../backend/registry.ts'
import type { SqliteRegistry } from '../driver/sqlite.ts'
import { BrokerConnection } from '../messaging/connection.ts'
import type { BrokerConnectionOptions } from '../messaging/connection.ts'
import { Mailbox } from '../messaging/mailbox.ts'
import type { LogicalClock } from '../messaging/mailbox.ts'
import type { Message } from '../protocol/message.ts'
import type { SerializationRegistry } from '../serialization/registry.ts'
import type { TransportRegistry } from '../transport/registry.ts'
import type { BrokerSettings } from '../transport/transport.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { Settings } from './settings.ts'

/** What all connections of an app share. */
export interface ConnectionParts {
  readonly transports: TransportRegistry
  readonly backends: BackendRegistry
  readonly serialization: SerializationRegistry
  readonly logger: Logger
  readonly clock: Clock
  readonly logicalClock: LogicalClock
  /** The queue that replies to this app come to. */
  readonly replyTo: string
  /** Broker and backend in one file share one connection to it. */
  readonly sqlite: SqliteRegistry
  /** Throws where the content type is not accepted or the body cannot be read. */
  readonly decode: (message: Message) => unknown
}

/** Makes what an app talks through. */
export class Connections {
  readonly #parts: ConnectionParts

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  /** A way to the broker for who consumes (`read`) or publishes (`write`). It connects when it is first used. */
  broker(settings: Settings, purpose: 'read' | 'write'): BrokerConnection {
    return new BrokerConnection(this.brokerOptions(settings, purpose))
  }

  /** What such a way is made of, for those who find the broker by themselves. */
  brokerOptions(settings: Settings, purpose: 'read' | 'write'): BrokerConnectionOptions {
    const { transports, logger, clock, sqlite } = this.#parts
    const { brokerConnectionTimeout: timeout } = settings
    const broker: BrokerSettings = {
      useSsl: settings.brokerUseSsl,
      loginMethod: settings.brokerLoginMethod,
      heartbeat: settings.brokerHeartbeat,
      delayedQueueType: settings.brokerNativeDelayedDeliveryQueueType === 'classic' ? 'classic' : 'quorum',
    }
    return {
      urls: purpose === 'write' ? settings.brokerWriteUrl : settings.brokerReadUrl,
      transports,
      transportOptions: settings.brokerTransportOptions,
      context: { logger, clock, sqlite, settings: broker },
      maxRetries: settings.brokerConnectionMaxRetries,
      ...(timeout === null ? {} : { connectTimeoutMs: timeout * 1000 }),
      failover: settings.brokerFailoverStrategy ?? 'round-robin',
    }
  }

  /** A way to another broker than that of the settings: nothing of them but its URL counts. */
  brokerAt(url: string, settings: Settings): BrokerConnection {
    const { transports, logger, clock, sqlite } = this.#parts
    const { brokerConnectionTimeout: timeout } = settings
    return new BrokerConnection({
      urls: url,
      transports,
      context: { logger, clock, sqlite },
      // Whoever asks for it is there to hear that it cannot be reached.
      maxRetries: 0,
      ...(timeout === null ? {} : { connectTimeoutMs: timeout * 1000 }),
    })
  }

  /** The result backend; one that refuses where there is none. */
  backend(settings: Settings): Promise<ResultBackend> {
    const { backends, serialization, logger, clock, sqlite, replyTo } = this.#parts
    const { resultBackendTransportOptions, resultExpires, resultSerializer, resultAcceptContent } = settings
    const accept = serialization.acceptList(resultAcceptContent, 'resultAcceptContent')
    return backends.open(backendUrl(settings), resultBackendTransportOptions, {
      logger,
      clock,
      sqlite,
      serializer: serialization.serializer(resultSerializer),
      resultExpiresMs: resultExpires === null || resultExpires === 0 ? undefined : resultExpires * 1000,
      redis: redisOptions(settings),
      brokerUrls: settings.brokerWriteUrl,
      connect: (purpose) => this.broker(settings, purpose),
      replyTo,
      resultPersistent: settings.resultPersistent ?? false,
      decodeResult: (message) => serialization.decodeBody(message, undefined, accept),
    })
  }

  /** Must callers make ready for results? */
  sendsReplies(settings: Settings): Promise<boolean> {
    return this.#parts.backends.sendsReplies(backendUrl(settings))
  }

  /** Remote control over a connection, for a worker or a caller. */
  mailbox(settings: Settings, connection: BrokerConnection): Mailbox {
    const { serialization, logger, clock, logicalClock, decode } = this.#parts
    const { controlQueueTtl, controlQueueExpires } = settings
    return new Mailbox({
      connection,
      logger,
      clock,
      logicalClock,
      namespace: settings.controlExchange,
      ...(controlQueueTtl === null ? {} : { queueTtl: controlQueueTtl }),
      ...(controlQueueExpires === null ? {} : { queueExpires: controlQueueExpires }),
      queueExclusive: settings.controlQueueExclusive,
      encode: (value) => serialization.encodeBody(value, settings.taskSerializer),
      decode,
    })
  }
}

/** Where the URL does not say it. Null is the driver's own default. */
function redisOptions(settings: Settings): Readonly<Record<string, unknown>> {
  return {
    host: settings.redisHost,
    port: settings.redisPort,
    db: settings.redisDb,
    username: settings.redisUsername,
    password: settings.redisPassword,
    ssl: settings.redisBackendUseSsl,
    clientName: settings.redisClientName,
    socketTimeout: settings.redisSocketTimeout,
    socketConnectTimeout: settings.redisSocketConnectTimeout,
    healthCheckInterval: settings.redisBackendHealthCheckInterval,
  }
}

function backendUrl({ resultBackend }: Settings): string {
  return resultBackend ?? 'disabled://'
}
