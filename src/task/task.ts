/**
 * Task: a function with a name that can also be called elsewhere. `TaskDefinition` is what the worker runs, `Task` the
 * callable object that users hold; the types of arguments and result flow from the function to both.
 */
import type { AsyncResult } from '../result/async-result.ts'
import type { EagerResult } from '../result/eager-result.ts'
import { chunks, starmap, xmap } from '../canvas/chunks.ts'
import type { Chunks } from '../canvas/chunks.ts'
import { createSignature } from '../canvas/signature.ts'
import type { Signature } from '../canvas/signature.ts'
import type { TakenInFront } from '../canvas/types.ts'
import type { Host } from '../canvas/host.ts'
import type { PublishOptions } from '../canvas/options.ts'
import { annotationOf } from './annotations.ts'
import type { Annotations } from './annotations.ts'
import { callOptions, resolvePolicy } from './options.ts'
import type { TaskDefaults, TaskOptions, TaskPolicy } from './options.ts'
import { bindArguments, readParameters } from './parameters.ts'
import type { Parameters } from './parameters.ts'
import type { TaskContext } from './context.ts'
import { validateArguments } from './schema.ts'

/** The settings that tasks look at. */
export interface TaskSettings extends TaskDefaults {
  readonly taskAnnotations: Annotations | null
}

/** What a task needs of its app. */
export interface TaskHost extends Host {
  /** The settings behind options; the same object until they change. */
  taskDefaults(): TaskSettings
  /** Run a task here and now. */
  applyTask(definition: TaskDefinition, args: readonly unknown[], options: PublishOptions): Promise<EagerResult>
  /** Send an event from this node. Resolves when the broker has it, or is known to be away: then it is kept for later. */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>>, hostname: string): Promise<void>
  /** A context for a call like a function's, outside of any worker. */
  directContext(definition: TaskDefinition, args: readonly unknown[]): TaskContext
}

/** The user's function. A bound one gets its `TaskContext` first. */
export type TaskFunction = (...args: never[]) => unknown

/** One task as an app knows it. */
export class TaskDefinition {
  readonly name: string
  /** As the task was declared. */
  readonly declared: TaskOptions
  readonly parameters: Parameters
  readonly fn: TaskFunction
  readonly #host: TaskHost
  #settings: TaskSettings | undefined
  #options: TaskOptions | undefined
  #policy: TaskPolicy | undefined
  #callOptions: PublishOptions | undefined
  /** What was changed while a worker runs. */
  #changes: Partial<TaskPolicy> = {}

  constructor(name: string, fn: TaskFunction, options: TaskOptions, host: TaskHost) {
    this.name = name
    this.fn = fn
    this.declared = options
    this.#host = host
    this.parameters = readParameters(fn, {
      name,
      bound: options.bind ?? false,
      params: options.params,
      kwargs: options.kwargs ?? false,
      // A schema knows better which arguments may be left out.
      typing: (options.typing ?? true) && options.schema === undefined,
    })
  }

  /** As it was declared, with what the settings change (`taskAnnotations`). */
  get options(): TaskOptions {
    const { taskAnnotations } = this.#readSettings()
    return (this.#options ??= { ...this.declared, ...annotationOf(taskAnnotations, this.name) })
  }

  /** Options with the settings behind them. */
  get policy(): TaskPolicy {
    const settings = this.#readSettings()
    return (this.#policy ??= { ...resolvePolicy(this.options, settings), ...this.#changes })
  }

  /** What is made of them is made again when they are no longer the same object. */
  #readSettings(): TaskSettings {
    const settings = this.#host.taskDefaults()
    if (settings !== this.#settings) {
      this.#settings = settings
      this.#options = undefined
      this.#policy = undefined
      this.#callOptions = undefined
    }
    return settings
  }

  /** Change the policy from now on, whatever options and settings say (remote control). */
  change(changes: Partial<TaskPolicy>): void {
    this.#changes = { ...this.#changes, ...changes }
    this.#policy = undefined
    this.#callOptions = undefined
  }

  /** What the task says about each of its calls; the call's own options win. The same object until settings change. */
  get callOptions(): PublishOptions {
    const { policy, options } = this
    return (this.#callOptions ??= callOptions(options, policy))
  }

  /**
   * Throws, or rejects with, the `TypeError` that the worker would fail with: wrong arguments are the caller's to mend.
   * A promise only where a schema needs one.
   */
  check(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): Promise<unknown> | undefined {
    const { typing, schema } = this.declared
    if (typing === false && schema === undefined) return undefined
    const bound = this.bindArguments(args, kwargs)
    const checked = schema === undefined ? bound : validateArguments(schema, bound, this.parameters)
    return isList(checked) ? undefined : checked
  }

  /** Positional and named arguments as the function wants them. Throws `TypeError`, worded as Python's. */
  bindArguments(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): readonly unknown[] {
    return bindArguments(this.parameters, args, kwargs)
  }

  /** Call the function. Asks `run` for the context only where the task is bound. */
  invoke(run: { readonly context: TaskContext }, args: readonly unknown[]): unknown {
    const fn = this.fn as (...all: unknown[]) => unknown
    return this.declared.bind === true ? fn(run.context, ...args) : fn(...args)
  }
}

function isList(checked: readonly unknown[] | Promise<unknown>): checked is readonly unknown[] {
  return Array.isArray(checked)
}

/** The leading arguments that nobody can leave out. */
export type RequiredArguments<A extends unknown[]> = A extends [infer First, ...infer Rest]
  ? [First, ...RequiredArguments<Rest>]
  : []

/** `T` without as many of its last elements as `P` has. */
type DropLast<T extends unknown[], P extends unknown[]> = P extends [unknown, ...infer PRest]
  ? T extends [...infer TRest, unknown]
    ? DropLast<TRest, PRest>
    : []
  : T

type Suffixes<T extends unknown[]> = T extends [unknown, ...infer Rest] ? T | Suffixes<Rest> : []

/** What a signature may hold: all arguments, or the last ones; the others come in front of them later. */
export type SignatureArguments<A extends unknown[]> = A | Suffixes<RequiredArguments<A>>

/** What a signature that holds `P` still lacks; of a function with any number of arguments, nobody can tell. */
export type MissingArguments<A extends unknown[], P extends unknown[]> = number extends A['length']
  ? A
  : DropLast<RequiredArguments<A>, P>

/** Publish options with at least one named argument. */
export type NamedOptions = PublishOptions & { readonly kwargs: Readonly<Record<string, unknown>> }

/** A task: call it like the function it is, or send it. `A` are its arguments, `R` is what it answers in the end. */
export interface Task<A extends unknown[] = unknown[], R = unknown, Returned = R | Promise<R>> {
  /** Run it here, in this process, like any function. */
  (...args: A): Returned
  readonly taskName: string
  /** As it was declared. */
  readonly options: TaskOptions
  /** Send it. Resolves once the broker has it. Rejects with `OperationalError` when it cannot be had. */
  delay(...args: A): Promise<AsyncResult<R>>
  /** Send it, with options. Arguments may be left to `kwargs`. */
  applyAsync(args: A, options?: PublishOptions): Promise<AsyncResult<R>>
  applyAsync(args: Partial<A>, options: NamedOptions): Promise<AsyncResult<R>>
  /** Run it here and now as a worker would, with retries, hooks and links. */
  apply(args: A, options?: PublishOptions): Promise<EagerResult<R>>
  /** A signature: this call, not made yet. Arguments that are left out come in front later. */
  s<P extends SignatureArguments<A>>(...args: P): Signature<MissingArguments<A, P>, R, TakenInFront<A, P>>
  /** A signature that takes no further arguments. */
  si(...args: A): Signature<[], R, unknown>
  /** A signature with options. */
  signature(args: A, options: PublishOptions & { readonly immutable: true }): Signature<[], R, unknown>
  signature(args: A, options?: PublishOptions & { readonly immutable?: boolean }): Signature<[], R, TakenInFront<A, A>>
  /** One message that calls the task with each item in turn, in one worker. Answers a list. */
  map(items: Iterable<A[0]>): Signature<[], R[], unknown>
  /** One message that calls the task with the arguments of each item in turn. Answers a list. */
  starmap(items: Iterable<A>): Signature<[], R[], unknown>
  /** Call it with the arguments of each item, `n` calls a message. Answers a list of lists. */
  chunks(items: Iterable<A>, n: number): Chunks<R>
}

/** The callable object over a definition. */
export function createTask(definition: TaskDefinition, host: TaskHost): Task {
  const { name } = definition
  const call = (...args: unknown[]): unknown => {
    const run = {
      get context() {
        return host.directContext(definition, args)
      },
    }
    return definition.invoke(run, definition.bindArguments(args, {}))
  }
  const verbs = {
    taskName: name,
    options: definition.declared,
    delay: (...args: unknown[]) => host.call(name, args),
    applyAsync: (args: readonly unknown[], options?: PublishOptions) => host.call(name, args, options),
    apply: (args: readonly unknown[], options: PublishOptions = {}) => host.applyTask(definition, args, options),
    s: (...args: unknown[]) => createSignature(host, name, args),
    si: (...args: unknown[]) => createSignature(host, name, args, { immutable: true }),
    signature: (args: readonly unknown[], options?: PublishOptions & { immutable?: boolean }) =>
      createSignature(host, name, args, options),
    map: (items: Iterable<unknown>) => xmap(createSignature<[unknown], unknown>(host, name, []), items),
    starmap: (items: Iterable<unknown[]>) => starmap(createSignature(host, name, []), items),
    chunks: (items: Iterable<unknown[]>, n: number) => chunks(createSignature(host, name, []), items, n),
  }
  Object.defineProperty(call, 'name', { value: name })
  return Object.assign(call, verbs) as unknown as Task
}
