import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { LogFile } from '../../../src/util/log-file.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

function openFile() {
  const path = join(temporaryDirectory(), 'w.log')
  const clock = fakeClock()
  return { path, clock, file: new LogFile(path, clock) }
}

it('appends to what is there', () => {
  const { path, clock, file } = openFile()
  file.write('one\n')
  file.close()
  new LogFile(path, clock).write('zwei ü\n')
  expect(readFileSync(path, 'utf8')).toBe('one\nzwei ü\n')
})

it('is not opened where that is not possible', () => {
  expect(() => new LogFile('/nowhere/at/all.log', fakeClock())).toThrow(ImproperlyConfigured)
})

it('says why a text could not be written, and goes on', () => {
  const file = new LogFile('/dev/full', fakeClock())
  expect(file.write('one\n')?.message).toMatch(/ENOSPC/)
  expect(file.write('two\n')?.message).toMatch(/ENOSPC/)
})

describe('a file that was moved away', () => {
  it('is made anew within a second', async () => {
    const { path, clock, file } = openFile()
    file.write('one\n')
    renameSync(path, `${path}.1`)
    file.write('two\n')
    await clock.advance(1000)
    file.write('three\n')
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\ntwo\n', 'three\n'])
  })

  it('is made anew at once where that is asked for', () => {
    const { path, file } = openFile()
    renameSync(path, `${path}.1`)
    file.reopen()
    file.write('one\n')
    expect(readFileSync(path, 'utf8')).toBe('one\n')
  })

  it('is written on where there can be no new one', async () => {
    const { path, clock, file } = openFile()
    const folder = join(path, '..')
    renameSync(folder, `${folder}-moved`)
    await clock.advance(1000)
    expect(file.write('one\n')).toBeUndefined()
    expect(readFileSync(join(`${folder}-moved`, 'w.log'), 'utf8')).toBe('one\n')
  })
})
