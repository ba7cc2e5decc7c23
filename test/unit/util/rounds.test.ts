import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { Rounds } from '../../../src/util/rounds.ts'
import { nextTurn } from '../../../src/util/turn.ts'

function fixture() {
  const told: [items: readonly string[], error: string | undefined][] = []
  const rounds = new Rounds<string>((items, error) => told.push([items, error?.message]))
  return { told, rounds }
}

describe('Rounds', () => {
  it('tell those who wait for the same promise together, in their order', async () => {
    const { told, rounds } = fixture()
    const [one, two] = [deferred<void>(), deferred<void>()]
    rounds.add('a', one.promise)
    rounds.add('b', one.promise)
    rounds.add('c', two.promise)
    two.resolve()
    await nextTurn()
    one.resolve()
    await nextTurn()
    expect(told).toEqual([
      [['c'], undefined],
      [['a', 'b'], undefined],
    ])
  })

  it('tell the error of a promise that is rejected', async () => {
    const { told, rounds } = fixture()
    rounds.add('a', Promise.reject(new Error('lost')))
    await nextTurn()
    expect(told).toEqual([[['a'], 'lost']])
  })

  it('tell also who comes with a promise that has been told', async () => {
    const { told, rounds } = fixture()
    const promise = Promise.resolve()
    for (const item of ['a', 'b']) {
      rounds.add(item, promise)
      await nextTurn()
    }
    expect(told).toEqual([
      [['a'], undefined],
      [['b'], undefined],
    ])
  })
})
