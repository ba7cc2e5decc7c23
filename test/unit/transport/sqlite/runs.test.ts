import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  appendRun,
  countMessages,
  cutRun,
  insertRun,
  lengthOf,
  listOldRuns,
  listRuns,
  rankOf,
  removeRuns,
  spansOf,
  waitingMessages,
} from '../../../../src/transport/sqlite/runs.ts'
import { openWithTables } from '../../../support/sqlite.ts'

const PLACE = { queue: 1, rank: 9 }

describe('runs', () => {
  it('have the ranks of priorities: the highest first', () => {
    expect([9, 0, 5, undefined, -3, 12, 4.7, Number.NaN, '3'].map(rankOf)).toEqual([0, 9, 4, 9, 9, 0, 5, 9, 9])
  })

  it('are spans of numbers', () => {
    expect(spansOf([])).toEqual([])
    expect(spansOf([3, 4, 5, 8, 10, 11])).toEqual([
      { first: 3, last: 5 },
      { first: 8, last: 8 },
      { first: 10, last: 11 },
    ])
    const numbers = fc.uniqueArray(fc.nat(60)).map((ids) => ids.sort((a, b) => a - b))
    fc.assert(
      fc.property(numbers, (ids) => {
        const spans = spansOf(ids)
        const back = spans.flatMap((span) => Array.from({ length: lengthOf(span) }, (_, index) => span.first + index))
        expect(back).toEqual(ids)
      }),
    )
  })

  it('grow at the end where new messages follow, and only there', async () => {
    const database = await openWithTables()
    await database.write((statements) => {
      appendRun(statements, PLACE, { first: 1, last: 10 })
      appendRun(statements, PLACE, { first: 11, last: 15 })
      appendRun(statements, PLACE, { first: 20, last: 20 })
      appendRun(statements, { queue: 1, rank: 8 }, { first: 21, last: 22 })
      appendRun(statements, { queue: 2, rank: 9 }, { first: 23, last: 23 })
      insertRun(statements, { queue: 2, rank: 9 }, { first: 30, last: 31 }, true)
      appendRun(statements, { queue: 2, rank: 9 }, { first: 32, last: 33 })
      const spans = (queue: number): unknown[] =>
        listRuns(statements, queue, 10).map(({ rank, first, last, redelivered }) => [rank, first, last, redelivered])
      expect(spans(1)).toEqual([
        [8, 21, 22, false],
        [9, 1, 15, false],
        [9, 20, 20, false],
      ])
      expect(spans(2)).toEqual([
        [9, 23, 23, false],
        [9, 30, 31, true],
        [9, 32, 33, false],
      ])
      expect(listRuns(statements, 1, 2)).toHaveLength(2)
      expect(listOldRuns(statements, 1, 20, 10)).toHaveLength(2)
    })
    await database.release()
  })

  it('are cut from the front, and removed', async () => {
    const database = await openWithTables()
    await database.write((statements) => {
      appendRun(statements, PLACE, { first: 1, last: 10 })
      const head = (): unknown => listRuns(statements, 1, 1).map(({ first, last }) => [first, last])
      for (const [upTo, left] of [
        [4, [[5, 10]]],
        [10, []],
      ] as const) {
        const [run] = listRuns(statements, 1, 1)
        cutRun(statements, run!, upTo)
        expect(head()).toEqual(left)
      }
      for (const first of [1, 5, 9]) insertRun(statements, PLACE, { first, last: first }, false)
      removeRuns(statements, PLACE, { first: 1, last: 5 })
      expect(head()).toEqual([[9, 9]])
    })
    await database.release()
  })

  it('are counted by queue', async () => {
    const database = await openWithTables()
    await database.write((statements) => {
      statements.run('INSERT INTO celeriac_counter VALUES (5, 0)')
      countMessages(statements, 5, 7)
      countMessages(statements, 5, -2)
      expect(waitingMessages(statements, 5)).toBe(5)
      expect(waitingMessages(statements, 6)).toBe(0)
    })
    await database.release()
  })
})
