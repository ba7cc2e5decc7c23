import { expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import { StoredEntries } from '../../../src/beat/stored-entries.ts'

it('begins with what was stored', () => {
  const first = new StoredEntries()
  first.put(defineEntry('a', { task: 't', schedule: 30 }, 'runtime'))
  first.pause('b')
  first.save([{ name: 'a', lastDueMs: 5, totalRunCount: 1 }])
  const second = new StoredEntries(first)
  expect(second.version).toBe(2)
  expect(second.entries).toEqual(first.entries)
  second.remove(['a'])
  expect([first.entries.length, second.entries.length]).toEqual([2, 1])
})

it('has a new entry where an unreadable one was', () => {
  const name = 'a'
  const entries = new StoredEntries({
    version: 0,
    entries: [{ name, definition: undefined, unreadable: new Error('newer'), state: undefined, paused: false }],
  })
  entries.put(defineEntry(name, { task: 't', schedule: 30 }, 'runtime'))
  expect(entries.entries[0]?.unreadable).toBeUndefined()
})
