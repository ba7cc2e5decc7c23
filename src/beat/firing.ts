/**
 * Firing: one due instant of one entry, and the call that it becomes. Its name follows from both, and its task id from its
 * name, so that whoever sends it a second time sends the same.
 */
import type { Call } from '../app/call.ts'
import type { EntryDefinition } from '../app/entry.ts'
import { uuid5 } from '../util/uuid.ts'

/** One due instant of one entry. */
export interface Firing {
  readonly definition: EntryDefinition
  /** Unix milliseconds. */
  readonly dueMs: number
}

/** Made up once, for the names of firings. */
const NAMESPACE = '6c6a2f8e-5a0f-4f0e-9d7e-0b6f2f1a7c55'
/** So many values a jitter may have. */
const JITTER_STEPS = 0x1_0000_0000

/** The id of a firing's task, in an app of this name. */
export function taskIdOf(scope: string, { definition, dueMs }: Firing): string {
  return uuid5(NAMESPACE, JSON.stringify([scope, definition.name, dueMs]))
}

/** Under which an app's entry is published: of one mark each instant once. */
export function markOf(scope: string, name: string): string {
  return JSON.stringify(['beat', scope, name])
}

/** How long after it is due a firing is sent, in milliseconds: from 0 up to the entry's jitter, the same for all beats. */
export function jitterOf({ definition, dueMs }: Firing): number {
  if (definition.jitter === 0) return 0
  const digits = uuid5(NAMESPACE, JSON.stringify([definition.name, dueMs])).slice(0, 8)
  return Math.floor((Number.parseInt(digits, 16) / JITTER_STEPS) * definition.jitter * 1000)
}

/** What an entry sends. Throws what a function among its arguments throws. */
export function callOf({ task, args, kwargs, options }: EntryDefinition): Call {
  const named = Object.entries(kwargs).map(([name, value]): [string, unknown] => [name, valueOf(value)])
  return { name: task, args: args.map(valueOf), options: { ...options, kwargs: Object.fromEntries(named) } }
}

/** Functions are called when the task is sent (Celery's `BeatLazyFunc`): no serializer would take them. */
function valueOf(argument: unknown): unknown {
  return typeof argument === 'function' ? (argument as () => unknown)() : argument
}
