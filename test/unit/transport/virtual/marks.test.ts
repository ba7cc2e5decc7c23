import { expect, it } from 'vitest'
import { chooseNew } from '../../../../src/transport/virtual/marks.ts'

const entry = (name: string, key?: string, number = 0) => ({
  name,
  once: key === undefined ? undefined : { key, number },
})

function choose(entries: ReturnType<typeof entry>[], known: Record<string, number> = {}) {
  const { chosen, marks } = chooseNew(entries, (key) => known[key])
  return { names: chosen.map(({ name }) => name), marks: Object.fromEntries(marks) }
}

it('leaves alone what has no mark', () => {
  const entries = [entry('a'), entry('b')]
  expect(chooseNew(entries, () => 9).chosen).toBe(entries)
  expect(choose([entry('a'), entry('b', 'k', 1)], { k: 1 })).toEqual({ names: ['a'], marks: {} })
})

it('takes what is greater than what was before', () => {
  expect(choose([entry('a', 'k', 1), entry('b', 'l', 1)], { k: 1 })).toEqual({ names: ['b'], marks: { l: 1 } })
  expect(choose([entry('a', 'k', 2), entry('b', 'k', 3), entry('c', 'k', 2), entry('d', 'k', 3)], { k: 1 })).toEqual({
    names: ['a', 'b'],
    marks: { k: 3 },
  })
  expect(choose([entry('a', 'k', 3), entry('b', 'k', 2)])).toEqual({ names: ['a'], marks: { k: 3 } })
})

it('takes all entries of one publication, or none', () => {
  const both = [5, 6].flatMap((number) => {
    const first = entry('q1', 'k', number)
    return [first, { ...first, name: 'q2' }]
  })
  expect(choose(both, { k: 5 })).toEqual({ names: ['q1', 'q2'], marks: { k: 6 } })
})
