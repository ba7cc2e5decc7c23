import { expect, it } from 'vitest'
import { createProgress } from '../../../src/cli/progress.ts'
import { Recorder } from '../../support/command-line.ts'

it('shows a terminal how far it is', () => {
  // What Node's own terminals have besides.
  const stream = Object.assign(new Recorder(true), { columns: 80 })
  const bar = createProgress(stream, 'Migrating')
  bar.update(2, 4)
  bar.update(5, 4)
  bar.stop()
  expect(stream.text).toContain('Migrating')
  expect(stream.text).toContain('5/5')
})

it('shows nothing elsewhere', () => {
  const stream = new Recorder(false)
  const bar = createProgress(stream, 'Migrating')
  bar.update(2, 4)
  bar.stop()
  expect(stream.text).toBe('')
})
