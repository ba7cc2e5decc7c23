/**
 * Annotations (Celery's word): changes of task options from outside, by the settings (`taskAnnotations`), for tasks that
 * cannot be changed where they are declared.
 */
import { ImproperlyConfigured } from '../errors.ts'
import { camelCase } from '../util/case.ts'
import { checkTaskOptions } from './options.ts'
import type { TaskOptions } from './options.ts'

/** Changes of a task's options: `{ rateLimit: '10/s' }`. Names may be Python's. */
export type TaskAnnotation = Readonly<Record<string, unknown>>

/** Decides for each task which of its options change; null or undefined for none. */
export interface TaskAnnotator {
  annotate(task: { readonly taskName: string }): TaskAnnotation | null | undefined
}

/** By task name, where `*` is every task. */
export type TaskAnnotations = Readonly<Record<string, TaskAnnotation>>

/** All that the setting may be. */
export type Annotations = TaskAnnotations | readonly (TaskAnnotations | TaskAnnotator)[]

const ALL = '*'
/** These say what the function is like, which nobody else can know. */
const OF_THE_FUNCTION = ['bind', 'params', 'kwargs', 'typing', 'schema'] as const

/** The options in an annotation. Throws `ImproperlyConfigured` for one that there is not, or that is the function's own. */
export function readAnnotation(where: string, annotation: TaskAnnotation): TaskOptions {
  const options = Object.fromEntries(Object.entries(annotation).map(([name, value]) => [camelCase(name), value]))
  checkTaskOptions(where, options)
  const own = OF_THE_FUNCTION.find((name) => name in options)
  if (own === undefined) return options
  throw new ImproperlyConfigured(
    `${where}: the option "${own}" belongs to the function; say it where the task is declared`,
  )
}

/**
 * What changes for a task: the first annotation in the list that names it, and over it the first that is for all, as in
 * Celery. Throws as `readAnnotation`.
 */
export function annotationOf(annotations: Annotations | null, taskName: string): TaskOptions {
  if (annotations === null) return {}
  const list = Array.isArray(annotations) ? (annotations as readonly unknown[]) : [annotations]
  const own = firstOf(list, (one) => (isAnnotator(one) ? one.annotate({ taskName }) : entryOf(one, taskName)))
  const all = firstOf(list, (one) => (isAnnotator(one) ? undefined : entryOf(one, ALL)))
  return readAnnotation(`taskAnnotations["${taskName}"]`, { ...own, ...all })
}

/** Is it an object with a method `annotate`, and not a table in which a task has that name? */
export function isAnnotator(value: unknown): value is TaskAnnotator {
  return typeof value === 'object' && value !== null && 'annotate' in value && typeof value.annotate === 'function'
}

function entryOf(table: unknown, name: string): TaskAnnotation | undefined {
  const entries = table as TaskAnnotations
  return Object.hasOwn(entries, name) ? entries[name] : undefined
}

function firstOf(
  list: readonly unknown[],
  find: (one: unknown) => TaskAnnotation | null | undefined,
): TaskAnnotation | undefined {
  for (const one of list) {
    const found = find(one)
    if (found !== undefined && found !== null) return found
  }
  return undefined
}
