/** What is known of one worker from its events (`celery/events/state.py`, `Worker`). `State` keeps and changes it. */
import { applyFields, fieldTable } from './fields.ts'
import type { FieldRecord } from './fields.ts'

const FIELDS = fieldTable(
  {
    pid: { kind: 'number' },
    freq: { kind: 'number' },
    clock: { kind: 'number' },
    active: { kind: 'number' },
    processed: { kind: 'number' },
    loadavg: { kind: 'numbers' },
    sw_ident: { property: 'swIdent' },
    sw_ver: { property: 'swVer' },
    sw_sys: { property: 'swSys' },
  },
  ['type', 'hostname', 'timestamp', 'utcoffset', 'local_received'],
)

/** Where it does not say how often it sends heartbeats, in seconds. */
const DEFAULT_FREQ = 60
/** So many heartbeats are remembered. */
const MAX_HEARTBEATS = 4
/** A worker that is silent for so many of its intervals counts as gone. */
const INTERVALS_TO_LIVE = 2

/** One worker. */
export class WorkerRecord implements FieldRecord {
  /** The node's name. */
  readonly hostname: string
  pid: number | undefined = undefined
  /** Seconds between its heartbeats. */
  freq: number | undefined = DEFAULT_FREQ
  /** Its logical clock at its last event. */
  clock: number | undefined = 0
  /** How many tasks it runs. */
  active: number | undefined = undefined
  /** How many it has run since it started. */
  processed: number | undefined = undefined
  /** Over 1, 5 and 15 minutes. */
  loadavg: readonly number[] | undefined = undefined
  /** What it runs on: `py-celery`, or this package. */
  swIdent: string | undefined = undefined
  swVer: string | undefined = undefined
  swSys: string | undefined = undefined
  /** What its events say besides, under their wire names. */
  extra: Readonly<Record<string, unknown>> | undefined = undefined
  readonly #heartbeats: number[] = []
  readonly #now: () => number

  /** Made by a `State`; `now` answers Unix time in seconds. */
  constructor(hostname: string, now: () => number) {
    this.hostname = hostname
    this.#now = now
  }

  /** When it was last heard of: a few Unix times in seconds, the latest last. None where it has said good-bye. */
  get heartbeats(): readonly number[] {
    return this.#heartbeats
  }

  /** The process among all: `worker@host.pid`. */
  get id(): string {
    return `${this.hostname}.${String(this.pid)}`
  }

  /** Until when it counts as alive, as Unix time in seconds; undefined where nothing was heard of it. */
  get heartbeatExpires(): number | undefined {
    const last = this.#heartbeats.at(-1)
    return last === undefined ? undefined : last + (this.freq ?? DEFAULT_FREQ) * INTERVALS_TO_LIVE
  }

  /** Was it heard of within two of its heartbeats' intervals? */
  get alive(): boolean {
    const expires = this.heartbeatExpires
    return expires !== undefined && this.#now() < expires
  }

  get statusString(): 'ONLINE' | 'OFFLINE' {
    return this.alive ? 'ONLINE' : 'OFFLINE'
  }

  /** All that is known, under Celery's names. */
  toJSON(): Record<string, unknown> {
    const { hostname, pid, freq, heartbeats, clock, active, processed, loadavg, swIdent, swVer, swSys } = this
    const software = { sw_ident: swIdent, sw_ver: swVer, sw_sys: swSys }
    return { hostname, pid, freq, heartbeats: [...heartbeats], clock, active, processed, loadavg, ...software }
  }

  /** For `State`: take over what an event of the worker says. */
  apply(event: Readonly<Record<string, unknown>>): void {
    applyFields(this, event, FIELDS)
  }

  /** For `State`: it was heard of at this Unix time in seconds. Times may come in any order. */
  heard(received: number): void {
    const heartbeats = this.#heartbeats
    if (heartbeats.length >= MAX_HEARTBEATS) heartbeats.shift()
    let place = heartbeats.length
    while (place > 0 && (heartbeats[place - 1] as number) > received) place -= 1
    heartbeats.splice(place, 0, received)
  }

  /** For `State`: it has said good-bye. */
  leave(): void {
    this.#heartbeats.length = 0
  }
}
