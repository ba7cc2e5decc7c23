/**
 * Early acknowledgements where tasks run in this very process: a function that takes the process down must not come back
 * for ever, so a task starts when its acknowledgement has left, those of one turn of the event loop together. Whether it
 * has arrived is not waited for: that would be a round trip in which nothing runs. Where it has not, the connection is
 * lost, and the message that comes again is recognised.
 */
import type { Orphan, Orphans } from './orphans.ts'

/** A request, as far as its acknowledgement goes. */
export interface Acknowledged extends Orphan {
  readonly message: { ack(): Promise<void> }
  /** Its acknowledgement has left: the task may start. Must not throw. */
  enter(): void
}

/** The acknowledgements of one turn. The channel answers all of them with one promise. */
interface Round<R> {
  readonly known: Promise<void>
  readonly requests: R[]
}

/** Those of one worker. */
export class EarlyAcks<R extends Acknowledged> {
  readonly #orphans: Pick<Orphans<R>, 'add'>
  #round: Round<R> | undefined

  constructor(orphans: Pick<Orphans<R>, 'add'>) {
    this.#orphans = orphans
  }

  /** Acknowledge, and let the request enter when that has left. */
  send(request: R): void {
    const known = request.message.ack()
    if (this.#round?.known !== known) {
      this.#round = { known, requests: [] }
      this.#see(this.#round)
    }
    this.#round.requests.push(request)
  }

  #see(round: Round<R>): void {
    const { known, requests } = round
    let isEntered = false
    const enter = (): void => {
      if (isEntered) return
      isEntered = true
      // Who comes with the same promise from now on is of another round.
      if (this.#round === round) this.#round = undefined
      for (const request of requests) request.enter()
    }
    known.then(enter, () => {
      for (const request of requests) this.#orphans.add(request)
      enter()
    })
    whenWritten(enter)
  }
}

/** In the first turn the channel gathers, in the second the client writes. */
function whenWritten(callback: () => void): void {
  setImmediate(() => {
    setImmediate(callback)
  })
}
