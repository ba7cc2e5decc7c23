/**
 * Writes results as long as it takes: a full disk or a locked file must not cost the result of work that is done. The
 * message stays unacknowledged meanwhile, so that a worker that ends has lost nothing either.
 */
import type { EncodedResult, ResultBackend } from '../backend/backend.ts'
import { CeleryError, OperationalError } from '../errors.ts'
import type { ResultAddress } from '../protocol/reply.ts'
import { asError } from '../util/as-error.ts'
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

  /**
   * Write a result for whom the task's message names. Resolves when it is stored, or with the `BackendStoreError` when it never will be or the worker ends first. Never
   * rejects: it is asked about long after, and an error that nobody has asked about yet must not end the process.
   */
  write(result: EncodedResult, to: ResultAddress): Promise<Error | undefined> {
    return this.#parts.backend.storeResult(result, to).then(nothing, (error: unknown) => this.#again(result, to, error))
  }

  async #again(result: EncodedResult, to: ResultAddress, first: unknown): Promise<Error | undefined> {
    const { backend, clock, logger, stopping } = this.#parts
    let error = first
    for (let attempt = 0; ; attempt += 1) {
      if (!mayPass(error) || stopping.aborted) return asError(error)
      const message = error instanceof Error ? error.message : String(error)
      logger.error(`The result of task ${result.taskId} could not be stored; trying again: ${message}`)
      await pause(clock, waitBefore(attempt, WAIT), stopping)
      try {
        await backend.storeResult(result, to)
        return undefined
      } catch (next) {
        error = next
      }
    }
  }
}

function nothing(): undefined {
  return undefined
}

/** Is it the store's trouble of the moment, and not the result itself? */
function mayPass(error: unknown): boolean {
  return CeleryError.isCeleryError(error) && error.cause instanceof OperationalError
}
