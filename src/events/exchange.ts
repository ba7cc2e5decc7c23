/** The exchange that events go out on, as Celery declares it on each broker (`celery/events/event.py`). */
import { createExchange } from '../messaging/exchange.ts'
import type { Exchange } from '../messaging/exchange.ts'
import { EVENT_EXCHANGE } from '../protocol/names.ts'
import type { TransportFeatures } from '../transport/transport.ts'

/** The exchange of events under this name, for a broker with these features. */
export function eventExchange({ events }: Pick<TransportFeatures, 'events'>, name: string = EVENT_EXCHANGE): Exchange {
  return createExchange({ name, type: events })
}
