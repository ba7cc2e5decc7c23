/**
 * Elections among workers (Celery's `gossip.election`): something that is to be done by one of them. Each that hears of it
 * stands for it, and each answers each candidate. Who has the answers of all that are alive knows all candidates: it is
 * the one with the lowest logical clock, and of two with the same the one whose name comes first.
 */
import type { EventDispatcher } from '../events/dispatcher.ts'
import type { Event } from '../protocol/event.ts'
import type { Logger } from '../util/logger.ts'

/** What an election needs of its worker. */
export interface ElectionParts {
  /** This worker among all: `name@host.pid`. */
  readonly self: string
  readonly events: Pick<EventDispatcher, 'send'>
  /** How many workers are alive, this one included. */
  readonly voters: () => number
  /** What the winner does, by topic. */
  readonly topics: Readonly<Record<string, (action: unknown) => Promise<unknown>>>
  readonly logger: Logger
}

/** Who stands for it. */
interface Candidate {
  readonly clock: number
  readonly node: string
  readonly topic: string
  readonly action: unknown
}

/** So many are remembered that have not ended; a worker that is not asked to take part never ends one. */
const MAX_ELECTIONS = 1000
/** The version of the protocol. */
const VERSION = 1

export class Elections {
  readonly #parts: ElectionParts
  readonly #candidates = new Map<string, Candidate[]>()
  /** Who has answered, by the elections that this worker takes part in. */
  readonly #voters = new Map<string, Set<string>>()

  constructor(parts: ElectionParts) {
    this.#parts = parts
  }

  /** Stand for it. */
  begin(id: string, topic: string, action: unknown): void {
    setBounded(this.#voters, id, new Set())
    this.#parts.events.send('worker-elect', { id, topic, action, cver: VERSION })
  }

  /** Somebody stands for it, maybe this worker. */
  elect({ clock, hostname, pid, id, topic, action }: Event): void {
    if (typeof id !== 'string' || typeof topic !== 'string' || typeof clock !== 'number') {
      this.#parts.logger.error(`An election of ${hostname} is not understood: it says no id, topic or clock`)
      return
    }
    const candidates = this.#candidates.get(id) ?? []
    if (candidates.length === 0) setBounded(this.#candidates, id, candidates)
    candidates.push({ clock, node: `${hostname}.${String(pid)}`, topic, action })
    this.#parts.events.send('worker-elect-ack', { id })
  }

  /** Somebody has answered a candidate. */
  acknowledge({ id, hostname }: Event): void {
    const voters = typeof id === 'string' ? this.#voters.get(id) : undefined
    if (voters === undefined) return
    voters.add(hostname)
    if (voters.size >= this.#parts.voters()) this.#end(id as string)
  }

  #end(id: string): void {
    const [first, ...others] = this.#candidates.get(id) ?? []
    this.#voters.delete(id)
    this.#candidates.delete(id)
    if (first === undefined) return
    const winner = others.reduce((best, each) => (before(each, best) ? each : best), first)
    const { self, topics, logger } = this.#parts
    if (winner.node !== self) {
      logger.info(`node ${winner.node} elected for ${id}`)
      return
    }
    logger.info(`I won the election ${id}`)
    const act = Object.hasOwn(topics, winner.topic) ? topics[winner.topic] : undefined
    if (act === undefined) {
      logger.error(`Unknown election topic "${winner.topic}"; there are ${Object.keys(topics).join(', ')}`)
      return
    }
    act(winner.action).catch((error: unknown) => {
      logger.error(`What the election ${id} was for could not be done`, { error })
    })
  }
}

function before(one: Candidate, other: Candidate): boolean {
  return one.clock === other.clock ? one.node < other.node : one.clock < other.clock
}

/** The oldest goes when there are too many. */
function setBounded<T>(map: Map<string, T>, key: string, value: T): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= MAX_ELECTIONS) map.delete(oldest)
  map.set(key, value)
}
