/**
 * Group commit: the writes of one turn of the event loop in one transaction, when it is this process's turn. A lock
 * that another process has is asked for again and again, while the event loop goes on. The stages of an attempt:
 *
 * 1. *pause*, where others have waited for long enough (`turns.ts`);
 * 2. *begin*, or come back later;
 * 3. *run and commit*: all together, and after a failure one by one;
 * 4. *tell* what there is news of, and keep the log short (`log.ts`).
 */
import { explainFailure, isBusy, stayedLocked } from './failure.ts'
import type { Stage } from './failure.ts'
import type { WriteAheadLog } from './log.ts'
import type { SqlStatements } from './statements.ts'
import type { Turns } from './turns.ts'
import type { SqliteTopic } from './wake.ts'

/** What the database gives. */
export interface WriteParts {
  readonly file: string
  readonly turns: Turns
  readonly log: WriteAheadLog
  /** The connection's statements. Throws while another process sets up the file, or when it cannot be opened. */
  readonly connect: () => SqlStatements
  /** Whether `connect` has worked out before. */
  readonly stage: () => Stage
  readonly busyTimeoutMs: () => number
  /** Called after a commit. */
  readonly onNews: (topics: ReadonlySet<SqliteTopic>) => void
}

interface Job {
  readonly work: (statements: SqlStatements) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly sinceMs: number
  /** Not to be run with others: a transaction with it has failed. */
  alone: boolean
}

export class Writes {
  readonly #parts: WriteParts
  readonly #news = new Set<SqliteTopic>()
  #jobs: Job[] = []
  /** When the next attempt comes; undefined when there is nothing to write. */
  #attempt: NodeJS.Immediate | NodeJS.Timeout | undefined
  #inside = false
  #idle: (() => void)[] = []

  constructor(parts: WriteParts) {
    this.#parts = parts
  }

  /** Is a transaction going on, which is to say: is this called by the work of one? */
  get inside(): boolean {
    return this.#inside
  }

  add<T>(work: (statements: SqlStatements) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const sinceMs = performance.now()
      this.#jobs.push({ work, resolve: resolve as Job['resolve'], reject, sinceMs, alone: false })
      this.#schedule(0)
    })
  }

  /** To be told after the commit of the transaction that goes on. */
  addNews(topic: SqliteTopic): void {
    this.#news.add(topic)
  }

  /** Reject all that waits. */
  rejectAll(reason: unknown): void {
    for (const job of this.#jobs.splice(0)) job.reject(reason)
  }

  /** Resolves when nothing waits to be written. */
  async settled(): Promise<void> {
    if (this.#attempt === undefined) return
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve)
    })
  }

  #schedule(afterMs: number): void {
    const attempt = (): void => {
      this.#attempt = undefined
      let delayMs = 0
      try {
        delayMs = this.#try()
      } finally {
        this.#schedule(delayMs)
        this.#rest()
      }
    }
    if (this.#jobs.length > 0) this.#attempt ??= afterMs === 0 ? setImmediate(attempt) : setTimeout(attempt, afterMs)
  }

  #rest(): void {
    if (this.#attempt === undefined) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** One attempt at the writes that wait. Answers how many milliseconds later to come back for what is left. */
  #try(): number {
    const { turns, log } = this.#parts
    const pauseMs = turns.pauseMs()
    if (pauseMs > 0) return pauseMs
    let statements: SqlStatements
    try {
      statements = this.#parts.connect()
      statements.run('BEGIN IMMEDIATE')
    } catch (error) {
      return this.#couldNotBegin(error)
    }
    turns.entered()
    this.#commit(statements, this.#takeJobs())
    log.keepShort(statements)
    turns.left()
    return 0
  }

  #couldNotBegin(error: unknown): number {
    const { file, turns } = this.#parts
    if (!isBusy(error)) {
      this.rejectAll(explainFailure(error, file, this.#parts.stage()))
      return 0
    }
    const limitMs = this.#parts.busyTimeoutMs()
    const untilMs = performance.now() - limitMs
    const tired = this.#jobs.filter((job) => job.sinceMs <= untilMs)
    this.#jobs = this.#jobs.filter((job) => job.sinceMs > untilMs)
    for (const job of tired) job.reject(stayedLocked(file, limitMs, error))
    return turns.collided()
  }

  #takeJobs(): Job[] {
    const alone = this.#jobs.findIndex((job) => job.alone)
    return this.#jobs.splice(0, alone === -1 ? this.#jobs.length : Math.max(alone, 1))
  }

  #commit(statements: SqlStatements, jobs: readonly Job[]): void {
    let answers: unknown[]
    this.#news.clear()
    this.#inside = true
    try {
      answers = jobs.map((job) => job.work(statements))
      statements.run('COMMIT')
    } catch (error) {
      rollBack(statements)
      this.#failed(jobs, error)
      return
    } finally {
      this.#inside = false
    }
    jobs.forEach((job, index) => {
      job.resolve(answers[index])
    })
    if (this.#news.size > 0) this.#parts.onNews(this.#news)
  }

  /** Whose fault it is shows when each has a transaction of its own. */
  #failed(jobs: readonly Job[], error: unknown): void {
    const [only] = jobs
    if (jobs.length === 1) {
      only?.reject(explainFailure(error, this.#parts.file, 'use'))
    } else {
      for (const job of jobs) job.alone = true
      this.#jobs.unshift(...jobs)
    }
  }
}

/** A transaction that SQLite has already given up cannot be rolled back. */
export function rollBack(statements: SqlStatements): void {
  try {
    statements.run('ROLLBACK')
  } catch {
    // It is over in any case.
  }
}
