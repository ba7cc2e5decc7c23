/**
 * Agenda: what comes next. Knows no clock and sends nothing: it is asked what is due, and told what became of it. An entry
 * is in one of these states:
 *
 * 1. *waiting*: in the heap, by when its next firing is to be sent.
 * 2. *taken*: its firings are on their way; until their outcome is known it is not asked for.
 * 3. *over*: its schedule has no instant any more, or cannot be asked.
 */
import type { EntryDefinition } from '../app/entry.ts'
import { Crontab } from '../schedule/crontab.ts'
import { missed } from '../schedule/schedule.ts'
import { Heap } from '../util/heap.ts'
import type { EntryState } from './entry.ts'
import { jitterOf } from './firing.ts'

/** The instants of one entry that are to be sent now. */
export interface Departure {
  readonly definition: EntryDefinition
  /** In order; none where all were missed and are not made up for. */
  readonly dueMs: readonly number[]
  /** How the entry stands now. */
  readonly before: EntryState
  /** How it stands when all of them have been sent. */
  readonly after: EntryState
}

export interface AgendaOptions {
  /** A crontab's instants that are older are never sent, in milliseconds (`beatCronStartingDeadline`). */
  readonly cronDeadlineMs?: number | undefined
  /** A schedule has thrown: its entry rests until the timetable is read again. */
  readonly onBroken: (definition: EntryDefinition, error: unknown) => void
}

interface Slot {
  readonly definition: EntryDefinition
  state: EntryState
  /** When it is to be looked at, Unix milliseconds. */
  atMs: number
}

/**
 * What is sent later than this was missed, so that `catchUp: 'skip'` holds for it: another beat takes over much sooner, and
 * what falls due meanwhile is late, not missed.
 */
export const MISSED_AFTER_MS = 30_000

/** More than so many instants of one entry come in several goes. */
const MAX_INSTANTS = 100

export class Agenda {
  readonly #options: AgendaOptions
  #heap = newHeap()

  constructor(options: AgendaOptions) {
    this.#options = options
  }

  /** How many entries wait. */
  get size(): number {
    return this.#heap.size
  }

  /** When the next entry is to be looked at, Unix milliseconds; undefined where none waits. */
  get nextMs(): number | undefined {
    return this.#heap.peek()?.atMs
  }

  /** Begin anew with these entries. */
  replace(entries: readonly { readonly definition: EntryDefinition; readonly state: EntryState }[]): void {
    this.#heap = newHeap()
    for (const { definition, state } of entries) this.#wait({ definition, state, atMs: 0 })
  }

  /** Take entries whose time has come, until there are about `max` firings. */
  take(nowMs: number, max: number): Departure[] {
    const departures: Departure[] = []
    let count = 0
    while (count < max && (this.nextMs ?? Infinity) <= nowMs) {
      const slot = this.#heap.pop() as Slot
      try {
        const departure = this.#depart(slot, nowMs)
        departures.push(departure)
        count += Math.max(departure.dueMs.length, 1)
      } catch (error) {
        this.#options.onBroken(slot.definition, error)
      }
    }
    return departures
  }

  /** They were dealt with, and the entry stands so now: it waits for its next instant. */
  done({ definition }: Departure, state: EntryState): void {
    this.#wait({ definition, state, atMs: 0 })
  }

  /** They could not be sent now: it comes again at `atMs`, with all that is due then. */
  again({ definition, before }: Departure, atMs: number): void {
    this.#heap.push({ definition, state: before, atMs })
  }

  #wait(slot: Slot): void {
    const { definition, state } = slot
    try {
      const dueMs = definition.schedule.next(state.lastDueMs)
      if (dueMs === undefined) return
      slot.atMs = dueMs + jitterOf({ definition, dueMs })
      this.#heap.push(slot)
    } catch (error) {
      this.#options.onBroken(definition, error)
    }
  }

  #depart({ definition, state }: Slot, nowMs: number): Departure {
    const { name, totalRunCount } = state
    const instants = this.#instants(definition, state.lastDueMs, nowMs)
    const wanted = this.#wanted(definition, instants, nowMs)
    const dueMs = wanted.slice(0, MAX_INSTANTS)
    const lastDueMs = (dueMs.length < wanted.length ? dueMs.at(-1) : instants.at(-1)) ?? state.lastDueMs
    return { definition, dueMs, before: state, after: { name, lastDueMs, totalRunCount: totalRunCount + dueMs.length } }
  }

  /** The latest instants up to now; not those whose jitter is not over, but for the one that has brought us here. */
  #instants(definition: EntryDefinition, lastDueMs: number, nowMs: number): readonly number[] {
    const { schedule, catchUp, jitter } = definition
    const limit = typeof catchUp === 'object' ? catchUp.every : 1
    const ready = missed(schedule, lastDueMs, nowMs - jitter * 1000, limit)
    const rest = missed(schedule, ready.at(-1) ?? lastDueMs, nowMs, Infinity)
    const count = rest.findLastIndex((dueMs) => dueMs + jitterOf({ definition, dueMs }) <= nowMs) + 1
    return [...ready, ...rest.slice(0, count)].slice(-limit)
  }

  #wanted(definition: EntryDefinition, instants: readonly number[], nowMs: number): readonly number[] {
    const { schedule, catchUp } = definition
    const { cronDeadlineMs = Infinity } = this.#options
    const deadlineMs = Math.min(
      catchUp === 'skip' ? MISSED_AFTER_MS : Infinity,
      schedule instanceof Crontab ? cronDeadlineMs : Infinity,
    )
    return instants.filter((dueMs) => nowMs - dueMs - jitterOf({ definition, dueMs }) <= deadlineMs)
  }
}

function newHeap(): Heap<Slot> {
  return new Heap<Slot>((a, b) => a.atMs < b.atMs)
}
