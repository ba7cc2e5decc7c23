import { expect, it } from 'vitest'
import { StoredEntries } from '../../../src/beat/stored-entries.ts'

it('begins with what was stored', () => {
  const first = new StoredEntries<string>()
  first.put('a', 'definition')
  first.pause('b')
  first.save([{ name: 'a', lastDueMs: 5, totalRunCount: 1 }])
  const second = new StoredEntries(first.version, first.records)
  expect(second.version).toBe(2)
  expect(second.records).toEqual([
    { name: 'a', definition: 'definition', state: { name: 'a', lastDueMs: 5, totalRunCount: 1 }, paused: false },
    { name: 'b', definition: undefined, state: undefined, paused: true },
  ])
  second.remove(['a'])
  expect([first.records.length, second.records.length]).toEqual([2, 1])
})
