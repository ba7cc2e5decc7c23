/** Gathers the parts of chords that come back in one turn of the event loop, for stores that count many in one go. */
import { deferred } from '../util/deferred.ts'
import type { Deferred } from '../util/deferred.ts'
import { TurnBatch } from '../util/turn.ts'
import type { ChordProgress, PartReturn } from './backend.ts'

/** One part, and who waits to hear of it. */
interface Returning {
  readonly part: PartReturn
  readonly progress: Deferred<ChordProgress>
}

/** What became of a part; an error is for the one who brought it alone. */
export type Counted = ChordProgress | Error

/** The parts of one store that are on their way. */
export class PartBatch {
  readonly #count: (parts: readonly PartReturn[]) => Promise<Counted[]>
  readonly #turn = new TurnBatch<Returning>((returning) => this.#flush(returning))

  /** `count` answers for each part; when it rejects, so do all that left together. */
  constructor(count: (parts: readonly PartReturn[]) => Promise<Counted[]>) {
    this.#count = count
  }

  /** See `ChordStore.returnPart`. */
  add(part: PartReturn): Promise<ChordProgress> {
    const progress: Deferred<ChordProgress> = deferred()
    void this.#turn.add([{ part, progress }])
    return progress.promise
  }

  /** Never rejects. */
  async #flush(returning: readonly Returning[]): Promise<void> {
    try {
      const answers = await this.#count(returning.map(({ part }) => part))
      returning.forEach(({ progress }, index) => {
        const answer = answers[index] as Counted
        if (answer instanceof Error) progress.reject(answer)
        else progress.resolve(answer)
      })
    } catch (error) {
      for (const { progress } of returning) progress.reject(error)
    }
  }
}
