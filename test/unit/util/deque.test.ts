import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Deque } from '../../../src/util/deque.ts'

type Step = { push: number } | { shift: true } | { insert: number; at: number }

const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ push: fc.integer() }),
    fc.record({ shift: fc.constant(true as const) }),
    fc.record({ insert: fc.integer(), at: fc.nat(8) }),
  ),
  { maxLength: 200, size: 'max' },
)

describe('Deque', () => {
  it('does what an array does', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const deque = new Deque<number>()
        const array: number[] = []
        for (const step of all) {
          if ('push' in step) {
            deque.push(step.push)
            array.push(step.push)
          } else if ('shift' in step) {
            expect(deque.shift()).toBe(array.shift())
          } else {
            const index = Math.min(step.at, array.length)
            deque.insert(index, step.insert)
            array.splice(index, 0, step.insert)
          }
          expect(deque.size).toBe(array.length)
        }
        expect(array.map((_, index) => deque.at(index))).toEqual(array)
        expect(deque.at(array.length)).toBeUndefined()
      }),
    )
  })

  it('keeps order while it grows and shrinks by thousands', () => {
    const deque = new Deque<number>()
    let next = 0
    let expected = 0
    for (const [add, take] of [
      [5000, 4990],
      [10, 15],
      [3000, 3005],
    ] as const) {
      for (let count = 0; count < add; count += 1) deque.push(next++)
      for (let count = 0; count < take; count += 1) expect(deque.shift()).toBe(expected++)
    }
    expect([deque.size, deque.shift()]).toEqual([0, undefined])
  })
})
