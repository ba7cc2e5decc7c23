/**
 * The life of a store whose messages lie elsewhere: open, until it is closed or the place is lost. From then on its verbs
 * are refused, and say why. What there is to stop, to give back and to let go of is the store's matter.
 */
import { ConnectionError } from '../../errors.ts'
import { deferred } from '../../util/deferred.ts'
import type { Logger } from '../../util/logger.ts'

/** What a store does at its end. */
export interface StoreEnd {
  /** Where the messages lie, for errors and logs. */
  readonly place: string
  readonly logger: Logger
  /** Stop what goes on by itself, and whoever waits. Called once, before the other two. */
  readonly stop: () => void
  /** Give back what is held; only where the place is not lost. */
  readonly giveBack: () => Promise<void>
  /** Let go of the place, lost or not. */
  readonly release: () => Promise<void>
}

export class StoreLife {
  /** See `QueueStore.closed`. */
  readonly closed: Promise<Error | undefined>
  readonly #end: StoreEnd
  readonly #ended = deferred<Error | undefined>()
  /** Why verbs are refused. */
  #refusal: ConnectionError | undefined
  #closing: Promise<void> | undefined

  constructor(end: StoreEnd) {
    this.#end = end
    this.closed = this.#ended.promise
  }

  /** It was closed, or is lost. */
  get isOver(): boolean {
    return this.#refusal !== undefined
  }

  /** For verbs. Throws `ConnectionError` where it is over. */
  check(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** Nothing works any more, and whoever uses the store is told so. May be called twice. */
  lose(reason: ConnectionError): void {
    if (!this.#refuse(reason)) return
    this.#ended.resolve(reason)
  }

  /** May be called twice, and after it was lost. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { place, logger, giveBack, release } = this.#end
    try {
      if (this.#refuse(new ConnectionError(`The connection to ${place} is closed`))) await giveBack()
    } catch (error) {
      // What is held comes back all the same: when this process has ended, or when the lease has run out.
      logger.warning(`Messages from ${place} could not be given back yet`, { error })
    }
    await release()
    this.#ended.resolve(undefined)
  }

  /** Answers whether it was open. */
  #refuse(refusal: ConnectionError): boolean {
    if (this.#refusal !== undefined) return false
    this.#refusal = refusal
    this.#end.stop()
    return true
  }
}
