/**
 * Writes results as long as it takes: a full disk or a locked file must not cost the result of work that is done. The
 * message stays unacknowledged meanwhile, so that a worker that ends has lost nothing either.
 */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { CeleryError, OperationalError } from '../errors.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'

/** What a result writer needs of its worker. */
export interface ResultWriterParts {
  readonly backend: ResultBackend
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the worker ends: what is not written by then is given up. */
  readonly stopping: AbortSignal
}

const WAIT: GrowingWait = { startMs: 500, stepMs: 500, maxMs: 5000 }

/** Writes the results of one worker. */
export class ResultWriter {
  readonly #parts: ResultWriterParts

  constructor(parts: ResultWriterParts) {
    this.#parts = parts
  }

  /** Resolves when it is stored. Rejects with `BackendStoreError` when it never will be, or the worker ends first. */
  write(result: EncodedResult): Promise<void> {
    return this.#parts.backend.storeResult(result).catch((error: unknown) => this.#again(result, error))
  }

  async #again(result: EncodedResult, first: unknown): Promise<void> {
    const { backend, clock, logger, stopping } = this.#parts
    let error = first
    for (let attempt = 0; ; attempt += 1) {
      if (!mayPass(error) || stopping.aborted) throw error
      const message = error instanceof Error ? error.message : String(error)
      logger.error(`The result of task ${result.taskId} could not be stored; trying again: ${message}`)
      await pause(clock, waitBefore(attempt, WAIT), stopping)
      try {
        await backend.storeResult(result)
        return
      } catch (next) {
        error = next
      }
    }
  }
}

/** Is it the store's trouble of the moment, and not the result itself? */
function mayPass(error: unknown): boolean {
  return CeleryError.isCeleryError(error) && error.cause instanceof OperationalError
}
