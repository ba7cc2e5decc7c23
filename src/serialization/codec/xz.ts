/**
 * The .xz format, which Python's `lzma` module writes: a header, blocks of LZMA2 chunks, an index of the blocks and a
 * footer, with checksums everywhere. One stream; the LZMA2 filter alone. The data inside the chunks is `lzma-decode.ts`
 * and `lzma-encode.ts`.
 */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { DecodeError } from '../../errors.ts'
import { bufferOf } from '../body.ts'
import { crc64 } from './checksum.ts'
import { LzmaDecoder } from './lzma-decode.ts'
import { LzmaEncoder } from './lzma-encode.ts'
import type { LzmaProperties } from './lzma.ts'
import { Output } from './output.ts'

const MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
const FOOTER_MAGIC = Buffer.from('YZ')
const FOOTER_SIZE = 12
const LZMA2_FILTER = 0x21

const NO_CHECK = 0
const CRC32_CHECK = 1
const CRC64_CHECK = 4
const SHA256_CHECK = 10
const CHECK_SIZES: ReadonlyMap<number, number> = new Map([
  [NO_CHECK, 0],
  [CRC32_CHECK, 4],
  [CRC64_CHECK, 8],
  [SHA256_CHECK, 32],
])

/** What the index says of a block. */
interface BlockRecord {
  /** Without the padding. */
  readonly size: number
  readonly length: number
}

/** Decompress. Throws `DecodeError` for broken data, and before there would be more than `maxBytes`. */
export function decompressXz(bytes: Uint8Array, maxBytes: number): Buffer {
  const output = new Output(maxBytes, 4 * bytes.length)
  new StreamDecoder(bufferOf(bytes), output).decode()
  return output.take()
}

/** xz's own. */
const PROPERTIES: LzmaProperties = { lc: 3, lp: 0, pb: 2 }
/** So much at a time becomes a chunk: even if nothing can be saved, that stays below a chunk's limit of 64 KiB. */
const CHUNK_SIZE = 48 * 1024

/** One stream with one block. */
export function compressXz(bytes: Uint8Array): Buffer {
  const flags = Buffer.from([0, CRC64_CHECK])
  const parts = [MAGIC, flags, uint32(crc32(flags))]
  const records: BlockRecord[] = []
  if (bytes.length > 0) {
    const block = writeBlock(bytes)
    records.push({ size: block.length, length: bytes.length })
    parts.push(withPadding(block.subarray(0, -8)), block.subarray(-8))
  }
  const index = writeIndex(records)
  const footer = Buffer.concat([uint32(index.length / 4 - 1), flags])
  return Buffer.concat([...parts, index, uint32(crc32(footer)), footer, FOOTER_MAGIC])
}

/** The block without its padding, which comes before the eight bytes of its check. */
function writeBlock(bytes: Uint8Array): Buffer {
  // A header of twelve bytes that says neither size, and a filter with one byte of properties.
  const header = withPadding(Buffer.from([2, 0, LZMA2_FILTER, 1, dictionaryCode(bytes.length)]))
  return Buffer.concat([
    header,
    uint32(crc32(header)),
    ...writeChunks(bytes),
    Buffer.of(0),
    checkOf(CRC64_CHECK, bytes),
  ])
}

/** The size of the dictionary: 2 or 3 times a power of two, enough for all that there is. */
function dictionaryCode(length: number): number {
  let code = 0
  while (code < 40 && (2 | (code & 1)) * 2 ** (Math.floor(code / 2) + 11) < length) code += 1
  return code
}

function writeChunks(bytes: Uint8Array): Buffer[] {
  const encoder = new LzmaEncoder(bytes, PROPERTIES)
  const parts: Buffer[] = []
  let needsProperties = true
  let needsReset = true
  for (let start = 0; start < bytes.length; start += CHUNK_SIZE) {
    const plain = bytes.subarray(start, start + CHUNK_SIZE)
    const chunk = encoder.encode(plain.length)
    if (chunk.length < plain.length) {
      const kind = start === 0 ? 0xe0 : needsProperties ? 0xc0 : needsReset ? 0xa0 : 0x80
      const { lc, lp, pb } = PROPERTIES
      const properties = needsProperties ? Buffer.of((pb * 5 + lp) * 9 + lc) : Buffer.of()
      parts.push(Buffer.of(kind), uint16(plain.length - 1), uint16(chunk.length - 1), properties, chunk)
      needsProperties = needsReset = false
    } else {
      parts.push(Buffer.of(start === 0 ? 1 : 2), uint16(plain.length - 1), bufferOf(plain))
      // What the encoder has learnt meanwhile, the decoder does not know.
      encoder.reset()
      needsReset = true
    }
  }
  return parts
}

function writeIndex(records: readonly BlockRecord[]): Buffer {
  const numbers = [records.length, ...records.flatMap(({ size, length }) => [size, length])]
  const index = withPadding(Buffer.concat([Buffer.of(0), ...numbers.map(writeNumber)]))
  return Buffer.concat([index, uint32(crc32(index))])
}

function writeNumber(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

function withPadding(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], Math.ceil(bytes.length / 4) * 4)
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

class StreamDecoder {
  readonly #bytes: Buffer
  readonly #output: Output
  #at = 0

  constructor(bytes: Buffer, output: Output) {
    this.#bytes = bytes
    this.#output = output
  }

  decode(): void {
    const check = this.#readHeader()
    const records: BlockRecord[] = []
    while (this.#peek() !== 0) records.push(this.#readBlock(check))
    const indexSize = this.#readIndex(records)
    this.#readFooter(check, indexSize)
    if (this.#at !== this.#bytes.length) throw broken('something follows the end of the stream')
  }

  /** Answers which kind of check follows each block. */
  #readHeader(): number {
    if (!this.#take(MAGIC.length).equals(MAGIC)) throw broken('it does not begin as .xz does')
    const flags = this.#take(2)
    if (this.#take(4).readUInt32LE() !== crc32(flags)) throw broken('the checksum of its header does not fit')
    const check = flags[1] ?? 0
    if (flags[0] !== 0 || !CHECK_SIZES.has(check)) throw broken('a kind of check that is not known')
    return check
  }

  #readBlock(check: number): BlockRecord {
    const start = this.#at
    this.#readBlockHeader()
    const outputStart = this.#output.length
    this.#readChunks()
    const unpadded = this.#at - start
    this.#skipPadding(start)
    const content = this.#output.take(outputStart)
    const expected = this.#take(CHECK_SIZES.get(check) ?? 0)
    if (!expected.equals(checkOf(check, content))) throw broken('the checksum of its content does not fit')
    return { size: unpadded + expected.length, length: content.length }
  }

  /** The sizes in it are said in the index too, so only the filter matters. */
  #readBlockHeader(): void {
    const size = (this.#peek() + 1) * 4
    const header = new StreamDecoder(this.#take(size), this.#output)
    const body = header.#take(size - 4)
    if (header.#take(4).readUInt32LE() !== crc32(body)) throw broken('the checksum of a block header does not fit')
    header.#at = 1
    const flags = header.#byte()
    if ((flags & 0x3f) !== 0) throw broken('a filter besides LZMA2')
    if ((flags & 0x40) !== 0) header.#number()
    if ((flags & 0x80) !== 0) header.#number()
    if (header.#number() !== LZMA2_FILTER || header.#number() !== 1) throw broken('a filter other than LZMA2')
  }

  #readChunks(): void {
    let decoder: LzmaDecoder | undefined
    let properties: LzmaProperties | undefined
    let dictionaryStart: number | undefined
    for (;;) {
      const control = this.#byte()
      if (control === 0) return
      if (control === 1 || control >= 0xe0) dictionaryStart = this.#output.length
      if (dictionaryStart === undefined) throw broken('a block that does not begin with a new dictionary')
      if (control < 0x80) {
        if (control > 2) throw broken('a chunk of an unknown kind')
        this.#output.append(this.#take(this.#take(2).readUInt16BE() + 1))
        continue
      }
      const length = ((control & 0x1f) << 16) + this.#take(2).readUInt16BE() + 1
      const size = this.#take(2).readUInt16BE() + 1
      if (control >= 0xc0) properties = readProperties(this.#byte())
      if (properties === undefined) throw broken('a chunk without properties')
      if (control >= 0xa0) decoder = new LzmaDecoder(this.#output, properties, dictionaryStart)
      if (decoder === undefined) throw broken('a chunk that goes on with nothing')
      decoder.decode(this.#take(size), length)
    }
  }

  /** Answers its size. */
  #readIndex(records: readonly BlockRecord[]): number {
    const start = this.#at
    this.#byte()
    let isRight = this.#number() === records.length
    for (const { size, length } of isRight ? records : []) {
      const [saidSize, saidLength] = [this.#number(), this.#number()]
      if (saidSize !== size || saidLength !== length) isRight = false
    }
    if (!isRight) throw broken('its index does not fit its blocks')
    this.#skipPadding(start)
    const crc = crc32(this.#bytes.subarray(start, this.#at))
    if (this.#take(4).readUInt32LE() !== crc) throw broken('the checksum of its index does not fit')
    return this.#at - start
  }

  #readFooter(check: number, indexSize: number): void {
    const footer = this.#take(FOOTER_SIZE)
    const isRight =
      footer.readUInt32LE() === crc32(footer.subarray(4, 10)) &&
      (footer.readUInt32LE(4) + 1) * 4 === indexSize &&
      footer.readUInt16BE(8) === check &&
      footer.subarray(10).equals(FOOTER_MAGIC)
    if (!isRight) throw broken('its footer does not fit')
  }

  #peek(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw broken('it ends too early')
    return byte
  }

  #byte(): number {
    const byte = this.#peek()
    this.#at += 1
    return byte
  }

  #take(size: number): Buffer {
    const end = this.#at + size
    if (end > this.#bytes.length) throw broken('it ends too early')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  /** Seven bits a byte, the lowest first, at most nine bytes. */
  #number(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 63; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw broken('a number that is too long')
  }

  /** Zeros up to the next multiple of four bytes from `start`. */
  #skipPadding(start: number): void {
    while ((this.#at - start) % 4 !== 0) if (this.#byte() !== 0) throw broken('a gap that is not empty')
  }
}

function readProperties(byte: number): LzmaProperties {
  const properties = { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) }
  if (byte >= 225 || properties.lc + properties.lp > 4) throw broken('properties that are not allowed')
  return properties
}

function checkOf(check: number, content: Uint8Array): Buffer {
  if (check === SHA256_CHECK) return createHash('sha256').update(content).digest()
  const bytes = Buffer.alloc(CHECK_SIZES.get(check) ?? 0)
  if (check === CRC32_CHECK) bytes.writeUInt32LE(crc32(content))
  if (check === CRC64_CHECK) bytes.writeBigUInt64LE(crc64(content))
  return bytes
}

function broken(what: string): DecodeError {
  return new DecodeError(`The xz data is broken: ${what}`)
}
