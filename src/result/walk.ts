/** The walk downwards: from a result to those of the tasks that it called, as the backend knows them. */
import { IncompleteStream } from '../errors.ts'
import type { Result } from './result.ts'

/** How far a walk may go. */
export interface WalkOptions {
  /** Pass over tasks that have not ended, instead of throwing `IncompleteStream`. Default false. */
  readonly intermediate?: boolean
}

/** A result, behind the one that led to it. */
export type Step = [caller: Result | undefined, result: Result]

/**
 * This result and all below it, callers first (Celery's `iterdeps`). Whether a task has ended is asked after it was
 * handed out, so that whoever walks may wait for it.
 */
export async function* walk(start: Result, options: WalkOptions = {}): AsyncGenerator<Step> {
  const steps: Step[] = [[undefined, start]]
  // Grows while it is read.
  for (const step of steps) {
    yield step
    for (const child of await childrenOf(step[1], options)) steps.push([step[1], child])
  }
}

async function childrenOf(result: Result, options: WalkOptions): Promise<readonly Result[]> {
  // A group is ready when its members are, and they come next.
  if (result.results !== undefined) return result.results
  const children = await result.childrenWhenReady()
  if (children !== undefined) return children
  if (options.intermediate === true) return []
  throw new IncompleteStream(`The task ${result.id} has not ended yet, so that what it called is not known`)
}
