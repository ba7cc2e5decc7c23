/** Events for tests: made, sent out as a worker does, and a receiver without an app. */
import type { ListenerParts } from '../../src/events/listener.ts'
import { eventExchange } from '../../src/events/exchange.ts'
import { declareExchange } from '../../src/messaging/exchange.ts'
import { encodeEvent, eventRoutingKey, multiEventRoutingKey, utcOffset } from '../../src/protocol/event.ts'
import type { Event, EventFields } from '../../src/protocol/event.ts'
import type { Message } from '../../src/protocol/message.ts'
import { EVENT_EXCHANGE, EVENT_QUEUE_PREFIX } from '../../src/protocol/names.ts'
import { json } from '../../src/serialization/json.ts'
import type { Connection } from '../../src/transport/transport.ts'
import { systemClock } from '../../src/util/clock.ts'
import { LamportClock } from '../../src/util/lamport-clock.ts'
import { silentLogger } from '../../src/util/logger.ts'

/** Who sends an event, and when; default `a@h`, process 1, clock 1, at the first second. */
export interface EventFacts {
  readonly hostname?: string
  readonly pid?: number
  readonly clock?: number | null
  readonly utcoffset?: number
  readonly timestamp?: number
}

/** An event as a worker sends it. */
export function makeEvent<T extends string>(type: T, fields: EventFields<T>, facts: EventFacts = {}): Event {
  return encodeEvent(type, fields, {
    hostname: 'a@h',
    pid: 1,
    clock: 1,
    utcoffset: utcOffset(),
    timestamp: 1,
    ...facts,
  })
}

/** Publish a body to the exchange of events: one event, a list of them, or anything else. */
export async function publishEvents(connection: Connection, body: unknown, routingKey?: string): Promise<void> {
  const channel = await connection.openChannel()
  const exchange = eventExchange(connection.features)
  await declareExchange(channel, exchange)
  const message: Message = {
    body: typeof body === 'string' ? body : json.encode(body),
    contentType: json.contentType,
    contentEncoding: json.contentEncoding,
    headers: { hostname: 'a@h' },
    properties: { delivery_mode: 1 },
  }
  await channel.basicPublish([{ exchange: exchange.name, routingKey: routingKey ?? routingKeyOf(body), message }])
  await channel.close()
}

function routingKeyOf(body: unknown): string {
  return Array.isArray(body) ? multiEventRoutingKey('task') : eventRoutingKey((body as Event).type)
}

/** What a listener needs, for tests without an app. */
export function listenerParts(changes: Partial<ListenerParts> = {}): ListenerParts {
  return {
    clock: systemClock,
    logicalClock: new LamportClock(),
    logger: silentLogger(),
    queue: () => ({
      exchange: EVENT_EXCHANGE,
      prefix: EVENT_QUEUE_PREFIX,
      ttl: 5,
      expires: 60,
      durable: false,
      exclusive: true,
    }),
    decode: ({ body }) => json.decode(body),
    ...changes,
  }
}
