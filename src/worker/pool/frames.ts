/**
 * Length-prefixed frames on a byte stream: a writer that gathers many in one buffer, and a reader that finds them again
 * however the stream cuts them. What is in a frame is `ipc.ts`.
 */

/** A frame is its length (of all that follows), its kind, then its fields. */
const LENGTH_BYTES = 4
const SLAB_BYTES = 64 * 1024
/** Up to here the room for a text is guessed from its length; above, it is counted. */
const GUESSED_TEXT = 16 * 1024
/** No UTF-16 unit takes more bytes in UTF-8. */
const MAX_UNIT_BYTES = 3

export class FrameWriter {
  #slab: Buffer = Buffer.allocUnsafe(SLAB_BYTES)
  /** From here on nothing was taken yet. */
  #start = 0
  #at = 0
  #frame = 0

  /** Begin a frame; fields follow, then `end`. */
  begin(kind: number): void {
    this.#reserve(LENGTH_BYTES + 1)
    this.#frame = this.#at
    this.#at += LENGTH_BYTES
    this.#slab[this.#at++] = kind
  }

  /** The frame is complete. */
  end(): void {
    this.#slab.writeUInt32LE(this.#at - this.#frame - LENGTH_BYTES, this.#frame)
  }

  /** 0 to 255. */
  byte(value: number): void {
    this.#reserve(1)
    this.#slab[this.#at++] = value
  }

  number(value: number): void {
    this.#reserve(8)
    this.#at = this.#slab.writeDoubleLE(value, this.#at)
  }

  text(value: string): void {
    const most = value.length * MAX_UNIT_BYTES
    this.#reserve(LENGTH_BYTES + (most <= GUESSED_TEXT ? most : Buffer.byteLength(value)))
    const length = this.#slab.write(value, this.#at + LENGTH_BYTES)
    this.#slab.writeUInt32LE(length, this.#at)
    this.#at += LENGTH_BYTES + length
  }

  bytes(value: Uint8Array): void {
    this.#reserve(LENGTH_BYTES + value.byteLength)
    this.#slab.writeUInt32LE(value.byteLength, this.#at)
    this.#slab.set(value, this.#at + LENGTH_BYTES)
    this.#at += LENGTH_BYTES + value.byteLength
  }

  /** All frames since the last `take`; undefined where there are none. These bytes are never written again. */
  take(): Buffer | undefined {
    if (this.#at === this.#start) return undefined
    const taken = this.#slab.subarray(this.#start, this.#at)
    this.#start = this.#at
    return taken
  }

  /** What was taken is no longer looked at: use its room again. Only when all was taken. */
  reuse(): void {
    if (this.#slab.length > SLAB_BYTES) this.#slab = Buffer.allocUnsafe(SLAB_BYTES)
    this.#start = 0
    this.#at = 0
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return
    const waiting = this.#slab.subarray(this.#start, this.#at)
    // Doubling, so that a frame of many fields is not copied once for each.
    const slab = Buffer.allocUnsafe(Math.max(SLAB_BYTES, 2 * waiting.length + bytes))
    slab.set(waiting)
    this.#slab = slab
    this.#frame -= this.#start
    this.#at = waiting.length
    this.#start = 0
  }
}

/** A frame that is being read, field by field. The reader uses one object for all frames: do not keep it. */
export class Frame {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  /** Look at the frame whose kind is at `at`. */
  open(bytes: Buffer, at: number): number {
    this.#bytes = bytes
    this.#at = at + 1
    return bytes[at] as number
  }

  byte(): number {
    return this.#bytes[this.#at++] as number
  }

  number(): number {
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  text(): string {
    const from = this.#skipField()
    return this.#bytes.toString('utf8', from, this.#at)
  }

  /** A view of the bytes that came: fine to keep, not to change. */
  bytes(): Uint8Array {
    const from = this.#skipField()
    return this.#bytes.subarray(from, this.#at)
  }

  #skipField(): number {
    const from = this.#at + LENGTH_BYTES
    this.#at = from + this.#bytes.readUInt32LE(this.#at)
    return from
  }
}

export class FrameReader {
  readonly #onFrame: (kind: number, frame: Frame) => void
  readonly #frame = new Frame()
  #pieces: Buffer[] = []
  #piecesBytes = 0
  /** How many bytes of pieces make the next step worth while. */
  #wanted = 0

  constructor(onFrame: (kind: number, frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  /** Take the next bytes of the stream; calls `onFrame` for each frame that they complete. */
  push(chunk: Buffer): void {
    if (this.#piecesBytes === 0) {
      this.#read(chunk)
      return
    }
    this.#pieces.push(chunk)
    this.#piecesBytes += chunk.length
    // Joined once a frame is whole, for a large one comes in hundreds of pieces.
    if (this.#piecesBytes < this.#wanted) return
    const joined = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#piecesBytes = 0
    this.#read(joined)
  }

  #read(bytes: Buffer): void {
    let at = 0
    while (at + LENGTH_BYTES <= bytes.length) {
      const end = at + LENGTH_BYTES + bytes.readUInt32LE(at)
      if (end > bytes.length) {
        this.#keep(bytes, at, end - at)
        return
      }
      this.#onFrame(this.#frame.open(bytes, at + LENGTH_BYTES), this.#frame)
      at = end
    }
    if (at < bytes.length) this.#keep(bytes, at, LENGTH_BYTES)
  }

  #keep(bytes: Buffer, at: number, wanted: number): void {
    const rest = bytes.subarray(at)
    this.#pieces = [rest]
    this.#piecesBytes = rest.length
    this.#wanted = wanted
  }
}
