import { unlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SIDE_FILE_BYTES, SideFile, SLOTS } from '../../../../src/driver/sqlite/side-file.ts'
import { temporaryFile } from '../../../support/sqlite.ts'

const NOTE = Buffer.from('8 bytes!')

describe('a side file', () => {
  it('shows the notes of others, and zeros where there are none', () => {
    const path = temporaryFile()
    const [one, other] = [new SideFile(path), new SideFile(path)]
    const seen = Buffer.alloc(SIDE_FILE_BYTES, 0xff)
    one.write(SLOTS.results, NOTE)
    expect(other.read(seen)).toBe(true)
    expect(seen.subarray(0, 8)).toEqual(Buffer.alloc(8))
    expect(seen.subarray(8, 16)).toEqual(NOTE)
    expect(seen.subarray(16)).toEqual(Buffer.alloc(8))
    one.close()
    other.close()
  })

  it('does without where it cannot be made', () => {
    const file = new SideFile(`${temporaryFile()}/no/folder`)
    expect(file.open()).toBe(false)
    file.write(SLOTS.messages, NOTE)
    expect(file.read(Buffer.alloc(SIDE_FILE_BYTES))).toBe(false)
    expect(file.isDeleted()).toBe(false)
    file.close()
  })

  it('notices that it was deleted, and is made anew', () => {
    const path = temporaryFile()
    const file = new SideFile(path)
    expect(file.open()).toBe(true)
    expect(file.isDeleted()).toBe(false)
    unlinkSync(path)
    expect(file.isDeleted()).toBe(true)
    file.close()
    file.write(SLOTS.messages, NOTE)
    expect(file.isDeleted()).toBe(false)
    file.close()
  })
})
