/**
 * Decompresses bzip2. Bits become symbols (Huffman), symbols become bytes of a block (runs, move to front), the block is
 * put back in order (Burrows-Wheeler) and its runs are written out. Stops as soon as the output grows too long.
 */
import { Buffer } from 'node:buffer'
import { DecodeError } from '../../errors.ts'
import {
  addToCrc,
  BLOCK_MAGIC,
  BLOCK_UNIT,
  combineCrc,
  END_MAGIC,
  finishCrc,
  GROUP_SIZE,
  RUN_B,
  STREAM_MAGIC,
} from './bzip2.ts'
import { Output } from './output.ts'

const MAX_CODE_LENGTH = 20

/**
 * Decompress all streams that `bytes` begins with; what follows and is no stream is left alone, as Python does. Throws
 * `DecodeError` for broken data, and as soon as there would be more than `maxBytes`.
 */
export function decompressBzip2(bytes: Uint8Array, maxBytes: number): Buffer {
  const output = new Output(maxBytes, 4 * bytes.length)
  let start = 0
  do start += new StreamDecoder(bytes.subarray(start), output).decode()
  while (isStream(bytes, start))
  return output.take()
}

function isStream(bytes: Uint8Array, start: number): boolean {
  return Buffer.from(bytes.subarray(start, start + 3)).toString('latin1') === STREAM_MAGIC
}

class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  #bits = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The next `count` bits as a number; at most 24. */
  read(count: number): number {
    while (this.#count < count) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw broken('it ends too early')
      this.#bits = (this.#bits << 8) | byte
      this.#at += 1
      this.#count += 8
    }
    this.#count -= count
    return (this.#bits >>> this.#count) & ((1 << count) - 1)
  }

  read32(): number {
    return this.read(16) * 0x10000 + this.read(16)
  }

  /** How many bytes were begun. */
  get position(): number {
    return this.#at
  }
}

/** A canonical Huffman code: which symbol stands for which bits. */
class HuffmanCode {
  /** By length: the last code of that length, or -1; and what to add to a code to find its symbol. */
  readonly #limits = new Int32Array(MAX_CODE_LENGTH + 1).fill(-1)
  readonly #offsets = new Int32Array(MAX_CODE_LENGTH + 1)
  readonly #symbols: Uint16Array

  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length)
    let code = 0
    let index = 0
    for (let length = 1; length <= MAX_CODE_LENGTH; length += 1) {
      this.#offsets[length] = index - code
      for (let symbol = 0; symbol < lengths.length; symbol += 1) {
        if (lengths[symbol] !== length) continue
        this.#symbols[index] = symbol
        index += 1
        code += 1
      }
      this.#limits[length] = code - 1
      code *= 2
    }
  }

  read(bits: BitReader): number {
    let code = 0
    for (let length = 1; length <= MAX_CODE_LENGTH; length += 1) {
      code = code * 2 + bits.read(1)
      if (code > (this.#limits[length] ?? -1)) continue
      const symbol = this.#symbols[code + (this.#offsets[length] ?? 0)]
      if (symbol === undefined) break
      return symbol
    }
    throw broken('bits that stand for nothing')
  }
}

class StreamDecoder {
  readonly #bits: BitReader
  readonly #output: Output
  readonly #maxLength: number
  /** The block, still in the order of its sorted rotations; later each entry also holds where the next byte is. */
  #block: Uint32Array
  #length = 0

  constructor(bytes: Uint8Array, output: Output) {
    const head = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
    if (!/^BZh[1-9]$/.test(head)) throw broken('it does not begin as bzip2 does')
    this.#bits = new BitReader(bytes.subarray(4))
    this.#output = output
    this.#maxLength = Number(head.charAt(3)) * BLOCK_UNIT
    // Grows when needed: a short message must not take up megabytes.
    this.#block = new Uint32Array(Math.min(this.#maxLength, 8 * bytes.length))
  }

  /** Answers how many bytes the stream took. */
  decode(): number {
    let streamCrc = 0
    while (this.#readMagic()) {
      const expected = this.#bits.read32()
      if (this.#bits.read(1) === 1) throw broken('a randomised block, which no bzip2 has written since 1997')
      const origin = this.#bits.read(24)
      this.#readBlock()
      if (origin >= this.#length) throw broken('a block that begins outside of itself')
      const crc = this.#writeBlock(origin)
      if (crc !== expected) throw broken('its checksum does not fit')
      streamCrc = combineCrc(streamCrc, crc)
    }
    if (this.#bits.read32() !== streamCrc) throw broken('its checksum does not fit')
    return 4 + this.#bits.position
  }

  /** Does another block follow? */
  #readMagic(): boolean {
    const magic = [this.#bits.read(24), this.#bits.read(24)]
    if (magic[0] === BLOCK_MAGIC[0] && magic[1] === BLOCK_MAGIC[1]) return true
    if (magic[0] === END_MAGIC[0] && magic[1] === END_MAGIC[1]) return false
    throw broken('something else where a block should begin')
  }

  #readBlock(): void {
    const front = this.#readUsedBytes()
    const codeCount = this.#bits.read(3)
    if (codeCount < 2 || codeCount > 6) throw broken('a wrong number of codes')
    const selectors = this.#readSelectors(codeCount)
    const codes = Array.from({ length: codeCount }, () => this.#readCode(front.length + 2))
    this.#readSymbols(front, codes, selectors)
  }

  /** The bytes that the block uses, in the order in which they stand in front at first. */
  #readUsedBytes(): Uint8Array {
    const ranges = this.#bits.read(16)
    const used: number[] = []
    for (let range = 0; range < 16; range += 1) {
      if (((ranges >> (15 - range)) & 1) === 0) continue
      const bytes = this.#bits.read(16)
      for (let low = 0; low < 16; low += 1) if (((bytes >> (15 - low)) & 1) === 1) used.push(range * 16 + low)
    }
    if (used.length === 0) throw broken('a block that uses no bytes')
    return Uint8Array.from(used)
  }

  /** Which code each group of symbols uses: each is said by its place among those used last. */
  #readSelectors(codeCount: number): Uint8Array {
    const count = this.#bits.read(15)
    const recent = Array.from({ length: codeCount }, (_, index) => index)
    return Uint8Array.from({ length: count }, () => {
      let place = 0
      while (this.#bits.read(1) === 1) place += 1
      if (place >= codeCount) throw broken('a code that is not there')
      const [selector = 0] = recent.splice(place, 1)
      recent.unshift(selector)
      return selector
    })
  }

  #readCode(symbolCount: number): HuffmanCode {
    let length = this.#bits.read(5)
    const lengths = Uint8Array.from({ length: symbolCount }, () => {
      while (this.#bits.read(1) === 1) {
        length += this.#bits.read(1) === 0 ? 1 : -1
        if (length < 1 || length > MAX_CODE_LENGTH) throw broken('a code of a wrong length')
      }
      if (length < 1 || length > MAX_CODE_LENGTH) throw broken('a code of a wrong length')
      return length
    })
    return new HuffmanCode(lengths)
  }

  #readSymbols(front: Uint8Array, codes: readonly HuffmanCode[], selectors: Uint8Array): void {
    const endOfBlock = front.length + 1
    let run = 0
    let digit = 1
    this.#length = 0
    for (let index = 0; ; index += 1) {
      const selector = selectors[Math.floor(index / GROUP_SIZE)]
      const symbol = codes[selector ?? -1]?.read(this.#bits)
      if (symbol === undefined) throw broken('more symbols than it has codes for')
      if (symbol <= RUN_B) {
        // A run's length is written with the digits 1 and 2, the lowest first.
        run += digit * (symbol + 1)
        digit *= 2
        if (run > this.#maxLength) throw broken('a block that is too long')
        continue
      }
      if (run > 0) this.#add(front[0] ?? 0, run)
      run = 0
      digit = 1
      if (symbol === endOfBlock) return
      this.#add(moveToFront(front, symbol - 1), 1)
    }
  }

  #add(byte: number, count: number): void {
    const end = this.#length + count
    if (end > this.#block.length) this.#grow(end)
    if (count === 1) this.#block[this.#length] = byte
    else this.#block.fill(byte, this.#length, end)
    this.#length = end
  }

  #grow(needed: number): void {
    if (needed > this.#maxLength) throw broken('a block that is too long')
    const larger = new Uint32Array(Math.min(this.#maxLength, Math.max(needed, 2 * this.#block.length)))
    larger.set(this.#block.subarray(0, this.#length))
    this.#block = larger
  }

  /** Put the block back in order and write it. Answers its checksum. */
  #writeBlock(origin: number): number {
    const block = this.#block
    this.#linkBlock()
    let crc = -1
    let previous = -1
    let repeated = 0
    let at = (block[origin] ?? 0) >>> 8
    for (let index = 0; index < this.#length; index += 1) {
      const entry = block[at] ?? 0
      const byte = entry & 0xff
      at = entry >>> 8
      // After four equal bytes comes how many more there are.
      const count = repeated === 4 ? byte : 1
      const value = repeated === 4 ? previous : byte
      this.#output.fill(value, count)
      for (let turn = 0; turn < count; turn += 1) crc = addToCrc(crc, value)
      repeated = repeated === 4 ? 0 : value === previous ? repeated + 1 : 1
      previous = repeated === 0 ? -1 : value
    }
    return finishCrc(crc)
  }

  /** Note in each entry, above its byte, where the byte after it is. */
  #linkBlock(): void {
    const block = this.#block
    const starts = new Uint32Array(256)
    for (let index = 0; index < this.#length; index += 1) {
      const byte = block[index] ?? 0
      starts[byte] = (starts[byte] ?? 0) + 1
    }
    let sum = 0
    for (let byte = 0; byte < 256; byte += 1) {
      const count = starts[byte] ?? 0
      starts[byte] = sum
      sum += count
    }
    for (let index = 0; index < this.#length; index += 1) {
      const byte = (block[index] ?? 0) & 0xff
      const place = starts[byte] ?? 0
      block[place] = (block[place] ?? 0) | (index << 8)
      starts[byte] = place + 1
    }
  }
}

/** The byte at this place, which is in front from now on. */
function moveToFront(front: Uint8Array, place: number): number {
  const byte = front[place] ?? 0
  front.copyWithin(1, 0, place)
  front[0] = byte
  return byte
}

function broken(what: string): DecodeError {
  return new DecodeError(`The bzip2 data is broken: ${what}`)
}
