/**
 * What became of tasks, as a worker's log tells it. Takes record after record, and remembers no task longer than the log
 * speaks of it: of those that have ended, only numbers are kept.
 */
import type { LoggedRecord } from './log-reader.ts'

/** What one record says. */
export type LogEntry =
  | { readonly kind: 'received' | 'succeeded' | 'retried' | 'ignored' | 'failed'; readonly task: LoggedTask }
  | { readonly kind: 'other' }

export interface LoggedTask {
  readonly name: string
  readonly id: string
}

/** How it went, in numbers. */
export interface LogReport {
  /** Tasks that were received; an attempt after a retry is the same task. */
  readonly total: number
  /** Failed, rejected or revoked. */
  readonly errors: number
  readonly succeeded: number
  /** Ended in whatever way. */
  readonly completed: number
  readonly retries: number
  /** How many were received by name, the most frequent first. */
  readonly types: Readonly<Record<string, number>>
}

/** A task as logs name it. */
const TASK = String.raw`(?<name>\S+?)\[(?<id>[^\]]+)\]`

/** What records begin with, and what that means: Celery's words, which ours are too. The first that fits is it. */
const SAYINGS: readonly (readonly [Exclude<LogEntry['kind'], 'other'>, RegExp])[] = [
  ['received', new RegExp(`^Task ${TASK} received`)],
  // Celery 3.
  ['received', new RegExp(`^Received task: ${TASK}`)],
  ['succeeded', new RegExp(`^Task ${TASK} succeeded in `)],
  ['retried', new RegExp(`^Task ${TASK} retry: `)],
  ['ignored', new RegExp(`^Task ${TASK} ignored`)],
  ['failed', new RegExp(`^Task ${TASK} (?:raised|rejected|reject|Reject|lost its process|was cut by)\\b`)],
  ['failed', new RegExp(`^Discarding (?:revoked|expired) task: ${TASK}`)],
  ['failed', new RegExp(`^Hard time limit \\(.*\\) exceeded for ${TASK}`)],
  ['failed', new RegExp(`^Terminated ${TASK} with `)],
]

/** What a record says of a task. */
export function readEntry({ message }: Pick<LoggedRecord, 'message'>): LogEntry {
  for (const [kind, pattern] of SAYINGS) {
    const { name, id } = pattern.exec(message)?.groups ?? {}
    if (name !== undefined && id !== undefined) return { kind, task: { name, id } }
  }
  return OTHER
}

const OTHER: LogEntry = { kind: 'other' }

export class LogAudit {
  /** Received and not ended yet, by id. */
  readonly #open = new Map<string, string>()
  readonly #types = new Map<string, number>()
  readonly #counts = { total: 0, errors: 0, succeeded: 0, ignored: 0, retries: 0 }

  /** Count what a record says. */
  add(entry: LogEntry): void {
    if (entry.kind === 'other') return
    const { name, id } = entry.task
    if (!this.#open.has(id)) {
      this.#counts.total += 1
      this.#types.set(name, (this.#types.get(name) ?? 0) + 1)
    }
    // After a retry it is not done: it will be received once more.
    if (entry.kind === 'received' || entry.kind === 'retried') this.#open.set(id, name)
    else this.#open.delete(id)
    if (entry.kind === 'retried') this.#counts.retries += 1
    if (entry.kind === 'succeeded') this.#counts.succeeded += 1
    if (entry.kind === 'ignored') this.#counts.ignored += 1
    if (entry.kind === 'failed') this.#counts.errors += 1
  }

  /** The tasks that have not ended, in the order they were received. */
  incomplete(): LoggedTask[] {
    return [...this.#open].map(([id, name]) => ({ id, name }))
  }

  report(): LogReport {
    const { ignored, ...counts } = this.#counts
    return {
      ...counts,
      completed: counts.succeeded + counts.errors + ignored,
      types: Object.fromEntries([...this.#types].sort(([, a], [, b]) => b - a)),
    }
  }
}
