import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineEntry } from '../../../src/app/entry.ts'
import type { EntryInput } from '../../../src/app/entry.ts'
import { callOf, jitterOf, taskIdOf } from '../../../src/beat/firing.ts'
import { interval } from '../../../src/schedule/interval.ts'

const entry = (name: string, changes: Partial<EntryInput> = {}) =>
  defineEntry(name, { task: 'proj.ping', schedule: interval(30), ...changes }, 'app')

describe('taskIdOf', () => {
  it('follows from app, entry and instant, and nothing else', () => {
    const id = taskIdOf('proj', { definition: entry('a'), dueMs: 1000 })
    expect(id).toBe('91d9f8a9-5136-522a-b7e5-6d9b5849344c')
    expect(taskIdOf('proj', { definition: entry('a', { task: 'other' }), dueMs: 1000 })).toBe(id)
    const others = [
      taskIdOf('proj2', { definition: entry('a'), dueMs: 1000 }),
      taskIdOf('proj', { definition: entry('b'), dueMs: 1000 }),
      taskIdOf('proj', { definition: entry('a'), dueMs: 1001 }),
    ]
    expect(new Set([id, ...others]).size).toBe(4)
  })
})

describe('jitterOf', () => {
  it('is none by default', () => {
    expect(jitterOf({ definition: entry('a'), dueMs: 1000 })).toBe(0)
  })

  it('is below its limit, the same each time, and another each time it is due', () => {
    const limit = fc.double({ min: 0.01, max: 3600, noNaN: true })
    fc.assert(
      fc.property(limit, fc.string({ minLength: 1 }), fc.nat(), (jitter, name, dueMs) => {
        const firing = { definition: entry(name, { jitter }), dueMs }
        const late = jitterOf(firing)
        expect(late).toBeGreaterThanOrEqual(0)
        expect(late).toBeLessThanOrEqual(jitter * 1000)
        expect(jitterOf(firing)).toBe(late)
      }),
    )
    const seen = Array.from({ length: 100 }, (_, dueMs) => jitterOf({ definition: entry('a', { jitter: 60 }), dueMs }))
    expect(new Set(seen).size).toBeGreaterThan(95)
    expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(50_000)
  })
})

describe('callOf', () => {
  it('is what the entry says', () => {
    const definition = entry('a', { args: [1, [2]], kwargs: { x: 3 }, options: { queue: 'q' } })
    expect(callOf(definition)).toEqual({ name: 'proj.ping', args: [1, [2]], options: { queue: 'q', kwargs: { x: 3 } } })
  })

  it('calls functions among the arguments, each time anew', () => {
    let count = 0
    const next = (): number => (count += 1)
    const definition = entry('a', { args: ['x', next], kwargs: { n: next } })
    expect(callOf(definition)).toMatchObject({ args: ['x', 2], options: { kwargs: { n: 1 } } })
    expect(callOf(definition)).toMatchObject({ args: ['x', 4], options: { kwargs: { n: 3 } } })
  })
})
