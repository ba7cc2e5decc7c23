/**
 * Writes documents: those of one turn of the event loop in one piece of work, which then is one transaction with whatever
 * else the file is told meanwhile, such as the acknowledgements of their tasks.
 */
import type { SqliteDatabase } from '../../driver/sqlite.ts'
import { BackendStoreError, OperationalError } from '../../errors.ts'
import { asError } from '../../util/as-error.ts'
import type { Clock } from '../../util/clock.ts'
import type { EncodedResult, StoringResult } from '../backend.ts'
import { writeResults } from './results.ts'

/** What writing takes. */
export interface WritesParts {
  readonly database: SqliteDatabase
  readonly clock: Clock
  /** When what is written now expires, in Unix milliseconds; null is never. */
  readonly expiresMs: () => number | null
}

/** Those of one turn. */
interface Batch {
  readonly storings: StoringResult[]
  readonly done: Promise<void>
}

/** All writes of one file. */
export class Writes {
  readonly #parts: WritesParts
  /** What still takes documents; undefined when nothing waits. */
  #batch: Batch | undefined

  constructor(parts: WritesParts) {
    this.#parts = parts
  }

  /** See `ResultBackend.storeResult`. */
  store(storing: StoringResult): Promise<void> {
    if (this.#batch === undefined) {
      const storings = [storing]
      this.#batch = { storings, done: this.#write(storings) }
    } else {
      this.#batch.storings.push(storing)
    }
    return this.#batch.done
  }

  /** Never rejects. */
  async #write(storings: readonly StoringResult[]): Promise<void> {
    const { database, clock, expiresMs } = this.#parts
    try {
      await database.write((statements) => {
        this.#close(storings)
        const results = storings.map(({ result }) => result)
        writeResults(statements, results, expiresMs(), clock.now())
        database.notify('results')
      })
    } catch (error) {
      this.#close(storings)
      const [only, ...others] = storings
      if (only === undefined) return
      if (others.length === 0) only.error = storeError(only.result, error)
      // One document must not be the undoing of another.
      else await Promise.all(storings.map((storing) => this.#write([storing])))
    }
  }

  #close(storings: readonly StoringResult[]): void {
    if (this.#batch?.storings === storings) this.#batch = undefined
  }
}

/** The backend's own error for a file that cannot be used now; other errors say enough. */
export function storeError({ taskId, status }: EncodedResult, error: unknown): Error {
  if (!(error instanceof OperationalError)) return asError(error)
  return new BackendStoreError(error.message, taskId, status, { cause: error })
}
