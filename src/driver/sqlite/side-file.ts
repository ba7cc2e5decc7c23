/** The small file beside a database, through which processes leave one another notes. What the notes say is the users' matter. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'

/** Eight bytes a slot. */
export const SLOT_BYTES = 8

/** Never throws: notes are hints, and where they cannot be left processes look by themselves. */
export class SideFile {
  readonly path: string
  readonly #slots: number
  #descriptor: number | undefined

  constructor(path: string, slots: number) {
    this.path = path
    this.#slots = slots
  }

  /** Is the file there, made where it was not? */
  open(): boolean {
    try {
      this.#descriptor ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o666)
    } catch {
      return false
    }
    return true
  }

  /** Read all slots into `target`; slots that nobody wrote are zero. Answers whether that was possible. */
  read(target: Buffer): boolean {
    target.fill(0)
    if (!this.open()) return false
    try {
      readSync(this.#descriptor as number, target, 0, this.#slots * SLOT_BYTES, 0)
    } catch {
      return false
    }
    return true
  }

  write(slot: number, note: Buffer): void {
    if (!this.open()) return
    try {
      writeSync(this.#descriptor as number, note, 0, SLOT_BYTES, slot * SLOT_BYTES)
    } catch {
      this.close()
    }
  }

  /** Was the file deleted, so that others cannot see it any more? */
  get deleted(): boolean {
    return this.#descriptor !== undefined && fstatSync(this.#descriptor).nlink === 0
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
