/**
 * Entry: one line of beat's timetable, as a user defines it in code, in the settings or at run time. Which instants it
 * means is its schedule's matter, when it was last due is the beat's.
 */
import type { PublishOptions } from '../canvas/options.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { readSchedule } from '../schedule/input.ts'
import type { ScheduleInput } from '../schedule/input.ts'
import type { Schedule } from '../schedule/schedule.ts'

/**
 * What becomes of the instants that were missed, because no beat ran then or the clock was set forward: none of them is
 * sent (`skip`), the latest one (`once`, as in Celery), or each of the latest `every`.
 */
export type CatchUp = 'skip' | 'once' | { readonly every: number }

/** What may be said of the calls that an entry makes. Times that are no durations would be the same for all of them. */
export type EntryOptions = Omit<
  PublishOptions,
  'kwargs' | 'eta' | 'taskId' | 'signal' | 'addToParent' | 'rootId' | 'parentId'
>

/** An entry as it is given; what is left out has its default. */
export interface EntryInput {
  /** The task's name; it needs not be registered here. */
  readonly task: string
  /** A schedule, a number of seconds, or a text such as `0 9 * * mon-fri`. */
  readonly schedule: ScheduleInput
  /** A number of seconds counts on round times, see `IntervalOptions`. Default false. */
  readonly relative?: boolean
  /** Default none. Functions among them are called when the task is sent, and what they answer is sent. */
  readonly args?: readonly unknown[]
  /** Named arguments. Default none. Functions among them likewise. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** As for `applyAsync`: queue, expires, priority ... `expires` is seconds from when it is sent. */
  readonly options?: EntryOptions
  /** Default `once`. */
  readonly catchUp?: CatchUp
  /**
   * Sent up to so many seconds after it is due, each time another, so that entries with the same schedule do not all come
   * at once. Default 0.
   */
  readonly jitter?: number
}

/** An entry with all that there is to it. */
export interface EntryDefinition extends Required<Omit<EntryInput, 'relative'>> {
  /** Unique among the entries of an app. */
  readonly name: string
  readonly schedule: Schedule
  /** Who defined it: code and settings, or somebody at run time. */
  readonly source: 'app' | 'runtime'
}

/**
 * The whole of an entry. `timezone` is that of texts and crontabs that name none; without it crontabs may get theirs later.
 * Throws `ImproperlyConfigured` for what cannot be.
 */
export function defineEntry(
  name: string,
  input: EntryInput,
  source: EntryDefinition['source'],
  timezone?: string,
): EntryDefinition {
  const { task, relative = false, args = [], kwargs = {}, options = {}, catchUp = 'once', jitter = 0 } = input
  if (name === '') throw new ImproperlyConfigured('An entry of beat needs a name')
  if (task === '') throw new ImproperlyConfigured(`The entry "${name}" names no task`)
  if (!(jitter >= 0) || !Number.isFinite(jitter)) {
    throw new ImproperlyConfigured(`The jitter of the entry "${name}" is a number of seconds, not ${String(jitter)}`)
  }
  checkCatchUp(name, catchUp)
  const schedule = readSchedule(input.schedule, { relative, ...(timezone === undefined ? {} : { timezone }) })
  return { name, task, schedule, args, kwargs, options, catchUp, jitter, source }
}

function checkCatchUp(name: string, catchUp: CatchUp): void {
  if (catchUp === 'skip' || catchUp === 'once') return
  const { every } = catchUp as { readonly every?: unknown }
  if (Number.isSafeInteger(every) && Number(every) > 0) return
  throw new ImproperlyConfigured(
    `catchUp of the entry "${name}" is "skip", "once" or { every: 10 }, the number of instants that may be made up for`,
  )
}
