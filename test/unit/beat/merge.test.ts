import { expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import { mergeTimetable } from '../../../src/beat/merge.ts'
import { interval } from '../../../src/schedule/interval.ts'

const code = (name: string, task: string) => defineEntry(name, { task, schedule: interval(30) }, 'app')
const runtime = (name: string, task: string) => defineEntry(name, { task, schedule: interval(30) }, 'runtime')

it('puts code and store together; of the same name the code counts', () => {
  const state = { name: 'both', lastDueMs: 5, totalRunCount: 1 }
  const { rows, orphans, unreadable } = mergeTimetable(
    [code('both', 'code'), code('new', 'code')],
    [
      { name: 'both', definition: runtime('both', 'store'), state, paused: true },
      { name: 'added', definition: runtime('added', 'store'), state: undefined, paused: false },
      { name: 'gone', definition: undefined, state, paused: false },
      { name: 'newer', definition: undefined, unreadable: new Error('what is this'), state, paused: false },
    ],
  )
  expect(
    rows.map(({ definition, state, paused }) => [definition.name, definition.task, state?.lastDueMs, paused]),
  ).toEqual([
    ['both', 'code', 5, true],
    ['new', 'code', undefined, false],
    ['added', 'store', undefined, false],
  ])
  expect(orphans).toEqual(['gone'])
  expect(unreadable).toEqual([new Error('what is this')])
})
