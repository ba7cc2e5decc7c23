/** The tasks of one app, by name. */
import { AlreadyRegistered, NotRegistered } from '../errors.ts'
import type { Task, TaskDefinition } from './task.ts'

/** A task with its definition. */
export interface RegisteredTask {
  readonly definition: TaskDefinition
  readonly task: Task
}

/** Tasks by name. */
export class TaskRegistry {
  readonly #tasks = new Map<string, RegisteredTask>()

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
    return this.#tasks.has(name)
  }

  /** The callable task, or undefined. */
  get(name: string): Task | undefined {
    return this.#tasks.get(name)?.task
  }

  /** What the worker runs, or undefined. */
  definition(name: string): TaskDefinition | undefined {
    return this.#tasks.get(name)?.definition
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
}
