/**
 * The tree that results make: members below a group, parents above each. Walks without recursion upwards, for a chain may
 * be longer than the stack is deep; what tasks called is not in it, but in the backend (`walk.ts`).
 */
import type { ResultTuple } from '../protocol/result.ts'
import type { Result, TaskResult } from './result.ts'

/** The results of the single tasks that these consist of, in order. */
export function leavesOf(results: readonly Result[]): TaskResult[] {
  return results.flatMap((result) => (result.results === undefined ? [result] : leavesOf(result.results)))
}

/** The results that this one follows, the nearest first. */
export function parentsOf(result: Pick<Result, 'parent'>): Result[] {
  const parents: Result[] = []
  for (let next = result.parent; next !== undefined; next = next.parent) parents.push(next)
  return parents
}

/** The ids of the single tasks among these: of a task itself, of the members of a group; then of those they follow. */
export function taskIdsUpwards(results: readonly Result[]): string[] {
  const ids = new Set<string>()
  const seen = new Set<Result>()
  const open = results.toReversed()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    if (next.results === undefined) ids.add(next.id)
    if (next.parent !== undefined) open.push(next.parent)
    for (const member of next.results?.toReversed() ?? []) open.push(member)
  }
  return [...ids]
}

/** `[[id, parent], members]`: the form in which results travel inside messages and documents. */
export function tupleOf(result: Result): ResultTuple {
  const own = (one: Result, parent: ResultTuple | null): ResultTuple => [
    [one.id, parent],
    one.results?.map(tupleOf) ?? null,
  ]
  return own(
    result,
    parentsOf(result).reduceRight<ResultTuple | null>((parent, one) => own(one, parent), null),
  )
}
