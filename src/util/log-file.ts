/**
 * A log file: lines are appended at once, and a file that cannot be written keeps nobody from working. It follows its
 * name: where another program has moved the file away, as logrotate does, a new one is made.
 */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { ImproperlyConfigured } from '../errors.ts'
import { asError } from './as-error.ts'
import type { Clock } from './clock.ts'

/** How often to look whether the name still means this file; asking before each line would cost as much as writing it. */
const LOOK_MS = 1000

export class LogFile {
  readonly path: string
  readonly #clock: Clock
  #fd: number
  #lookedMs: number

  /** Opens the file, or makes it. Throws `ImproperlyConfigured` where that is not possible. */
  constructor(path: string, clock: Clock) {
    this.path = path
    this.#clock = clock
    try {
      this.#fd = open(path)
    } catch (error) {
      throw new ImproperlyConfigured(`The log file ${path} cannot be opened: ${asError(error).message}`, {
        cause: error,
      })
    }
    this.#lookedMs = clock.monotonic()
  }

  /** Append a text. Answers why it could not be written, if so. Never throws. */
  write(text: string): Error | undefined {
    if (this.#clock.monotonic() - this.#lookedMs >= LOOK_MS) this.#follow()
    try {
      const bytes = Buffer.from(text)
      for (let written = 0; written < bytes.length;) written += writeSync(this.#fd, bytes, written)
      return undefined
    } catch (error) {
      return asError(error)
    }
  }

  /** Open the file anew by its name; where that is not possible, go on with the old one. */
  reopen(): void {
    this.#lookedMs = this.#clock.monotonic()
    try {
      const fd = open(this.path)
      closeSync(this.#fd)
      this.#fd = fd
    } catch {
      // Lines in the old file are better than none; the next look tries again.
    }
  }

  /** Close it; nothing may be written afterwards. */
  close(): void {
    closeSync(this.#fd)
  }

  #follow(): void {
    this.#lookedMs = this.#clock.monotonic()
    if (!this.#isNamed()) this.reopen()
  }

  /** Does the name still mean the file that is open? */
  #isNamed(): boolean {
    try {
      const named = statSync(this.path, { throwIfNoEntry: false })
      const own = fstatSync(this.#fd)
      return named?.ino === own.ino && named.dev === own.dev
    } catch {
      return false
    }
  }
}

function open(path: string): number {
  return openSync(path, 'a', 0o644)
}
