/**
 * Entries: what an app's own code puts on beat's timetable, in its settings or with `addPeriodicTask`. What is added at run
 * time lies in the beat's store.
 */
import { fromWireOptions, mergeOptions } from '../canvas/options.ts'
import type { AnySignature, Signature } from '../canvas/signature.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { ScheduleInput } from '../schedule/input.ts'
import { repr } from '../util/repr.ts'
import { defineEntry } from './entry.ts'
import type { EntryDefinition, EntryInput, EntryOptions } from './entry.ts'
import type { Settings } from './settings.ts'

/** What `addPeriodicTask` takes besides schedule and signature: options of the calls, and those of the entry. */
export interface PeriodicTaskOptions extends EntryOptions, Pick<EntryInput, 'relative' | 'catchUp' | 'jitter'> {
  /** Default: the signature's text, such as `proj.add(2, 2)`. An earlier entry of the same name goes. */
  readonly name?: string
}

/** A signature that lacks no argument; of one that is made by name nobody knows. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what it answers is nobody's matter here
export type Complete<A extends unknown[]> = Signature<A, any, never, any> &
  (unknown[] extends A ? unknown : { readonly missing: [] })

/** What there is in the settings, which may change. */
type EntrySettings = Pick<Settings, 'beatSchedule' | 'timezone'>

export class Entries {
  readonly #settings: () => EntrySettings
  readonly #added = new Map<string, EntryInput>()

  constructor(settings: () => EntrySettings) {
    this.#settings = settings
  }

  /** Add an entry; one of the same name goes. Throws `ImproperlyConfigured` for what cannot be. */
  add(name: string, input: EntryInput): void {
    defineEntry(name, input, 'app')
    this.#added.set(name, input)
  }

  /** Add a signature. Answers the entry's name. Throws `ImproperlyConfigured` for what cannot be. */
  addSignature(schedule: ScheduleInput, signature: AnySignature, options: PeriodicTaskOptions = {}): string {
    const { name = describe(signature), relative = false, catchUp, jitter, ...own } = options
    const { task, args, kwargs, data } = signature
    if (data.subtask_type !== null) {
      throw new ImproperlyConfigured(
        `Beat's entry "${name}" is a ${data.subtask_type}, which is no single call: give it a task that sends the ${data.subtask_type}`,
      )
    }
    const input = {
      task,
      args,
      kwargs,
      schedule,
      relative,
      options: mergeOptions(fromWireOptions(data.options), own),
      ...(catchUp === undefined ? {} : { catchUp }),
      ...(jitter === undefined ? {} : { jitter }),
    }
    this.add(name, input)
    return name
  }

  /** All of them: those of the settings, then the others in the order in which they came. In the zone of the settings. */
  all(): readonly EntryDefinition[] {
    const { beatSchedule, timezone } = this.#settings()
    const inputs = new Map([...Object.entries(beatSchedule), ...this.#added])
    return [...inputs].map(([name, input]) => defineEntry(name, input, 'app', timezone))
  }
}

/** As Celery writes a signature: `proj.add(2, y=2)`. */
function describe({ task, args, kwargs }: AnySignature): string {
  const named = Object.entries(kwargs).map(([name, value]) => `${name}=${repr(value)}`)
  return `${task}(${[...args.map((value) => repr(value)), ...named].join(', ')})`
}
