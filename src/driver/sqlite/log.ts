/**
 * Keeps the write-ahead log short. SQLite's own way does so only when no other process writes just then: with several
 * busy processes the log would grow for ever, and every commit would wait for the disk. So whoever sees that the log
 * has become long holds the others off for the moment that it takes to bring all of it into the file.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { SqlStatements } from './statements.ts'

/**
 * Bringing the log home waits for the disk, some 20 to 40 ms however long the log is: at 4 MiB that was a third of a busy
 * worker's time, at 32 MiB it is a twentieth. More would make the one commit that pays for all of them slower still.
 */
const LIMIT_BYTES = 32 * 1024 * 1024
/** How long the others may be in the way. The event loop waits meanwhile. */
const PATIENCE_MS = 10
const MEASURE_INTERVAL_MS = 2
/** While a long reader needs the log there is no use in trying at every commit: ever less often, down to this. */
const FIRST_RETRY_MS = 25
const MAX_RETRY_MS = 5_000

/** The log's format (https://sqlite.org/fileformat.html#walformat): a header, then frames of a header and a page each. */
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_SIZE_AT = 8
/** Two numbers that change whenever the log begins anew; a frame that has others is left over from before. */
const HEADER_SALTS_AT = 16
const FRAME_SALTS_AT = 8
const SALTS_BYTES = 8

export class WriteAheadLog {
  readonly #path: string
  readonly #header: Buffer = Buffer.alloc(HEADER_BYTES)
  readonly #frame: Buffer = Buffer.alloc(FRAME_HEADER_BYTES)
  #descriptor: number | undefined
  #nextMs = 0
  #retryMs = FIRST_RETRY_MS

  constructor(file: string) {
    this.#path = `${file}-wal`
  }

  /** To be called after a commit, outside of any transaction. */
  keepShort(statements: SqlStatements): void {
    const nowMs = performance.now()
    if (nowMs < this.#nextMs) return
    if (!this.#isLong() || beginAnew(statements)) {
      this.#nextMs = nowMs + MEASURE_INTERVAL_MS
      this.#retryMs = FIRST_RETRY_MS
    } else {
      this.#nextMs = nowMs + this.#retryMs
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** The file never shrinks, so its size says nothing: is the frame at the limit one of now? */
  #isLong(): boolean {
    try {
      this.#descriptor ??= openSync(this.#path, 'r')
      if (!readFully(this.#descriptor, this.#header, 0)) return false
      const frameBytes = FRAME_HEADER_BYTES + this.#header.readUInt32BE(PAGE_SIZE_AT)
      const frames = Math.floor(LIMIT_BYTES / frameBytes)
      if (!readFully(this.#descriptor, this.#frame, HEADER_BYTES + frames * frameBytes)) return false
    } catch {
      return false
    }
    const salts = this.#header.subarray(HEADER_SALTS_AT, HEADER_SALTS_AT + SALTS_BYTES)
    return salts.equals(this.#frame.subarray(FRAME_SALTS_AT, FRAME_SALTS_AT + SALTS_BYTES))
  }
}

function readFully(descriptor: number, target: Buffer, position: number): boolean {
  return readSync(descriptor, target, 0, target.length, position) === target.length
}

/** Bring all of the log into the file, so that the next write begins it anew. Answers whether that worked out. */
function beginAnew(statements: SqlStatements): boolean {
  try {
    statements.get(`PRAGMA busy_timeout = ${String(PATIENCE_MS)}`)
    return statements.get('PRAGMA wal_checkpoint(RESTART)')?.['busy'] === 0
  } catch {
    // The commit is done, and the log holds it. A disk that fails is reported to the next who writes.
    return false
  } finally {
    statements.get('PRAGMA busy_timeout = 0')
  }
}
