/** The small file beside a database, through which processes leave one another notes. What the notes say is the users' matter. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'

/** The size of a note. */
export const SLOT_BYTES = 8
/** Who has which slot, which processes must agree on: one for each topic of `wake.ts`, one for `turns.ts`. */
export const SLOTS = { messages: 0, results: 1, turns: 2 } as const
export const SIDE_FILE_BYTES: number = SLOT_BYTES * Object.keys(SLOTS).length

/** Never throws: notes are hints, and where they cannot be left processes look by themselves. */
export class SideFile {
  readonly path: string
  #descriptor: number | undefined

  constructor(path: string) {
    this.path = path
  }

  /** Is the file there, made where it was not? */
  open(): boolean {
    return this.#open() !== undefined
  }

  /** Read all slots into `target`, of `SIDE_FILE_BYTES`; those that nobody wrote are zero. Answers whether that worked. */
  read(target: Buffer): boolean {
    target.fill(0)
    const descriptor = this.#open()
    if (descriptor === undefined) return false
    try {
      readSync(descriptor, target, 0, SIDE_FILE_BYTES, 0)
      return true
    } catch {
      return false
    }
  }

  write(slot: number, note: Buffer): void {
    const descriptor = this.#open()
    if (descriptor === undefined) return
    try {
      writeSync(descriptor, note, 0, SLOT_BYTES, slot * SLOT_BYTES)
    } catch {
      this.close()
    }
  }

  /** Did somebody delete it, so that others see another one or none? */
  isDeleted(): boolean {
    return this.#descriptor !== undefined && fstatSync(this.#descriptor).nlink === 0
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): number | undefined {
    try {
      this.#descriptor ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o666)
    } catch {
      // The folder may not be ours to write.
    }
    return this.#descriptor
  }
}
