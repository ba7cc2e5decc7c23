/**
 * The tasks of this side that random work-flows are made of, and what the tasks of both sides note: which ran, and what it
 * was given. The other side's are in `python/interop.py`. The last argument of each is its own: its mark, which says
 * whose run it belongs to (`labelled`).
 */
import type { Celery, TaskContext } from '../../src/index.ts'
import type { LeafKind, Spec } from '../support/flows.ts'
import type { PythonClient } from '../support/python-celery.ts'

/** That a task ran. An errback was given the failed task's id, and its error's text if it was called with the error. */
export type Note = readonly [kind: LeafKind, given: readonly unknown[], mark: number]

/** Marks of one run differ by less. */
const RUN_SIZE = 1000

/** Add the tasks of this side. Answers what they note, in their order. */
export function declareFlowTasks(app: Celery): readonly Note[] {
  const notes: Note[] = []
  const note = (kind: LeafKind, args: readonly unknown[]): void => {
    notes.push([kind, args.slice(0, -1), args.at(-1) as number])
  }
  app.task('ts.flow.t', (...args: unknown[]) => {
    note('t', args)
    return args
  })
  app.task('ts.flow.fail', { bind: true }, (self: TaskContext, ...args: unknown[]) => {
    const mark = args.at(-1)
    note('fail', [self.request.id, mark])
    throw new RangeError(String(mark))
  })
  app.task('ts.flow.note', (...args: unknown[]) => {
    note('note', args)
    return args
  })
  // Bound ones are always sent as a task.
  app.task('ts.flow.told', { bind: true }, (_: TaskContext, ...args: unknown[]) => {
    note('told', args)
  })
  app.task('ts.flow.caught', (...args: unknown[]) => {
    note('caught', args.length === 4 ? caughtHere(args) : args)
  })
  return notes
}

function caughtHere([request, error, , mark]: readonly unknown[]): unknown[] {
  return [(request as { readonly id: string }).id, (error as Error).message, mark]
}

/** What the tasks of Python have noted. */
export function notedInPython(python: PythonClient): Promise<readonly Note[]> {
  return python.evaluate('flows.noted(app)')
}

/** A work-flow whose marks, and items of calls, belong to this run: other runs have other ones. Which are even stays. */
export function labelled(spec: Spec, run: number): Spec {
  return label(spec, run) as Spec
}

/** The notes of each run. */
export function byRun(notes: readonly Note[]): ReadonlyMap<number, readonly Note[]> {
  const runs = new Map<number, Note[]>()
  for (const note of notes) {
    const run = Math.floor(note[2] / RUN_SIZE)
    const known = runs.get(run)
    if (known === undefined) runs.set(run, [note])
    else known.push(note)
  }
  return runs
}

/** A text with the marks that the work-flow had. */
export function unlabelled(text: string): string {
  return text.replaceAll(/\d{4,}/g, (mark) => String(Number(mark) % RUN_SIZE))
}

function label(one: unknown, run: number): unknown {
  if (typeof one === 'number') return one + RUN_SIZE * run
  if (!Array.isArray(one)) return one
  // The size of a chunk is no mark.
  const fixed = one[0] === 'chunks' || one[0] === 'chunked' ? one.slice(-1) : []
  return [...one.slice(0, one.length - fixed.length).map((each) => label(each, run)), ...(fixed as unknown[])]
}
