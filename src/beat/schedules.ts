/**
 * The timetable from outside: what is on it, and changes at run time. It works whether or not a beat is running; one that
 * runs takes up a change within about a second.
 */
import type { Call } from '../app/call.ts'
import { defineEntry } from '../app/entry.ts'
import type { EntryDefinition, EntryInput } from '../app/entry.ts'
import { EntryNotFound, ImproperlyConfigured } from '../errors.ts'
import type { AsyncResult } from '../result/async-result.ts'
import type { Clock } from '../util/clock.ts'
import { didYouMean } from '../util/suggest.ts'
import { callOf } from './firing.ts'
import { mergeTimetable } from './merge.ts'
import type { TimetableRow } from './merge.ts'
import type { BeatStore } from './store.ts'

/** An entry, and where it stands. */
export interface EntryInfo extends EntryDefinition {
  readonly paused: boolean
  /** The last instant at which it was due and dealt with; undefined where it was never sent. */
  readonly lastRunAt: Date | undefined
  /** How often beat has sent it. */
  readonly totalRunCount: number
  /** When it is due next; in the past where that was missed so far. Undefined while it is paused, and at its end. */
  readonly nextRunAt: Date | undefined
}

/** What is needed of the app. */
export interface TimetableParts {
  /** Those of its code. */
  readonly entries: () => Promise<readonly EntryDefinition[]>
  readonly clock: Clock
  readonly store: () => Promise<BeatStore>
  /** Rejects where the settings are wrong. */
  readonly timezone: () => Promise<string>
  readonly send: (calls: readonly Call[]) => Promise<AsyncResult[]>
}

/** `app.schedule`. */
export class Schedules {
  readonly #parts: TimetableParts

  constructor(parts: TimetableParts) {
    this.#parts = parts
  }

  /** All entries: those of code and settings, then those that were added at run time. */
  async list(): Promise<EntryInfo[]> {
    const nowMs = this.#parts.clock.now()
    return (await this.#rows()).map((row) => describe(row, nowMs))
  }

  /** Add an entry. Throws `ImproperlyConfigured` where it makes no sense, and where there is one of this name. */
  async add(name: string, input: EntryInput): Promise<void> {
    const definition = defineEntry(name, input, 'runtime', await this.#parts.timezone())
    if ((await this.#find(name)) !== undefined) {
      throw new ImproperlyConfigured(`There is an entry "${name}" already: change it, or choose another name`)
    }
    await (await this.#parts.store()).putEntry(definition)
  }

  /**
   * Change an entry that was added at run time; what is left out stays. When it was last due stays too, and so the next
   * instant is the first one after that. Throws `EntryNotFound`, `ImproperlyConfigured` for an entry of the code.
   */
  async change(name: string, changes: Partial<EntryInput>): Promise<void> {
    const { definition } = await this.#get(name)
    refuseCode(definition, 'change')
    const changed = defineEntry(name, { ...definition, ...changes }, 'runtime', await this.#parts.timezone())
    await (await this.#parts.store()).putEntry(changed)
  }

  /** Let an entry rest. What is due meanwhile is not made up for. Throws `EntryNotFound`. */
  async pause(name: string): Promise<void> {
    await this.#get(name)
    await (await this.#parts.store()).pause(name)
  }

  /** Let a paused entry go on from now. Harmless where it is not paused. Throws `EntryNotFound`. */
  async resume(name: string): Promise<void> {
    const { paused } = await this.#get(name)
    if (paused) await (await this.#parts.store()).resume(name, this.#parts.clock.now())
  }

  /** Send the entry's task now, also of a paused one. Its timetable does not change by that. Throws `EntryNotFound`. */
  async run(name: string): Promise<AsyncResult> {
    const { definition } = await this.#get(name)
    const [result] = await this.#parts.send([callOf(definition)])
    return result as AsyncResult
  }

  /** Remove an entry that was added at run time. Throws `EntryNotFound`, `ImproperlyConfigured` for an entry of the code. */
  async remove(name: string): Promise<void> {
    const { definition } = await this.#get(name)
    refuseCode(definition, 'remove')
    await (await this.#parts.store()).removeEntries([name])
  }

  async #rows(): Promise<readonly TimetableRow[]> {
    const { entries } = await (await this.#parts.store()).load()
    return mergeTimetable(await this.#parts.entries(), entries).rows
  }

  async #find(name: string): Promise<TimetableRow | undefined> {
    return (await this.#rows()).find(({ definition }) => definition.name === name)
  }

  async #get(name: string): Promise<TimetableRow> {
    const rows = await this.#rows()
    const row = rows.find(({ definition }) => definition.name === name)
    if (row !== undefined) return row
    const names = rows.map(({ definition }) => definition.name)
    throw new EntryNotFound(name, didYouMean(name, names))
  }
}

function describe({ definition, state, paused }: TimetableRow, nowMs: number): EntryInfo {
  const totalRunCount = state?.totalRunCount ?? 0
  const nextMs = paused ? undefined : definition.schedule.next(state?.lastDueMs ?? nowMs)
  return {
    ...definition,
    paused,
    lastRunAt: state === undefined || totalRunCount === 0 ? undefined : new Date(state.lastDueMs),
    totalRunCount,
    nextRunAt: nextMs === undefined ? undefined : new Date(nextMs),
  }
}

function refuseCode({ name, source }: EntryDefinition, verb: string): void {
  if (source === 'runtime') return
  throw new ImproperlyConfigured(
    `The entry "${name}" stands in the app's code or settings: ${verb} it there. Here it can be paused`,
  )
}
