import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TaskHeap } from '../../../src/events/task-heap.ts'

const ref = (item: string) => ({ item })
const texts = (heap: TaskHeap<string>, reverse = false): string => [...heap.items(reverse)].join('')

describe('the order', () => {
  it('is that of the clocks, and of the names where they are equal', () => {
    const heap = new TaskHeap<string>(10)
    heap.push(2, 1, 'b', ref('d'))
    heap.push(1, 9, 'b', ref('b'))
    heap.push(2, 1, 'a', ref('c'))
    heap.push(1, 9, 'a', ref('a'))
    heap.push(3, 0, 'a', ref('e'))
    expect(texts(heap)).toBe('abcde')
    expect(texts(heap, true)).toBe('edcba')
  })

  it('is that of time for those without a clock', () => {
    const heap = new TaskHeap<string>(10)
    heap.push(0, 5, 'x', ref('c'))
    heap.push(0, 1, 'x', ref('a'))
    heap.push(0, 3, 'x', ref('b'))
    heap.push(0, 3, 'a', ref('B'))
    expect(texts(heap)).toBe('abBc')
  })
})

describe('the size', () => {
  it('is bounded: the first goes', () => {
    const heap = new TaskHeap<string>(3)
    for (const clock of [1, 2, 3, 4, 5, 6, 7, 8, 9]) heap.push(clock, 0, '', ref(String(clock)))
    expect(heap.size).toBe(3)
    expect(texts(heap)).toBe('789')
    heap.push(8, 0, 'z', ref('x'))
    expect(texts(heap)).toBe('8x9')
    heap.clear()
    expect([heap.size, texts(heap)]).toEqual([0, ''])
  })

  it('stays so, and the order too, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (clocks) => {
        const heap = new TaskHeap<number>(8)
        for (const clock of clocks) heap.push(clock + 1, 0, '', { item: clock })
        const items = [...heap.items(false)]
        expect(items).toEqual(items.toSorted((a, b) => a - b))
        expect(items).toHaveLength(Math.min(8, clocks.length))
      }),
    )
  })
})

it('skips what was forgotten, and lets others add while it is read', () => {
  const heap = new TaskHeap<string>(10)
  const gone: { item: string | undefined } = ref('b')
  heap.push(1, 0, '', ref('a'))
  heap.push(2, 0, '', gone)
  heap.push(3, 0, '', ref('c'))
  gone.item = undefined
  let seen = ''
  for (const item of heap.items(false)) {
    heap.push(9, 0, '', ref('z'))
    seen += item
  }
  expect(seen).toBe('ac')
})
