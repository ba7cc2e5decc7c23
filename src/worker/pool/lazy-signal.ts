/**
 * The abort signal of one job, made when somebody first asks for it: most jobs never do, and an `AbortController` costs
 * more than the rest of what a pool does for a job.
 */

export class LazySignal {
  #controller: AbortController | undefined
  #reason: Error | undefined

  /** Is aborted already when `abort` came first. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** The first reason counts; later calls do nothing. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
