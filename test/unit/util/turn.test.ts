import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { endOfCallback, nextTurn, TurnBatch } from '../../../src/util/turn.ts'

describe('nextTurn', () => {
  it('comes after all promises of this turn', async () => {
    const order: string[] = []
    const turn = nextTurn().then(() => order.push('turn'))
    let chain = Promise.resolve()
    for (let link = 0; link < 50; link += 1) chain = chain.then(() => undefined)
    await Promise.all([turn, chain.then(() => order.push('promises'))])
    expect(order).toEqual(['promises', 'turn'])
  })
})

describe('endOfCallback', () => {
  it('comes after all promises of this callback, and before the next turn', async () => {
    const order: string[] = []
    const turn = nextTurn().then(() => order.push('turn'))
    const end = endOfCallback().then(() => order.push('end'))
    let chain = Promise.resolve()
    for (let link = 0; link < 50; link += 1) chain = chain.then(() => undefined)
    await Promise.all([turn, end, chain.then(() => order.push('promises'))])
    expect(order).toEqual(['promises', 'end', 'turn'])
  })
})

describe('TurnBatch', () => {
  it('gathers what comes in a whole turn while a flush is under way', async () => {
    const flushed: number[][] = []
    const first = deferred<void>()
    const batch = new TurnBatch<number>((items) => {
      flushed.push(items)
      return flushed.length === 1 ? first.promise : Promise.resolve()
    })
    const added = [batch.add([1])]
    await endOfCallback()
    expect(flushed).toEqual([[1]])
    added.push(batch.add([2]))
    await endOfCallback()
    added.push(batch.add([3]))
    expect(flushed).toEqual([[1]])
    await nextTurn()
    expect(flushed).toEqual([[1], [2, 3]])
    first.resolve()
    await Promise.all(added)
  })

  it('flushes what was added in one callback together, in order, with one promise for all', async () => {
    const flushed: number[][] = []
    const batch = new TurnBatch<number>(async (items) => {
      flushed.push(items)
    })
    const promises = [batch.add([1, 2]), batch.add([3])]
    await Promise.resolve()
    promises.push(batch.add([4]))
    expect(new Set(promises).size).toBe(1)
    expect(flushed).toEqual([])
    await promises[0]
    expect(flushed).toEqual([[1, 2, 3, 4]])
    await batch.add([5])
    expect(flushed).toEqual([[1, 2, 3, 4], [5]])
  })

  it('settles as the flush does, and goes on after a failure', async () => {
    let fail = true
    const batch = new TurnBatch<number>(async () => {
      if (fail) throw new Error('no')
    })
    await expect(batch.add([1])).rejects.toThrow('no')
    fail = false
    await expect(batch.add([2])).resolves.toBeUndefined()
  })

  it('can be flushed early, and then not again', async () => {
    const flushed: number[][] = []
    const batch = new TurnBatch<number>(async (items) => {
      flushed.push(items)
    })
    const added = batch.add([1])
    await batch.flush()
    await added
    await nextTurn()
    await batch.flush()
    expect(flushed).toEqual([[1]])
  })

  it('tells of a failed early flush only whoever added', async () => {
    const batch = new TurnBatch<number>(async () => {
      throw new Error('no')
    })
    const added = expect(batch.add([1])).rejects.toThrow('no')
    await expect(batch.flush()).resolves.toBeUndefined()
    await added
  })
})
