/**
 * Compresses to bzip2: runs are shortened, each block is sorted by its rotations (Burrows-Wheeler), then written as
 * places of recently used bytes and runs of zeros, with a Huffman code. One code a block, where bzip2 has up to six:
 * some percent longer, and far less to go wrong.
 */
import { Buffer } from 'node:buffer'
import {
  addToCrc,
  BLOCK_MAGIC,
  BLOCK_UNIT,
  combineCrc,
  END_MAGIC,
  finishCrc,
  GROUP_SIZE,
  RUN_A,
  STREAM_MAGIC,
} from './bzip2.ts'
import { sortRotations } from './rotations.ts'

/** Blocks of 900000 bytes, as Python's default. */
const LEVEL = 9
/** bzip2 leaves some room at the end of each block. */
const MAX_BLOCK = LEVEL * BLOCK_UNIT - 19
const MAX_RUN = 255
/** bzip2 itself writes none longer, though it reads 20. */
const MAX_CODE_LENGTH = 17

/** One stream with all of `bytes`. */
export function compressBzip2(bytes: Uint8Array): Buffer {
  const bits = new BitWriter(bytes.length)
  for (const letter of `${STREAM_MAGIC}${String(LEVEL)}`) bits.write(letter.charCodeAt(0), 8)
  let streamCrc = 0
  let start = 0
  while (start < bytes.length) {
    const block = shortenRuns(bytes, start)
    writeBlock(bits, block)
    streamCrc = combineCrc(streamCrc, block.crc)
    start = block.end
  }
  bits.write(END_MAGIC[0], 24)
  bits.write(END_MAGIC[1], 24)
  bits.write32(streamCrc)
  return bits.finish()
}

class BitWriter {
  #buffer: Buffer
  #at = 0
  #bits = 0
  #count = 0

  constructor(guess: number) {
    this.#buffer = Buffer.allocUnsafe(guess + 256)
  }

  /** The lowest `count` bits of `value`; at most 24. */
  write(value: number, count: number): void {
    this.#bits = (this.#bits << count) | value
    this.#count += count
    while (this.#count >= 8) {
      this.#count -= 8
      this.#push((this.#bits >>> this.#count) & 0xff)
    }
  }

  write32(value: number): void {
    this.write(value >>> 16, 16)
    this.write(value & 0xffff, 16)
  }

  /** All bytes; the last is filled up with zeros. */
  finish(): Buffer {
    if (this.#count > 0) this.write(0, 8 - this.#count)
    return this.#buffer.subarray(0, this.#at)
  }

  #push(byte: number): void {
    if (this.#at === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], 2 * this.#buffer.length)
    this.#buffer[this.#at] = byte
    this.#at += 1
  }
}

/** The bytes of one block, runs shortened, and where in the input the next block begins. */
interface Block {
  readonly bytes: Uint8Array
  readonly crc: number
  readonly end: number
}

/** Of four to 255 equal bytes only four are kept, followed by how many more there were. */
function shortenRuns(input: Uint8Array, start: number): Block {
  const bytes = new Uint8Array(Math.min(MAX_BLOCK, 5 + Math.ceil(((input.length - start) * 5) / 4)))
  let length = 0
  let crc = -1
  let at = start
  while (at < input.length && length + 5 <= bytes.length) {
    const byte = input[at] ?? 0
    let run = 1
    while (run < MAX_RUN && input[at + run] === byte) run += 1
    for (let turn = 0; turn < run; turn += 1) crc = addToCrc(crc, byte)
    const kept = Math.min(run, 4)
    bytes.fill(byte, length, length + kept)
    length += kept
    if (kept === 4) {
      bytes[length] = run - 4
      length += 1
    }
    at += run
  }
  return { bytes: bytes.subarray(0, length), crc: finishCrc(crc), end: at }
}

function writeBlock(bits: BitWriter, block: Block): void {
  const { last, origin } = sortRotations(block.bytes)
  const used = usedBytes(block.bytes)
  const symbols = toSymbols(last, used)
  bits.write(BLOCK_MAGIC[0], 24)
  bits.write(BLOCK_MAGIC[1], 24)
  bits.write32(block.crc)
  bits.write(0, 1)
  bits.write(origin, 24)
  writeUsedBytes(bits, used)
  writeSymbols(bits, symbols, used.length + 2)
}

function usedBytes(bytes: Uint8Array): number[] {
  const isUsed = new Uint8Array(256)
  for (const byte of bytes) isUsed[byte] = 1
  return Array.from(isUsed.keys()).filter((byte) => isUsed[byte] === 1)
}

/** A bit for each sixteen bytes that are used, then a bit for each byte in them. */
function writeUsedBytes(bits: BitWriter, used: readonly number[]): void {
  const ranges = new Uint16Array(16)
  for (const byte of used) ranges[byte >> 4] = (ranges[byte >> 4] ?? 0) | (0x8000 >> (byte & 15))
  let present = 0
  for (let range = 0; range < 16; range += 1) if (ranges[range] !== 0) present |= 0x8000 >> range
  bits.write(present, 16)
  for (const range of ranges) if (range !== 0) bits.write(range, 16)
}

/** Each byte by its place among those used last; runs of the foremost by their length; at the end, the end. */
function toSymbols(last: Uint8Array, used: readonly number[]): Uint16Array {
  const front = Uint8Array.from(used)
  const symbols = new Uint16Array(last.length + 1)
  let length = 0
  let run = 0
  const endRun = (): void => {
    // In digits 1 and 2, the lowest first: every length has exactly one form.
    for (; run > 0; run = (run - 1) >> 1) {
      symbols[length] = RUN_A + ((run - 1) & 1)
      length += 1
    }
  }
  for (const byte of last) {
    const place = front.indexOf(byte)
    if (place === 0) {
      run += 1
      continue
    }
    endRun()
    symbols[length] = place + 1
    length += 1
    front.copyWithin(1, 0, place)
    front[0] = byte
  }
  endRun()
  symbols[length] = used.length + 1
  return symbols.subarray(0, length + 1)
}

function writeSymbols(bits: BitWriter, symbols: Uint16Array, symbolCount: number): void {
  const lengths = codeLengths(symbols, symbolCount)
  // The format wants two codes at least. All groups use the first.
  bits.write(2, 3)
  const groups = Math.ceil(symbols.length / GROUP_SIZE)
  bits.write(groups, 15)
  for (let group = 0; group < groups; group += 1) bits.write(0, 1)
  writeCode(bits, lengths)
  writeCode(bits, lengths)
  const codes = canonicalCodes(lengths)
  for (const symbol of symbols) bits.write(codes[symbol] ?? 0, lengths[symbol] ?? 0)
}

/** The length of each symbol's code: the first as it is, each next by steps up (10) and down (11), then 0. */
function writeCode(bits: BitWriter, lengths: Uint8Array): void {
  let current = lengths[0] ?? 0
  bits.write(current, 5)
  for (const length of lengths) {
    for (; current < length; current += 1) bits.write(0b10, 2)
    for (; current > length; current -= 1) bits.write(0b11, 2)
    bits.write(0, 1)
  }
}

function canonicalCodes(lengths: Uint8Array): Uint32Array {
  const codes = new Uint32Array(lengths.length)
  let code = 0
  for (let length = 1; length <= MAX_CODE_LENGTH; length += 1) {
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      if (lengths[symbol] !== length) continue
      codes[symbol] = code
      code += 1
    }
    code *= 2
  }
  return codes
}

/** Huffman's code lengths, none longer than allowed: where one is, rare symbols are made less rare. */
function codeLengths(symbols: Uint16Array, symbolCount: number): Uint8Array {
  let weights = Array.from({ length: symbolCount }, () => 0)
  for (const symbol of symbols) weights[symbol] = (weights[symbol] ?? 0) + 1
  for (;;) {
    const lengths = huffmanLengths(weights.map((weight) => Math.max(weight, 1)))
    if (lengths.every((length) => length <= MAX_CODE_LENGTH)) return Uint8Array.from(lengths)
    weights = weights.map((weight) => (weight >> 1) + 1)
  }
}

/** Join the two lightest again and again: each join makes the codes of all symbols below it longer by one. */
function huffmanLengths(weights: readonly number[]): number[] {
  const parents: number[] = []
  const open = weights.map((weight, node) => ({ weight, node })).sort((a, b) => a.weight - b.weight)
  let next = weights.length
  while (open.length > 1) {
    const [first, second] = open.splice(0, 2) as [{ weight: number; node: number }, { weight: number; node: number }]
    parents[first.node] = next
    parents[second.node] = next
    const weight = first.weight + second.weight
    const found = open.findIndex((other) => other.weight > weight)
    open.splice(found === -1 ? open.length : found, 0, { weight, node: next })
    next += 1
  }
  return weights.map((_, symbol) => {
    let length = 0
    for (let node = parents[symbol]; node !== undefined; node = parents[node]) length += 1
    return length
  })
}
