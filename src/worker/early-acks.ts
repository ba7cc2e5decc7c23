/**
 * Early acknowledgements where tasks run in this very process: a function that takes the process down must not come back
 * for ever, so a task starts when its acknowledgement has left, those of one turn of the event loop together. Whether it
 * has arrived is not waited for: that would be a round trip in which nothing runs. Where it has not, the connection is
 * lost, and the message that comes again is recognised.
 */
import { nextTurn } from '../util/turn.ts'
import type { Orphan, Orphans } from './orphans.ts'

/** A request, as far as its acknowledgement goes. */
export interface Acknowledged extends Orphan {
  readonly message: { ack(): Promise<void> }
}

/** The acknowledgements of one turn. The channel answers all of them with one promise. */
interface Round<R> {
  readonly known: Promise<void>
  readonly left: Promise<void>
  readonly requests: R[]
}

/** Those of one worker. */
export class EarlyAcks<R extends Acknowledged> {
  readonly #orphans: Pick<Orphans<R>, 'add'>
  #round: Round<R> | undefined

  constructor(orphans: Pick<Orphans<R>, 'add'>) {
    this.#orphans = orphans
  }

  /** Acknowledge. Resolves when the task may start; never rejects. */
  send(request: R): Promise<void> {
    const known = request.message.ack()
    if (this.#round?.known !== known) this.#round = this.#begin(known)
    this.#round.requests.push(request)
    return this.#round.left
  }

  #begin(known: Promise<void>): Round<R> {
    const requests: R[] = []
    const settled = known.catch(() => {
      for (const request of requests) this.#orphans.add(request)
    })
    return { known, left: Promise.race([settled, untilWritten()]), requests }
  }
}

/** In the first turn the channel gathers, in the second the client writes. */
async function untilWritten(): Promise<void> {
  await nextTurn()
  await nextTurn()
}
