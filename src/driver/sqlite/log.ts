/**
 * Keeps the write-ahead log short. SQLite's own way does so only when no other process writes just then: with several
 * busy processes the log would grow for ever, and every commit would wait for the disk. So whoever sees that the log
 * has become long holds the others off for the moment that it takes to bring all of it into the file.
 */
import { statSync } from 'node:fs'
import type { SqlStatements } from './statements.ts'

/** More would save writes, but the one commit that pays for all of them would be slow. */
const LIMIT_BYTES = 4 * 1024 * 1024
/** How long the others may be in the way. The event loop waits meanwhile. */
const PATIENCE_MS = 10
/** While a long reader needs the log there is no use in trying at every commit. */
const RETRY_INTERVAL_MS = 100
const MEASURE_INTERVAL_MS = 2

export class WriteAheadLog {
  readonly #path: string
  #measuredMs = 0
  #retryMs = 0

  constructor(file: string) {
    this.#path = `${file}-wal`
  }

  /** To be called after a commit, outside of any transaction. */
  keepShort(statements: SqlStatements): void {
    const nowMs = performance.now()
    if (nowMs - this.#measuredMs < MEASURE_INTERVAL_MS || nowMs < this.#retryMs) return
    this.#measuredMs = nowMs
    const bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    if (bytes < LIMIT_BYTES) return
    if (!this.#empty(statements)) this.#retryMs = nowMs + RETRY_INTERVAL_MS
  }

  #empty(statements: SqlStatements): boolean {
    try {
      statements.get(`PRAGMA busy_timeout = ${String(PATIENCE_MS)}`)
      return statements.get('PRAGMA wal_checkpoint(TRUNCATE)')?.['busy'] === 0
    } catch {
      // The commit is done, and the log holds it. A disk that fails is reported to the next who writes.
      return false
    } finally {
      statements.get('PRAGMA busy_timeout = 0')
    }
  }
}
