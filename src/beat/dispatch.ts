/**
 * Dispatch: firings to calls on their way. All of one look at the timetable leave in one go; when that fails it shows
 * which of them are to blame.
 */
import type { Call } from '../app/call.ts'
import { isConnectionError, isOperational } from '../messaging/failure.ts'
import type { Departure } from './agenda.ts'
import { callOf, markOf, taskIdOf } from './firing.ts'

/**
 * What became of the firings of one entry. `sent`: the broker has them, perhaps from an earlier attempt. `later`: the
 * broker could not take them now. `never`: they cannot be sent as they are.
 */
export type DispatchOutcome = { readonly kind: 'sent' } | { readonly kind: 'later' | 'never'; readonly error: unknown }

/** What is needed of the app. */
export interface DispatchParts {
  /** The app's name. */
  readonly scope: string
  readonly send: (calls: readonly Call[]) => Promise<unknown>
}

/** The calls of one entry; or, where there can be none, why. */
type Prepared = { readonly calls: readonly Call[] } | { readonly outcome: DispatchOutcome }

const SENT: DispatchOutcome = { kind: 'sent' }

export class Dispatch {
  readonly #parts: DispatchParts

  constructor(parts: DispatchParts) {
    this.#parts = parts
  }

  /** Send. Answers an outcome for each entry, in their order; never rejects. `signal` gives up: what is left is for later. */
  async send(departures: readonly Departure[], signal: AbortSignal): Promise<DispatchOutcome[]> {
    const prepared = departures.map((departure) => this.#prepare(departure, signal))
    try {
      await this.#sendAll(prepared.flatMap((each) => ('calls' in each ? each.calls : [])))
      return prepared.map((each) => ('calls' in each ? SENT : each.outcome))
    } catch (error) {
      if (isConnectionError(error) || signal.aborted) return prepared.map(() => ({ kind: 'later', error }))
      return Promise.all(prepared.map(async (each) => ('calls' in each ? this.#sendAlone(each.calls) : each.outcome)))
    }
  }

  async #sendAlone(calls: readonly Call[]): Promise<DispatchOutcome> {
    try {
      await this.#sendAll(calls)
      return SENT
    } catch (error) {
      return { kind: isOperational(error) ? 'later' : 'never', error }
    }
  }

  async #sendAll(calls: readonly Call[]): Promise<void> {
    if (calls.length > 0) await this.#parts.send(calls)
  }

  /**
   * Each is published under the mark of its entry and its instant, so that a beat which sends it again, because the one
   * before it died before it could say that it had sent it, sends nothing; and so does one that was stopped for a while and
   * does not know that another one leads.
   */
  #prepare({ definition, dueMs }: Departure, signal: AbortSignal): Prepared {
    const { scope } = this.#parts
    try {
      const calls = dueMs.map((instant) => {
        const { options, ...call } = callOf(definition)
        const taskId = taskIdOf(scope, { definition, dueMs: instant })
        const once = { key: markOf(scope, definition.name), number: instant }
        return { ...call, once, options: { ...options, taskId, signal } }
      })
      return { calls }
    } catch (error) {
      return { outcome: { kind: 'never', error } }
    }
  }
}
