import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap } from '../../../src/util/heap.ts'

describe('Heap', () => {
  it('is empty at first', () => {
    const heap = new Heap<number>((a, b) => a < b)
    expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined])
  })

  it('gives out what a sorted list would, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: -50, max: 50 }))), (steps) => {
        const heap = new Heap<number>((a, b) => a < b)
        const list: number[] = []
        for (const step of steps) {
          if (step === null) {
            expect(heap.peek()).toBe(list[0])
            expect(heap.pop()).toBe(list.shift())
          } else {
            heap.push(step)
            list.push(step)
            list.sort((a, b) => a - b)
          }
          expect(heap.size).toBe(list.length)
        }
      }),
    )
  })
})
