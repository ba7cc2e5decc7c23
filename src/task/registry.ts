/** The tasks of one app, by name. */
import { AlreadyRegistered, NotRegistered } from '../errors.ts'
import { BUILTIN_PREFIX } from '../protocol/names.ts'
import type { Task, TaskDefinition } from './task.ts'

/** A task with its definition. */
export interface RegisteredTask {
  readonly definition: TaskDefinition
  readonly task: Task
}

/** Makes a task that every app has; undefined where there is none of this name. */
export type MakeBuiltin = (name: string) => RegisteredTask | undefined

/** Tasks by name. Those that every app has can be asked for, and are not listed. */
export class TaskRegistry {
  readonly #tasks = new Map<string, RegisteredTask>()
  readonly #builtins = new Map<string, RegisteredTask>()
  readonly #makeBuiltin: MakeBuiltin | undefined

  constructor(makeBuiltin?: MakeBuiltin) {
    this.#makeBuiltin = makeBuiltin
  }

  /** Add a task. Throws `AlreadyRegistered` when another function has the name. */
  register(entry: RegisteredTask): void {
    const { name, fn } = entry.definition
    const known = this.#tasks.get(name)
    if (known !== undefined && known.definition.fn !== fn) throw new AlreadyRegistered(name)
    this.#tasks.set(name, entry)
  }

  /** Forget a task. Throws `NotRegistered` where there is none of that name. */
  unregister(name: string): void {
    if (!this.#tasks.delete(name)) throw new NotRegistered(name)
  }

  /** Is there a task of this name? */
  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** The callable task, or undefined. */
  get(name: string): Task | undefined {
    return this.#find(name)?.task
  }

  /** What the worker runs, or undefined. */
  definition(name: string): TaskDefinition | undefined {
    return this.#find(name)?.definition
  }

  /** All names, sorted. */
  names(): string[] {
    return [...this.#tasks.keys()].sort()
  }

  /** Names and tasks, in the order they were declared. */
  *[Symbol.iterator](): IterableIterator<[string, Task]> {
    for (const [name, { task }] of this.#tasks) yield [name, task]
  }

  /** What the worker runs, in the order it was declared. */
  definitions(): TaskDefinition[] {
    return [...this.#tasks.values()].map((entry) => entry.definition)
  }

  /** How many tasks there are. */
  get size(): number {
    return this.#tasks.size
  }

  #find(name: string): RegisteredTask | undefined {
    return this.#tasks.get(name) ?? (name.startsWith(BUILTIN_PREFIX) ? this.#builtin(name) : undefined)
  }

  /** Made when it is first asked for, for most apps never ask. */
  #builtin(name: string): RegisteredTask | undefined {
    const known = this.#builtins.get(name) ?? this.#makeBuiltin?.(name)
    if (known !== undefined) this.#builtins.set(name, known)
    return known
  }
}
