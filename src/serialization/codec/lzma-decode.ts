/** Decodes the symbols of LZMA: literals and repetitions, from the bits of a range coder. */
import { DecodeError } from '../../errors.ts'
import {
  ALIGN_BITS,
  FIRST_DIRECT_SLOT,
  FIRST_LEARNT_SLOT,
  lengthState,
  LITERAL_STATES,
  LzmaModel,
  MIN_MATCH,
  PROBABILITY_BITS,
  PROBABILITY_STEP,
  SHORT_LENGTHS,
  SLOT_BITS,
  TOP,
} from './lzma.ts'
import type { LengthModel, LzmaProperties } from './lzma.ts'
import type { Output } from './output.ts'

/** The bits of one chunk, each with the probability that the model gives it. */
class RangeDecoder {
  readonly #bytes: Uint8Array
  #at = 5
  #range = 0xffffffff
  #code: number

  constructor(bytes: Uint8Array) {
    if (bytes.length < 5 || bytes[0] !== 0) throw broken('a chunk that does not begin as it should')
    this.#bytes = bytes
    this.#code = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  }

  /** Was everything read, and nothing more? */
  get isDone(): boolean {
    return this.#at === this.#bytes.length && this.#code === 0
  }

  bit(probabilities: Uint16Array, index: number): number {
    const probability = probabilities[index] ?? 0
    const bound = (this.#range >>> PROBABILITY_BITS) * probability
    if (this.#code < bound) {
      this.#range = bound
      probabilities[index] = probability + ((2 ** PROBABILITY_BITS - probability) >> PROBABILITY_STEP)
      this.#refill()
      return 0
    }
    this.#range -= bound
    this.#code -= bound
    probabilities[index] = probability - (probability >> PROBABILITY_STEP)
    this.#refill()
    return 1
  }

  /** `count` bits that are not learnt. */
  direct(count: number): number {
    let value = 0
    for (let turn = 0; turn < count; turn += 1) {
      this.#range >>>= 1
      const bit = this.#code >= this.#range ? 1 : 0
      if (bit === 1) this.#code -= this.#range
      this.#refill()
      value = value * 2 + bit
    }
    return value
  }

  /** `count` bits, the highest first, each learnt by itself for each value of those before it. */
  tree(probabilities: Uint16Array, start: number, count: number): number {
    let node = 1
    for (let turn = 0; turn < count; turn += 1) node = node * 2 + this.bit(probabilities, start + node)
    return node - 2 ** count
  }

  /** Likewise, the lowest bit first. */
  reverseTree(probabilities: Uint16Array, start: number, count: number): number {
    let node = 1
    let value = 0
    for (let turn = 0; turn < count; turn += 1) {
      const bit = this.bit(probabilities, start + node)
      node = node * 2 + bit
      value |= bit << turn
    }
    return value
  }

  #refill(): void {
    if (this.#range >= TOP) return
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw broken('a chunk that ends too early')
    this.#at += 1
    this.#range = (this.#range * 256) >>> 0
    this.#code = ((this.#code << 8) | byte) >>> 0
  }
}

export class LzmaDecoder {
  readonly #output: Output
  readonly #model: LzmaModel
  /** Where in the output the dictionary begins: nothing before it may be repeated. */
  readonly #start: number
  #bits: RangeDecoder = new RangeDecoder(new Uint8Array(5))

  /** `start` is where in the output the dictionary was reset. */
  constructor(output: Output, properties: LzmaProperties, start: number) {
    this.#output = output
    this.#model = new LzmaModel(properties)
    this.#start = start
  }

  /** Decode one chunk, which must become exactly `length` bytes. Throws `DecodeError`. */
  decode(chunk: Uint8Array, length: number): void {
    this.#bits = new RangeDecoder(chunk)
    this.#output.reserve(length)
    const end = this.#output.length + length
    while (this.#output.length < end) this.#symbol(end - this.#output.length)
    if (!this.#bits.isDone) throw broken('a chunk that is longer than it says')
  }

  #symbol(room: number): void {
    const model = this.#model
    const position = this.#output.length - this.#start
    const positionState = model.positionState(position)
    if (this.#bits.bit(model.isMatch, model.state * 16 + positionState) === 0) this.#literal(position)
    else if (this.#bits.bit(model.isRepeat, model.state) === 0) this.#match(positionState, position, room)
    else this.#repeat(positionState, position, room)
  }

  #literal(position: number): void {
    const model = this.#model
    const start = model.literalStart(position, position === 0 ? 0 : this.#output.back(1))
    // After a repetition the byte that would have followed it is a hint what this one is not.
    const isHinted = model.state >= LITERAL_STATES
    let hint = isHinted ? this.#output.back(model.repeats[0] + 1) : 0
    let offset = isHinted ? 0x100 : 0
    let node = 1
    while (node < 0x100) {
      hint <<= 1
      const hintBit = hint & offset
      const bit = this.#bits.bit(model.literals, start + offset + hintBit + node)
      node = node * 2 + bit
      offset &= bit === 1 ? hint : ~hint
    }
    this.#output.fill(node & 0xff, 1)
    model.afterLiteral()
  }

  #match(positionState: number, position: number, room: number): void {
    const model = this.#model
    const length = this.#length(model.matchLength, positionState)
    const distance = this.#distance(length)
    model.repeats = [distance, model.repeats[0], model.repeats[1], model.repeats[2]]
    model.afterMatch()
    this.#copy(distance, length, position, room)
  }

  #repeat(positionState: number, position: number, room: number): void {
    const model = this.#model
    const [first, second, third, fourth] = model.repeats
    if (this.#bits.bit(model.isRepeat0, model.state) === 0) {
      if (this.#bits.bit(model.isLongRepeat0, model.state * 16 + positionState) === 0) {
        model.afterShortRepeat()
        this.#copy(first, 1, position, room)
        return
      }
    } else if (this.#bits.bit(model.isRepeat1, model.state) === 0) {
      model.repeats = [second, first, third, fourth]
    } else if (this.#bits.bit(model.isRepeat2, model.state) === 0) {
      model.repeats = [third, first, second, fourth]
    } else {
      model.repeats = [fourth, first, second, third]
    }
    const length = this.#length(model.repeatLength, positionState)
    model.afterRepeat()
    this.#copy(model.repeats[0], length, position, room)
  }

  #copy(distance: number, length: number, position: number, room: number): void {
    if (distance >= position) throw broken('a repetition of something that was not there')
    if (length > room) throw broken('a chunk that is longer than it says')
    this.#output.repeat(distance + 1, length)
  }

  #length(model: LengthModel, positionState: number): number {
    const start = positionState * SHORT_LENGTHS
    if (this.#bits.bit(model.choices, 0) === 0) return MIN_MATCH + this.#bits.tree(model.low, start, 3)
    if (this.#bits.bit(model.choices, 1) === 0)
      return MIN_MATCH + SHORT_LENGTHS + this.#bits.tree(model.middle, start, 3)
    return MIN_MATCH + 2 * SHORT_LENGTHS + this.#bits.tree(model.high, 0, 8)
  }

  #distance(length: number): number {
    const model = this.#model
    const slot = this.#bits.tree(model.slots, lengthState(length) * 2 ** SLOT_BITS, SLOT_BITS)
    if (slot < FIRST_LEARNT_SLOT) return slot
    const count = (slot >> 1) - 1
    const base = (2 | (slot & 1)) * 2 ** count
    if (slot < FIRST_DIRECT_SLOT) return base + this.#bits.reverseTree(model.distances, base - slot, count)
    const high = this.#bits.direct(count - ALIGN_BITS) * 2 ** ALIGN_BITS
    return base + high + this.#bits.reverseTree(model.align, 0, ALIGN_BITS)
  }
}

function broken(what: string): DecodeError {
  return new DecodeError(`The xz data is broken: ${what}`)
}
