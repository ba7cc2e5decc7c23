/**
 * Writes results as long as it takes: a full disk or a locked file must not cost the result of work that is done. The
 * message stays unacknowledged meanwhile, so that a worker that ends has lost nothing either.
 */
import type { EncodedResult, ResultBackend, StoringResult } from '../backend/backend.ts'
import { storeResult } from '../backend/storing.ts'
import { runOutside } from '../context.ts'
import { CeleryError, OperationalError } from '../errors.ts'
import type { ResultAddress } from '../protocol/reply.ts'
import { asError } from '../util/as-error.ts'
import { pause, waitBefore } from '../util/backoff.ts'
import type { GrowingWait } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { Rounds } from '../util/rounds.ts'

/** What a result writer needs of its worker. */
export interface ResultWriterParts {
  readonly backend: ResultBackend
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the worker ends: what is not written by then is given up. */
  readonly stopping: AbortSignal
}

const WAIT: GrowingWait = { startMs: 500, stepMs: 500, maxMs: 5000 }

/** Whose document it is. */
export interface ResultOwner {
  /** Told when it is stored; or, with the error, that it never will be or the worker ends first. Must not throw. */
  written(error: Error | undefined): void
}

/** A document on its way. */
interface Writing extends StoringResult {
  readonly owner: ResultOwner
}

/** Writes the results of one worker. */
export class ResultWriter {
  readonly #parts: ResultWriterParts
  /** In nobody's execution, although it is tasks that hand over results. */
  readonly #rounds = new Rounds<Writing>((writings, error) => {
    runOutside(() => {
      for (const writing of writings) this.#tell(writing, writing.error ?? error)
    })
  })

  constructor(parts: ResultWriterParts) {
    this.#parts = parts
  }

  /** Write a result for whom the task's message names, and tell the owner. */
  write(result: EncodedResult, to: ResultAddress, owner: ResultOwner): void {
    const writing: Writing = { result, to, owner, error: undefined }
    this.#rounds.add(writing, this.#parts.backend.storeResult(writing))
  }

  #tell(writing: Writing, error: Error | undefined): void {
    if (error === undefined) writing.owner.written(undefined)
    else void this.#again(writing, error)
  }

  async #again({ result, to, owner }: Writing, first: Error): Promise<void> {
    const { clock, logger, stopping } = this.#parts
    let error: Error | undefined = first
    for (let attempt = 0; error !== undefined && mayPass(error) && !stopping.aborted; attempt += 1) {
      logger.error(`The result of task ${result.taskId} could not be stored; trying again: ${error.message}`)
      await pause(clock, waitBefore(attempt, WAIT), stopping)
      error = await this.#store(result, to)
    }
    owner.written(error)
  }

  async #store(result: EncodedResult, to: ResultAddress | undefined): Promise<Error | undefined> {
    try {
      await storeResult(this.#parts.backend, result, to)
      return undefined
    } catch (error) {
      return asError(error)
    }
  }
}

/** Is it the store's trouble of the moment, and not the result itself? */
function mayPass(error: unknown): boolean {
  return CeleryError.isCeleryError(error) && error.cause instanceof OperationalError
}
