/**
 * The tasks that a `State` remembers, so many at most: the one that was heard of first is forgotten first. Parents and
 * children are put together here, in whatever order they are heard of.
 */
import { TaskRecord } from './task-record.ts'

/** So many unknown parents are waited for, for each task that is remembered: it has one, unless its events contradict. */
const PARENTS_A_TASK = 4

export class TaskTable {
  readonly #maxSize: number
  readonly #tasks = new Map<string, TaskRecord>()
  /** Children of tasks that nothing was heard of yet, by the parent's id. */
  readonly #orphans = new Map<string, Set<TaskRecord>>()

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /** By id. */
  get all(): ReadonlyMap<string, TaskRecord> {
    return this.#tasks
  }

  get(uuid: string): TaskRecord | undefined {
    return this.#tasks.get(uuid)
  }

  /** A task that was not known before. */
  add(uuid: string): TaskRecord {
    if (this.#tasks.size >= this.#maxSize) {
      const [oldest] = this.#tasks.values()
      if (oldest !== undefined) this.forget(oldest)
    }
    const task = new TaskRecord(uuid, this.#tasks)
    this.#tasks.set(uuid, task)
    return task
  }

  /** Nothing here keeps it from now on. */
  forget(task: TaskRecord): void {
    const { uuid, parentId } = task
    this.#tasks.delete(uuid)
    task.forget()
    if (parentId !== undefined && this.#orphans.get(parentId)?.size === 0) this.#orphans.delete(parentId)
  }

  /** Put the task together with its parent and its children, as far as they are known. */
  relate(task: TaskRecord): void {
    if (task.parentId !== undefined) this.#addToParent(task, task.parentId)
    if (this.#orphans.size > 0) this.#adopt(task)
  }

  /** A parent that is heard of by its children is remembered longer. */
  #addToParent(task: TaskRecord, parentId: string): void {
    const parent = this.#tasks.get(parentId)
    if (parent !== undefined) {
      this.#tasks.delete(parentId)
      this.#tasks.set(parentId, parent)
      parent.addChild(task)
      return
    }
    let orphans = this.#orphans.get(parentId)
    if (orphans === undefined) {
      const [oldest] = this.#orphans.keys()
      if (oldest !== undefined && this.#orphans.size >= this.#maxSize * PARENTS_A_TASK) this.#orphans.delete(oldest)
      this.#orphans.set(parentId, (orphans = new Set()))
    }
    task.join(orphans)
  }

  #adopt(parent: TaskRecord): void {
    const orphans = this.#orphans.get(parent.uuid)
    if (orphans === undefined) return
    this.#orphans.delete(parent.uuid)
    for (const child of orphans) parent.addChild(child)
  }
}
