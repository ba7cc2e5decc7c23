/**
 * Term: the time in which one beat leads. Three things go on in it: the loop (read the timetable, send what is due, rest),
 * the renewal of the right to lead, once a second, and the writing of states.
 *
 * Sending comes first, then the word that it was done: whoever is killed in between leaves something that the next one
 * sends again, and that the broker refuses where it can (`features.once`).
 */
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { pause } from '../util/backoff.ts'
import { Agenda } from './agenda.ts'
import type { Departure } from './agenda.ts'
import type { Dispatch, DispatchOutcome } from './dispatch.ts'
import { StateWriter } from './writer.ts'
import type { Timetable } from './merge.ts'
import type { BeatStore, Leadership } from './store.ts'

export interface TermParts {
  readonly store: BeatStore
  readonly leadership: Leadership
  /** When the right to lead was asked for, by the monotonic clock. */
  readonly sinceMs: number
  readonly dispatch: Dispatch
  readonly clock: Clock
  readonly logger: Logger
  /** The timetable, and the version of what is stored of it. */
  readonly read: () => Promise<Timetable & { readonly version: number }>
  /** The longest rest. */
  readonly maxIntervalMs: number
  /** So many states are written before the next look; 0 is that nothing waits for the writing. */
  readonly syncEvery: number
  readonly cronDeadlineMs: number | undefined
  /** Ends the term. */
  readonly stopping: AbortSignal
  /** Ends also what is under way. */
  readonly hurry: AbortSignal
}

/** So long the right to lead outlives a beat that has died: with the next one's look, less than five seconds. */
export const LEAD_MS = 3500
const RENEW_MS = 1000
/** What could not be sent comes again after so long. */
const AGAIN_MS = 1000
/** While it is not sure who leads. */
const HOLD_MS = 50
/** Firings that are sent in one go, about. */
const MAX_FIRINGS = 1000
/** The wall clock and the one that nobody sets drift apart by less between two looks. */
const CLOCK_SET_MS = 1000

export class Term {
  readonly #parts: TermParts
  readonly #agenda: Agenda
  readonly #writer: StateWriter
  readonly #lost = new AbortController()
  #wake = new AbortController()
  #leadsUntilMs: number
  #version: number | undefined
  #offsetMs: number

  constructor(parts: TermParts) {
    const { clock, logger, store, leadership, cronDeadlineMs } = parts
    this.#parts = parts
    this.#leadsUntilMs = parts.sinceMs + LEAD_MS
    this.#offsetMs = clock.now() - clock.monotonic()
    this.#agenda = new Agenda({
      cronDeadlineMs,
      onBroken: ({ name, schedule }, error) => {
        logger.error(`The schedule of the entry ${name} (${schedule.toString()}) has failed: the entry rests`, {
          error,
        })
      },
    })
    this.#writer = new StateWriter({
      clock,
      logger,
      write: (states) => store.saveStates(leadership, states),
      onRefused: () => {
        this.#lose()
      },
    })
  }

  /** Lead. Resolves when the term is over; rejects where the timetable cannot be read. */
  async run(): Promise<void> {
    const ended = new AbortController()
    const renewing = this.#keepRenewing(ended.signal)
    try {
      while (!this.#isOver) {
        await (this.#version === undefined ? this.#read() : this.#look())
      }
    } finally {
      ended.abort()
      await renewing
      this.#writer.stop()
      await this.#writer.flush()
    }
  }

  get #isOver(): boolean {
    return this.#parts.stopping.aborted || this.#lost.signal.aborted
  }

  async #read(): Promise<void> {
    const { read, clock, store, logger } = this.#parts
    await this.#writer.flush()
    // Else what was sent meanwhile would not be known of, and be sent again.
    if (this.#writer.pending > 0) return this.#rest()
    const { rows, orphans, unreadable, version } = await read()
    this.#version = version
    const nowMs = clock.now()
    const entries = rows
      .filter(({ paused }) => !paused)
      .map(({ definition, state }) => ({
        definition,
        state: state ?? { name: definition.name, lastDueMs: nowMs, totalRunCount: 0 },
        isNew: state === undefined,
      }))
    // A new entry counts from now on, for whoever leads next as well.
    for (const { state, isNew } of entries) if (isNew) this.#writer.note(state)
    this.#agenda.replace(entries)
    for (const error of unreadable) logger.error(`beat: ${error.message}`)
    if (orphans.length > 0) await store.removeEntries(orphans)
    logger.debug(`beat: ${String(this.#agenda.size)} entries on the timetable`)
    return undefined
  }

  /** Send what is due, or rest where nothing is. */
  async #look(): Promise<void> {
    const { clock, syncEvery } = this.#parts
    this.#checkClock()
    const departures = this.#agenda.take(clock.now(), MAX_FIRINGS)
    if (departures.length === 0) return this.#rest()
    if (clock.monotonic() >= this.#leadsUntilMs) {
      // It was asleep, or the store did not answer: another one may lead by now.
      for (const departure of departures) this.#putOff(departure, HOLD_MS)
      return this.#rest()
    }
    await this.#send(departures)
    if (syncEvery > 0 && this.#writer.pending >= syncEvery) await this.#writer.flush()
    return undefined
  }

  async #send(departures: readonly Departure[]): Promise<void> {
    const { dispatch, hurry } = this.#parts
    this.#tellSending(departures)
    const outcomes = await dispatch.send(departures, hurry)
    for (const [index, departure] of departures.entries()) this.#settle(departure, outcomes[index] as DispatchOutcome)
  }

  #settle(departure: Departure, outcome: DispatchOutcome): void {
    const { logger } = this.#parts
    const { definition } = departure
    if (outcome.kind === 'later') {
      logger.error(`Message Error: ${definition.name} (${definition.task}) could not be sent, and is tried again`, {
        error: outcome.error,
      })
      this.#putOff(departure, AGAIN_MS)
      return
    }
    if (outcome.kind === 'never') {
      logger.error(`Message Error: ${definition.name} (${definition.task}) cannot be sent`, { error: outcome.error })
    }
    const after =
      outcome.kind === 'sent' ? departure.after : { ...departure.before, lastDueMs: departure.after.lastDueMs }
    this.#writer.note(after)
    this.#agenda.done(departure, after)
  }

  #putOff(departure: Departure, delayMs: number): void {
    this.#agenda.again(departure, this.#parts.clock.now() + delayMs)
  }

  #tellSending(departures: readonly Departure[]): void {
    const { logger } = this.#parts
    if (!logger.enabled('INFO')) return
    for (const { definition, dueMs } of departures) {
      for (const instant of dueMs) {
        const due = new Date(instant).toISOString()
        logger.info(`Scheduler: Sending due task ${definition.name} (${definition.task})`, { due })
      }
    }
  }

  /** Until the next entry, until the timetable changes, or until the right to lead was renewed: clocks may be set. */
  async #rest(): Promise<void> {
    const { clock, maxIntervalMs, stopping } = this.#parts
    const nextMs = (this.#agenda.nextMs ?? Infinity) - clock.now()
    const delayMs = Math.min(Math.max(nextMs, 1), maxIntervalMs, RENEW_MS)
    await pause(clock, delayMs, this.#wake.signal, this.#lost.signal, stopping)
    if (this.#wake.signal.aborted) this.#wake = new AbortController()
  }

  async #keepRenewing(ended: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    for (;;) {
      await pause(clock, RENEW_MS, ended, this.#lost.signal)
      if (ended.aborted || this.#lost.signal.aborted) return
      await this.#renew()
    }
  }

  async #renew(): Promise<void> {
    const { clock, store, leadership, logger } = this.#parts
    const askedMs = clock.monotonic()
    try {
      const version = await store.renew(leadership, LEAD_MS)
      if (version === undefined) {
        this.#lose()
        return
      }
      this.#leadsUntilMs = askedMs + LEAD_MS
      if (version !== this.#version) {
        this.#version = undefined
        this.#wake.abort()
      }
    } catch (error) {
      logger.warning('beat: The right to lead could not be renewed', { error })
      if (clock.monotonic() >= this.#leadsUntilMs) this.#lose()
    }
  }

  #lose(): void {
    if (this.#lost.signal.aborted) return
    this.#parts.logger.warning('beat: This one leads no more')
    this.#lost.abort()
  }

  /** Set forward it is as if nobody had been there; set back, nothing is sent before it has come to where it was. */
  #checkClock(): void {
    const { clock, logger } = this.#parts
    const offsetMs = clock.now() - clock.monotonic()
    const setMs = offsetMs - this.#offsetMs
    if (setMs < -CLOCK_SET_MS) {
      const seconds = String(Math.round(-setMs / 1000))
      logger.warning(`beat: The clock was set back by ${seconds} s: until then nothing is due that was due before`)
    }
    this.#offsetMs = offsetMs
  }
}
