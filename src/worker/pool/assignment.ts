/** One job in the prefork pool, from `execute` to its outcome, wherever it waits or runs. */
import type { EncodedResult } from '../../backend/backend.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Job, JobObserver } from './pool.ts'

export class Assignment {
  readonly job: Job
  /** Resolves once the documents that the job stored are stored. */
  readonly outcome: Promise<Outcome>
  /** Milliseconds that it is counted with while it is in a child's line. */
  estimateMs = 0
  /** Asked for by `terminate`. */
  terminating: NodeJS.Signals | undefined
  readonly #observer: JobObserver
  #resolve: (outcome: Outcome) => void = () => undefined
  #stores: Promise<unknown> | undefined

  constructor(job: Job, observer: JobObserver) {
    this.job = job
    this.#observer = observer
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  accept(pid: number): void {
    this.#observer.accepted(pid)
  }

  /** A store that fails is the observer's to answer: the job has done its part. */
  store(result: EncodedResult): void {
    const storing = this.#observer.store(result).catch(() => undefined)
    this.#stores = this.#stores === undefined ? storing : Promise.all([this.#stores, storing])
  }

  /** Called once. */
  settle(outcome: Outcome): void {
    const resolve = this.#resolve
    if (this.#stores === undefined) resolve(outcome)
    else
      void this.#stores.then(() => {
        resolve(outcome)
      })
  }
}
