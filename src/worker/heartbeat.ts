/**
 * The worker's heartbeat: events that say that it is there and how it is doing, at the start, every few seconds, and at
 * the end. On a connection that is lost nothing is said: who cannot take tasks is not alive.
 */
import { loadavg, type as systemType } from 'node:os'
import { packageVersion } from '../app/version.ts'
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { WorkerStatusFields } from '../protocol/event.ts'
import type { Signals } from '../signals.ts'
import type { Connection } from '../transport/transport.ts'
import type { Clock, Timer } from '../util/clock.ts'
import type { Component, Undo } from './component.ts'
import type { WorkerState } from './state.ts'

/** Celery's, in seconds. */
const DEFAULT_INTERVAL = 2
/** What runs here (`sw_ident`); Python's workers say `py-celery`. */
const SOFTWARE = 'celeriac'

/** Which of the worker's events. */
type StatusEvent = 'worker-online' | 'worker-heartbeat' | 'worker-offline'

/** What heartbeats are made of. */
export interface HeartbeatParts {
  readonly events: Pick<EventDispatcher, 'send' | 'hostname'>
  readonly state: Pick<WorkerState, 'active' | 'processed'>
  readonly signals: Signals
  readonly clock: Clock
  /** Seconds between two. Default 2. */
  readonly interval?: number | undefined
}

export class Heartbeat implements Component {
  readonly name = 'heartbeat'
  readonly #parts: HeartbeatParts
  /** Seconds. */
  readonly #interval: number
  readonly #software = { sw_ident: SOFTWARE, sw_ver: packageVersion(), sw_sys: systemType() }

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
    this.#interval = parts.interval ?? DEFAULT_INTERVAL
  }

  /** Online, and from then on a beat every few seconds, until the connection is over. */
  attach(connection: Connection): Undo {
    const { clock } = this.#parts
    let timer: Timer
    const beat = (type: StatusEvent): void => {
      this.send(type)
      timer = clock.after(this.#interval * 1000, () => {
        beat('worker-heartbeat')
      })
    }
    beat('worker-online')
    void connection.closed.then(() => {
      timer.cancel()
    })
    return () => {
      timer.cancel()
      this.send('worker-offline')
    }
  }

  /** Say how the worker is doing, and when it will be said again: in `freq` seconds. */
  send(type: StatusEvent, freq: number = this.#interval): void {
    const { events, signals } = this.#parts
    events.send(type, this.#status(freq))
    if (signals.has('heartbeat-sent')) void signals.send('heartbeat-sent', { hostname: events.hostname })
  }

  #status(freq: number): WorkerStatusFields {
    const { state } = this.#parts
    return {
      freq,
      active: state.active.size,
      processed: state.processed,
      loadavg: loadavg().map((load) => Math.round(load * 100) / 100),
      ...this.#software,
    }
  }
}
