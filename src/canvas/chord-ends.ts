/**
 * Ends chords whose last part was counted, those of one turn of the event loop together: their bodies leave in one go, and
 * they are closed in one go. Most chords end so; whatever is out of the ordinary is left to `settleChord`.
 */
import type { ChordStore, ReturningPart } from '../backend/backend.ts'
import { runOutside } from '../context.ts'
import { TurnBatch } from '../util/turn.ts'
import { insist, planBody } from './chord-part.ts'
import type { ChordRuntime, Part } from './chord-part.ts'
import { valuesOf } from './chord-values.ts'
import type { PlannedCall } from './host.ts'

/** A part that may have been the last one of its chord. */
export interface ChordEnd {
  readonly part: Part
  readonly returned: ReturningPart
  /** Whether the body was sent and the chord closed; written before `ChordEnds.add` resolves. */
  isOver: boolean
}

/** What ending chords takes. */
export interface ChordEndsParts extends Omit<ChordRuntime, 'store'> {
  readonly chords: ChordStore
}

/** The chords of one worker that are about to end. */
export class ChordEnds {
  readonly #parts: ChordEndsParts
  readonly #turn = new TurnBatch<ChordEnd>((ends) => this.#end(ends))

  constructor(parts: ChordEndsParts) {
    this.#parts = parts
  }

  /**
   * End the chord, where nothing is in the way: its parts are all there and well, and the body is one task. Resolves when
   * that is done or was given up, which `end.isOver` says. Rejects where bodies were sent and the store is still away
   * when the signal aborts.
   */
  add(end: ChordEnd): Promise<void> {
    return this.#turn.add([end])
  }

  async #end(ends: readonly ChordEnd[]): Promise<void> {
    const sent: ChordEnd[] = []
    const bodies: PlannedCall[] = []
    for (const end of ends) {
      const body = this.#planBody(end)
      if (body === undefined) continue
      sent.push(end)
      bodies.push(body)
    }
    const [first] = sent
    if (first === undefined || !(await this.#send(bodies))) return
    const groupIds = sent.map(({ returned }) => returned.groupId)
    await insist(this.#parts, first.part, () => this.#parts.chords.closeChords(groupIds))
    for (const end of sent) end.isOver = true
  }

  /** Undefined where it is no plain call, or its values cannot be had at once. */
  #planBody({ part, returned: { progress } }: ChordEnd): PlannedCall | undefined {
    if (progress === undefined || progress instanceof Error || progress.kind !== 'complete') return undefined
    try {
      const { parts, saved } = progress.read()
      return saved === undefined ? planBody(this.#parts.host, part, valuesOf(parts), progress.once) : undefined
    } catch {
      return undefined
    }
  }

  /** Answers whether the broker has them all. */
  async #send(bodies: readonly PlannedCall[]): Promise<boolean> {
    try {
      await runOutside(() => this.#parts.host.callMany(bodies))
      return true
    } catch {
      // Which of them is to blame, and what that means, shows when each is sent by itself.
      return false
    }
  }
}
