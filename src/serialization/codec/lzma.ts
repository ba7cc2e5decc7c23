/**
 * What both directions of LZMA share: the states of its model, and the probabilities that it learns. The bits themselves
 * are `lzma-decode.ts` and `lzma-encode.ts`; the file format around them is `xz.ts`.
 */

export const STATE_COUNT = 12
/** States below this follow a literal. */
export const LITERAL_STATES = 7
/** A probability is out of 2^11, and moves by 1/32 of what is missing. */
export const PROBABILITY_BITS = 11
export const PROBABILITY_STEP = 5
/** The range is refilled when it falls below this. */
export const TOP: number = 2 ** 24

export const MIN_MATCH = 2
/** The lengths 2 to 9 and 10 to 17 have three bits after their prefix, those up to 273 have eight. */
export const SHORT_LENGTHS = 8
export const MAX_MATCH: number = MIN_MATCH + SHORT_LENGTHS + SHORT_LENGTHS + 255

/** Distances begin with a slot of six bits, of which there are four sets, by the length of the match. */
export const SLOT_BITS = 6
export const LENGTH_STATES = 4
/** Slots below the first are a distance; below the second all their other bits are learnt; then only the last four. */
export const FIRST_LEARNT_SLOT = 4
export const FIRST_DIRECT_SLOT = 14
export const ALIGN_BITS = 4

/** How much of the neighbourhood the model looks at: bits of the byte before, and of the position. */
export interface LzmaProperties {
  readonly lc: number
  readonly lp: number
  readonly pb: number
}

/** So many probabilities, all undecided. */
export function undecided(count: number): Uint16Array {
  return new Uint16Array(count).fill(2 ** (PROBABILITY_BITS - 1))
}

/** Probabilities of lengths. */
export class LengthModel {
  readonly choices: Uint16Array = undecided(2)
  readonly low: Uint16Array = undecided(16 * SHORT_LENGTHS)
  readonly middle: Uint16Array = undecided(16 * SHORT_LENGTHS)
  readonly high: Uint16Array = undecided(256)
}

/** All that is learnt from the data, and the state between one symbol and the next. */
export class LzmaModel {
  readonly properties: LzmaProperties
  readonly isMatch: Uint16Array = undecided(STATE_COUNT * 16)
  readonly isRepeat: Uint16Array = undecided(STATE_COUNT)
  readonly isRepeat0: Uint16Array = undecided(STATE_COUNT)
  readonly isRepeat1: Uint16Array = undecided(STATE_COUNT)
  readonly isRepeat2: Uint16Array = undecided(STATE_COUNT)
  readonly isLongRepeat0: Uint16Array = undecided(STATE_COUNT * 16)
  readonly slots: Uint16Array = undecided(LENGTH_STATES * 2 ** SLOT_BITS)
  readonly distances: Uint16Array = undecided(128)
  readonly align: Uint16Array = undecided(2 ** ALIGN_BITS)
  readonly matchLength: LengthModel = new LengthModel()
  readonly repeatLength: LengthModel = new LengthModel()
  readonly literals: Uint16Array
  /** What the last symbols were. */
  state = 0
  /** The last four distances, the newest first; 0 is the byte before. */
  repeats: [number, number, number, number] = [0, 0, 0, 0]

  constructor(properties: LzmaProperties) {
    this.properties = properties
    this.literals = undecided(0x300 * 2 ** (properties.lc + properties.lp))
  }

  /** Where the probabilities for a literal begin, given its position and the byte before it. */
  literalStart(position: number, previous: number): number {
    const { lc, lp } = this.properties
    return 0x300 * (((position & ((1 << lp) - 1)) << lc) + (previous >> (8 - lc)))
  }

  /** Which of the sets that depend on the position. */
  positionState(position: number): number {
    return position & ((1 << this.properties.pb) - 1)
  }

  afterLiteral(): void {
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6
  }

  afterMatch(): void {
    this.state = this.state < LITERAL_STATES ? 7 : 10
  }

  afterRepeat(): void {
    this.state = this.state < LITERAL_STATES ? 8 : 11
  }

  afterShortRepeat(): void {
    this.state = this.state < LITERAL_STATES ? 9 : 11
  }
}

/** Which set of slots a match of this length uses. */
export function lengthState(length: number): number {
  return Math.min(length - MIN_MATCH, LENGTH_STATES - 1)
}
