/** A buffer that grows as it is written, up to a limit: what decompresses data writes into one of these. */
import { Buffer } from 'node:buffer'
import { DecodeError } from '../../errors.ts'

export class Output {
  readonly #maxBytes: number
  #buffer: Buffer
  #length = 0

  /** `guess` is how many bytes there will probably be. */
  constructor(maxBytes: number, guess: number) {
    this.#maxBytes = maxBytes
    this.#buffer = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(guess, 256)))
  }

  get length(): number {
    return this.#length
  }

  /** Make sure that `count` more bytes fit. Throws `DecodeError` where that would be more than the limit. */
  reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    if (needed > this.#maxBytes) throw tooLong(this.#maxBytes)
    const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, 2 * this.#buffer.length)))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }

  /** Write `byte` so many times. */
  fill(byte: number, count: number): void {
    this.reserve(count)
    const end = this.#length + count
    if (count === 1) this.#buffer[this.#length] = byte
    else this.#buffer.fill(byte, this.#length, end)
    this.#length = end
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Write again what was written `distance` bytes ago; `count` may be more than `distance`, for a repetition. */
  repeat(distance: number, count: number): void {
    this.reserve(count)
    const end = this.#length + count
    // One by one where the source grows while it is copied.
    if (distance >= count) this.#buffer.copyWithin(this.#length, this.#length - distance, end - distance)
    else for (let at = this.#length; at < end; at += 1) this.#buffer[at] = this.#buffer[at - distance] ?? 0
    this.#length = end
  }

  /** The byte that was written `distance` bytes ago; 0 before the first. */
  back(distance: number): number {
    return this.#buffer[this.#length - distance] ?? 0
  }

  /** What was written, from the byte numbered `start` on. */
  take(start: number = 0): Buffer {
    return this.#buffer.subarray(start, this.#length)
  }
}

/** The error for compressed data that would become longer than allowed. */
export function tooLong(maxBytes: number): DecodeError {
  return new DecodeError(`The compressed body would be longer than ${String(maxBytes)} bytes; it was not decompressed`)
}
