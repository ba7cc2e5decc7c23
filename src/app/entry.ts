/**
 * Entry: one line of beat's timetable, as a user defines it in code, in the settings or at run time. Which instants it
 * means is its schedule's matter, when it was last due is the beat's.
 */
import { readOptions } from '../canvas/options.ts'
import type { PublishOptions } from '../canvas/options.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { readSchedule } from '../schedule/input.ts'
import type { ScheduleInput } from '../schedule/input.ts'
import type { Schedule } from '../schedule/schedule.ts'
import { camelCase } from '../util/case.ts'
import { isRecord } from '../util/record.ts'
import { didYouMean } from '../util/suggest.ts'

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

/** The fields of an entry as it is given. */
const FIELDS = ['task', 'schedule', 'relative', 'args', 'kwargs', 'options', 'catchUp', 'jitter'] as const
/** A whole entry is an input too, for the same entry with changes. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['name', 'source'])
/** They would be the same for all calls, or are nobody's to choose. */
const FORBIDDEN: ReadonlySet<string> = new Set(['eta', 'taskId', 'addToParent', 'rootId', 'parentId'])

/**
 * The whole of an entry. Names of fields and options may be Celery's too: `catch_up`, `routing_key`. `timezone` is that of
 * texts and crontabs that name none; without it crontabs may get theirs later. Throws `ImproperlyConfigured` for what
 * cannot be.
 */
export function defineEntry(
  name: string,
  input: EntryInput,
  source: EntryDefinition['source'],
  timezone?: string,
): EntryDefinition {
  if (name === '') throw new ImproperlyConfigured('An entry of beat needs a name')
  const {
    task,
    schedule,
    relative = false,
    args = [],
    kwargs = {},
    options = {},
    catchUp = 'once',
    jitter = 0,
  } = fieldsOf(name, input)
  const definition = {
    name,
    task: typeof task === 'string' ? task : '',
    schedule: within(name, () => readSchedule(schedule, { relative, ...(timezone === undefined ? {} : { timezone }) })),
    args,
    kwargs,
    options: readEntryOptions(name, options),
    catchUp,
    jitter,
    source,
  }
  checkValues(definition)
  return definition
}

function fieldsOf(name: string, input: unknown): EntryInput {
  if (!isRecord(input)) throw wrong(name, 'is an object such as { task: "proj.add", schedule: 30 }')
  const fields: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(input)) {
    const field = FIELDS.find((known) => known === camelCase(key))
    if (field !== undefined) fields[field] = value ?? undefined
    else if (!OWN_FIELDS.has(key)) throw wrong(name, `has no "${key}"${didYouMean(key, FIELDS)}`)
  }
  return fields as unknown as EntryInput
}

function readEntryOptions(name: string, given: unknown): EntryOptions {
  if (!isRecord(given)) throw wrong(name, 'has options that are no object')
  const options = within(name, () => readOptions(given))
  const forbidden = Object.keys(options).find((option) => FORBIDDEN.has(option))
  if (forbidden !== undefined)
    throw wrong(name, `cannot have the option "${forbidden}": it would be the same each time`)
  return options
}

function checkValues({ name, task, args, kwargs, catchUp, jitter }: EntryDefinition): void {
  if (task === '') throw wrong(name, 'names no task')
  if (!Array.isArray(args)) throw wrong(name, 'has args that are no list')
  if (!isRecord(kwargs)) throw wrong(name, 'has kwargs that are no object')
  if (!(jitter >= 0) || !Number.isFinite(jitter)) {
    throw wrong(name, `has a jitter that is no number of seconds: ${String(jitter)}`)
  }
  checkCatchUp(name, catchUp)
}

/** What is wrong inside an entry, with its name in front. */
function within<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ImproperlyConfigured(
      `Beat's entry "${name}": ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
  }
}

function wrong(name: string, what: string): ImproperlyConfigured {
  return new ImproperlyConfigured(`Beat's entry "${name}" ${what}`)
}

function checkCatchUp(name: string, catchUp: CatchUp): void {
  if (catchUp === 'skip' || catchUp === 'once') return
  const { every } = catchUp as { readonly every?: unknown }
  if (Number.isSafeInteger(every) && Number(every) > 0) return
  throw wrong(
    name,
    'needs a catchUp of "skip", "once" or { every: 10 }, the number of instants that may be made up for',
  )
}
