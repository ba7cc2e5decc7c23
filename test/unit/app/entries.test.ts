import { expect, it } from 'vitest'
import { Entries } from '../../../src/app/entries.ts'
import { defineEntry } from '../../../src/app/entry.ts'
import { interval } from '../../../src/schedule/interval.ts'

it('keeps entries in their order, the last one of each name', () => {
  const entries = new Entries()
  const make = (name: string, task: string) => defineEntry(name, { task, schedule: interval(30) }, 'app')
  for (const [name, task] of [
    ['a', 'one'],
    ['b', 'two'],
    ['a', 'three'],
  ] as const)
    entries.add(make(name, task))
  expect(entries.all().map(({ name, task }) => `${name} ${task}`)).toEqual(['a three', 'b two'])
})
