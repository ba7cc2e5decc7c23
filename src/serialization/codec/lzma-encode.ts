/**
 * Encodes bytes as the symbols of LZMA: at each place the best repetition that is found quickly, else a literal. The
 * result is longer than that of programs which look further, and shorter than gzip's. `lzma-decode.ts` is the mirror
 * image.
 */
import {
  ALIGN_BITS,
  FIRST_DIRECT_SLOT,
  FIRST_LEARNT_SLOT,
  lengthState,
  LITERAL_STATES,
  LzmaModel,
  MAX_MATCH,
  MIN_MATCH,
  PROBABILITY_BITS,
  PROBABILITY_STEP,
  SHORT_LENGTHS,
  SLOT_BITS,
  TOP,
} from './lzma.ts'
import type { LengthModel, LzmaProperties } from './lzma.ts'

/** Writes the bits of one chunk. */
class RangeEncoder {
  #bytes: Buffer
  #at = 0
  #low = 0
  #range = 0xffffffff
  /** A byte that a carry may still change, and how many bytes of 0xff follow it. */
  #held = 0
  #heldCount = 1

  constructor(guess: number) {
    this.#bytes = Buffer.allocUnsafe(guess + 64)
  }

  bit(probabilities: Uint16Array, index: number, bit: number): void {
    const probability = probabilities[index] ?? 0
    const bound = (this.#range >>> PROBABILITY_BITS) * probability
    if (bit === 0) {
      this.#range = bound
      probabilities[index] = probability + ((2 ** PROBABILITY_BITS - probability) >> PROBABILITY_STEP)
    } else {
      this.#low += bound
      this.#range -= bound
      probabilities[index] = probability - (probability >> PROBABILITY_STEP)
    }
    this.#refill()
  }

  direct(value: number, count: number): void {
    for (let turn = count - 1; turn >= 0; turn -= 1) {
      this.#range >>>= 1
      if (((value >>> turn) & 1) === 1) this.#low += this.#range
      this.#refill()
    }
  }

  tree(probabilities: Uint16Array, start: number, count: number, value: number): void {
    let node = 1
    for (let turn = count - 1; turn >= 0; turn -= 1) {
      const bit = (value >>> turn) & 1
      this.bit(probabilities, start + node, bit)
      node = node * 2 + bit
    }
  }

  reverseTree(probabilities: Uint16Array, start: number, count: number, value: number): void {
    let node = 1
    for (let turn = 0; turn < count; turn += 1) {
      const bit = (value >>> turn) & 1
      this.bit(probabilities, start + node, bit)
      node = node * 2 + bit
    }
  }

  /** Everything that was written. */
  finish(): Buffer {
    for (let turn = 0; turn < 5; turn += 1) this.#shift()
    return this.#bytes.subarray(0, this.#at)
  }

  #refill(): void {
    if (this.#range >= TOP) return
    this.#range = (this.#range * 256) >>> 0
    this.#shift()
  }

  /** Write out the highest byte, once it is known that no carry will change it. */
  #shift(): void {
    const carry = this.#low >= 2 ** 32 ? 1 : 0
    if (this.#low < 0xff000000 || carry === 1) {
      for (let byte = this.#held; this.#heldCount > 0; this.#heldCount -= 1) {
        this.#push((byte + carry) & 0xff)
        byte = 0xff
      }
      this.#held = Math.floor(this.#low / 2 ** 24) & 0xff
    }
    this.#heldCount += 1
    this.#low = (this.#low % 2 ** 24) * 256
  }

  #push(byte: number): void {
    if (this.#at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length)
    this.#bytes[this.#at] = byte
    this.#at += 1
  }
}

/** How many earlier places with the same three bytes are looked at. */
const MAX_TRIES = 32
/** A repetition of this length is good enough not to look further. */
const GOOD_LENGTH = 128
const MAX_HASH_BITS = 17
/** What a literal takes, in bits, as a rule of thumb; a repetition takes as much, and the bits of its distance. */
const LITERAL_BITS = 6

/** A repetition that could be used. */
interface Match {
  readonly length: number
  readonly distance: number
  /** Which of the last four distances it is; -1 for another one. */
  readonly repeat: number
  /** How many bits it probably saves. */
  readonly gain: number
}

const NO_MATCH: Match = { length: 1, distance: 0, repeat: -1, gain: 0 }

/** Finds where the bytes at a place stood before. */
class MatchFinder {
  readonly #input: Uint8Array
  readonly #shift: number
  /** The last place of each hash, and for each place the one before it with the same hash; -1 for none. */
  readonly #heads: Int32Array
  readonly #previous: Int32Array
  #known = 0

  constructor(input: Uint8Array) {
    this.#input = input
    const bits = Math.min(Math.max(32 - Math.clz32(input.length), 8), MAX_HASH_BITS)
    this.#shift = 32 - bits
    this.#heads = new Int32Array(2 ** bits).fill(-1)
    this.#previous = new Int32Array(input.length)
  }

  /** The best repetition for this place, within `room` bytes. */
  find(at: number, room: number, repeats: readonly number[]): Match {
    this.#learn(at)
    const limit = Math.min(room, MAX_MATCH)
    const best = this.#findRepeat(at, limit, repeats)
    return limit < 3 || best.length >= GOOD_LENGTH ? best : this.#findMatch(at, limit, best)
  }

  #findRepeat(at: number, limit: number, repeats: readonly number[]): Match {
    let best = NO_MATCH
    for (let repeat = 0; repeat < repeats.length; repeat += 1) {
      const distance = repeats[repeat] ?? 0
      const length = distance < at ? this.#lengthAt(at, at - distance - 1, limit) : 0
      const gain = length * LITERAL_BITS - LITERAL_BITS - repeat
      if (length >= MIN_MATCH && gain > best.gain) best = { length, distance, repeat, gain }
    }
    return best
  }

  #findMatch(at: number, limit: number, start: Match): Match {
    let best = start
    let place = this.#heads[this.#hash(at)] ?? -1
    for (let tries = 0; place >= 0 && tries < MAX_TRIES; tries += 1) {
      // What cannot become longer cannot become better either: distances only grow.
      if (this.#input[place + best.length] === this.#input[at + best.length]) {
        const length = this.#lengthAt(at, place, limit)
        const distance = at - place - 1
        const gain = length * LITERAL_BITS - LITERAL_BITS - (32 - Math.clz32(distance))
        if (length >= 3 && gain > best.gain) best = { length, distance, repeat: -1, gain }
        if (length >= Math.min(limit, GOOD_LENGTH)) return best
      }
      place = this.#previous[place] ?? -1
    }
    return best
  }

  /** Remember all places before this one. */
  #learn(at: number): void {
    for (const end = Math.min(at, this.#input.length - 2); this.#known < end; this.#known += 1) {
      const hash = this.#hash(this.#known)
      this.#previous[this.#known] = this.#heads[hash] ?? -1
      this.#heads[hash] = this.#known
    }
  }

  /** How many bytes are equal at two places. */
  #lengthAt(at: number, place: number, limit: number): number {
    let length = 0
    while (length < limit && this.#input[at + length] === this.#input[place + length]) length += 1
    return length
  }

  #hash(at: number): number {
    const input = this.#input
    const three = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8) | ((input[at + 2] ?? 0) << 16)
    return Math.imul(three, 0x9e3779b1) >>> this.#shift
  }
}

export class LzmaEncoder {
  readonly #input: Uint8Array
  readonly #properties: LzmaProperties
  readonly #finder: MatchFinder
  #model: LzmaModel
  #bits: RangeEncoder = new RangeEncoder(0)
  #at = 0
  /** The repetition for the current place, where it was looked for already. */
  #found: Match | undefined

  constructor(input: Uint8Array, properties: LzmaProperties) {
    this.#input = input
    this.#properties = properties
    this.#finder = new MatchFinder(input)
    this.#model = new LzmaModel(properties)
  }

  /** Encode the next `length` bytes as one chunk, going on with what was learnt before. */
  encode(length: number): Buffer {
    this.#bits = new RangeEncoder(length)
    this.#found = undefined
    const end = this.#at + length
    while (this.#at < end) this.#symbol(end - this.#at)
    return this.#bits.finish()
  }

  /** Forget what was learnt. What stood before may still be repeated. */
  reset(): void {
    this.#model = new LzmaModel(this.#properties)
  }

  #symbol(room: number): void {
    const model = this.#model
    const match = this.#choose(room)
    const positionState = model.positionState(this.#at)
    const index = model.state * 16 + positionState
    this.#bits.bit(model.isMatch, index, match.length === 1 ? 0 : 1)
    if (match.length === 1) {
      this.#literal()
    } else {
      this.#bits.bit(model.isRepeat, model.state, match.repeat === -1 ? 0 : 1)
      if (match.repeat === -1) this.#match(positionState, match)
      else this.#repeat(index, positionState, match)
    }
    this.#at += match.length
  }

  /** A literal is better where the next place has a better repetition. */
  #choose(room: number): Match {
    const { repeats } = this.#model
    const match = this.#found ?? this.#finder.find(this.#at, room, repeats)
    this.#found = undefined
    if (match.length === 1 || match.length >= GOOD_LENGTH || room < 4) return match
    const next = this.#finder.find(this.#at + 1, room - 1, repeats)
    if (next.gain <= match.gain) return match
    this.#found = next
    return NO_MATCH
  }

  #literal(): void {
    const model = this.#model
    const byte = this.#input[this.#at] ?? 0
    const start = model.literalStart(this.#at, this.#at === 0 ? 0 : (this.#input[this.#at - 1] ?? 0))
    const isHinted = model.state >= LITERAL_STATES
    let hint = isHinted ? (this.#input[this.#at - model.repeats[0] - 1] ?? 0) : 0
    let offset = isHinted ? 0x100 : 0
    let node = 1
    for (let turn = 7; turn >= 0; turn -= 1) {
      hint <<= 1
      const hintBit = hint & offset
      const bit = (byte >> turn) & 1
      this.#bits.bit(model.literals, start + offset + hintBit + node, bit)
      node = node * 2 + bit
      offset &= bit === 1 ? hint : ~hint
    }
    model.afterLiteral()
  }

  #match(positionState: number, { length, distance }: Match): void {
    const model = this.#model
    model.repeats = [distance, model.repeats[0], model.repeats[1], model.repeats[2]]
    this.#length(model.matchLength, positionState, length)
    this.#distance(length, distance)
    model.afterMatch()
  }

  /** A repetition at one of the last four distances, which becomes the first of them. */
  #repeat(index: number, positionState: number, { length, distance, repeat }: Match): void {
    const model = this.#model
    this.#bits.bit(model.isRepeat0, model.state, repeat === 0 ? 0 : 1)
    if (repeat === 0) this.#bits.bit(model.isLongRepeat0, index, 1)
    else this.#bits.bit(model.isRepeat1, model.state, repeat === 1 ? 0 : 1)
    if (repeat > 1) this.#bits.bit(model.isRepeat2, model.state, repeat === 2 ? 0 : 1)
    const others = model.repeats.filter((_, other) => other !== repeat)
    model.repeats = [distance, others[0] ?? 0, others[1] ?? 0, others[2] ?? 0]
    this.#length(model.repeatLength, positionState, length)
    model.afterRepeat()
  }

  #length(model: LengthModel, positionState: number, length: number): void {
    const start = positionState * SHORT_LENGTHS
    const value = length - MIN_MATCH
    this.#bits.bit(model.choices, 0, value < SHORT_LENGTHS ? 0 : 1)
    if (value < SHORT_LENGTHS) {
      this.#bits.tree(model.low, start, 3, value)
      return
    }
    this.#bits.bit(model.choices, 1, value < 2 * SHORT_LENGTHS ? 0 : 1)
    if (value < 2 * SHORT_LENGTHS) this.#bits.tree(model.middle, start, 3, value - SHORT_LENGTHS)
    else this.#bits.tree(model.high, 0, 8, value - 2 * SHORT_LENGTHS)
  }

  #distance(length: number, distance: number): void {
    const model = this.#model
    // The two highest bits of the distance, and how many follow.
    const count = distance < FIRST_LEARNT_SLOT ? 0 : 30 - Math.clz32(distance)
    const slot = distance < FIRST_LEARNT_SLOT ? distance : 2 * count + 2 + ((distance >>> count) & 1)
    this.#bits.tree(model.slots, lengthState(length) * 2 ** SLOT_BITS, SLOT_BITS, slot)
    if (slot < FIRST_LEARNT_SLOT) return
    const base = (2 | (slot & 1)) << count
    const rest = distance - base
    if (slot < FIRST_DIRECT_SLOT) {
      this.#bits.reverseTree(model.distances, base - slot, count, rest)
      return
    }
    this.#bits.direct(rest >>> ALIGN_BITS, count - ALIGN_BITS)
    this.#bits.reverseTree(model.align, 0, ALIGN_BITS, rest & (2 ** ALIGN_BITS - 1))
  }
}
