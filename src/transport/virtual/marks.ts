/** Marks: which publications with `once` are new. Where the marks are kept is the store's matter. */
import type { Once } from '../transport.ts'

/** What of a store's entries carries a mark. */
export interface Marked {
  readonly once?: Once | undefined
}

/**
 * The entries that are to be stored, and the marks that are to be written in the same step. `read` answers the mark of a
 * key, undefined where there is none.
 */
export function chooseNew<E extends Marked>(
  entries: readonly E[],
  read: (key: string) => number | undefined,
): { readonly chosen: readonly E[]; readonly marks: ReadonlyMap<string, number> } {
  const marks = new Map<string, number>()
  if (!entries.some(({ once }) => once !== undefined)) return { chosen: entries, marks }
  // Several entries are one publication where it reaches several queues: one answer for all of them.
  const answers = new Map<Once, boolean>()
  const chosen = entries.filter(({ once }) => {
    if (once === undefined) return true
    let isNew = answers.get(once)
    if (isNew === undefined) {
      isNew = once.number > (marks.get(once.key) ?? read(once.key) ?? -Infinity)
      answers.set(once, isNew)
      if (isNew) marks.set(once.key, once.number)
    }
    return isNew
  })
  return { chosen, marks }
}
