/** One job in a pool of children, from `execute` to its outcome, wherever it waits or runs. */
import type { EncodedResult } from '../../backend/backend.ts'
import type { Body } from '../../protocol/message.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Job, JobObserver } from './pool.ts'

export class Assignment {
  readonly job: Job
  /** Milliseconds that it is counted with while it is in a child's line. */
  estimateMs = 0
  /** Asked for by `terminate`. */
  terminating: NodeJS.Signals | undefined
  readonly #observer: JobObserver
  #isAccepted = false

  constructor(job: Job, observer: JobObserver) {
    this.job = job
    this.#observer = observer
  }

  /** It starts in process `pid`. Told once, also where it turns out that it had not started there. */
  accept(pid: number): void {
    if (this.#isAccepted) return
    this.#isAccepted = true
    this.#observer.accepted(pid)
  }

  store(result: EncodedResult): void {
    this.#observer.store(result)
  }

  endPart(body: Body): void {
    this.#observer.endPart(body)
  }

  /** Called once. */
  settle(outcome: Outcome): void {
    this.#observer.ended(outcome)
  }
}
