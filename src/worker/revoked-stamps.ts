/** Stamps whose tasks must not run (`revoke_by_stamped_headers`). As in Celery they live as long as the worker. */
import type { TaskHead } from '../protocol/task.ts'

/** Of one stamp, more values than this are not remembered: the oldest go. */
const MAX_VALUES = 10_000

/** Those of one worker. */
export class RevokedStamps {
  readonly #values = new Map<string, Set<string>>()

  /** Tasks that are stamped with one of these values must not run. */
  add(stamp: string, values: readonly unknown[]): void {
    const known = this.#values.get(stamp) ?? new Set<string>()
    this.#values.set(stamp, known)
    for (const value of values) {
      known.add(String(value))
      const [oldest] = known
      if (known.size > MAX_VALUES && oldest !== undefined) known.delete(oldest)
    }
  }

  /** Must this task not run? Costs next to nothing while nothing was revoked, as it nearly always is. */
  matches({ stamps }: Pick<TaskHead, 'stamps'>): boolean {
    if (this.#values.size === 0) return false
    for (const [stamp, revoked] of this.#values) {
      const value = stamps[stamp]
      if (value === undefined || value === null) continue
      const values: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (values.some((one) => revoked.has(String(one)))) return true
    }
    return false
  }
}
