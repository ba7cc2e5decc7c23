/**
 * The execution that the current code belongs to: the only ambient state. It follows promises and timers
 * (`AsyncLocalStorage`), so that a task that calls another becomes its parent without passing anything on.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ResultTuple } from './protocol/result.ts'

/** What code below a running task may need to know of it. */
export interface ActiveExecution {
  readonly taskId: string
  readonly rootId: string
  /** The priority that the task came with, for `taskInheritParentPriority`. */
  readonly priority: number | undefined
  /** Results of the calls made so far; stored as `children`. Written by the app when it publishes. */
  readonly children: ResultTuple[]
  /** Waiting for another task's result here may take the last slot that this result needs. */
  readonly joinWillBlock: boolean
  /** The task's own context object, which `currentTask()` gives out. */
  readonly context: unknown
}

const storage = new AsyncLocalStorage<ActiveExecution | undefined>()

/** The execution that this code belongs to, or undefined outside of tasks. */
export function activeExecution(): ActiveExecution | undefined {
  return storage.getStore()
}

/** Run `work` as part of `execution`. */
export function runInExecution<E extends ActiveExecution, T>(execution: E, work: (execution: E) => T): T {
  return storage.run(execution, work, execution)
}

/** Run `work` as part of no task: the calls that it makes are nobody's children, whatever it runs in between. */
export function runOutside<T>(work: () => T): T {
  // Not `exit`: after a `run` inside of that, Node 20 is back in the execution.
  return storage.run(undefined, work)
}
