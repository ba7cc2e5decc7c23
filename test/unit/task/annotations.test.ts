import { describe, expect, it } from 'vitest'
import { annotationOf, isAnnotator, readAnnotation } from '../../../src/task/annotations.ts'
import type { Annotations } from '../../../src/task/annotations.ts'

describe('annotations', () => {
  it('are of one task, and over it those of all', () => {
    const annotations = { 'proj.add': { rateLimit: 1, timeLimit: 5 }, '*': { rateLimit: 2 } }
    expect(annotationOf(annotations, 'proj.add')).toEqual({ rateLimit: 2, timeLimit: 5 })
    expect(annotationOf(annotations, 'proj.mul')).toEqual({ rateLimit: 2 })
    expect(annotationOf(annotations, 'toString')).toEqual({ rateLimit: 2 })
    expect(annotationOf(null, 'proj.add')).toEqual({})
  })

  it('are the first in a list that has any, be it a table or an object that decides', () => {
    const decides = {
      annotate: ({ taskName }: { taskName: string }) => (taskName === 'b' ? { acks_late: true } : null),
    }
    const list: Annotations = [
      decides,
      { a: { timeLimit: 1 }, b: { timeLimit: 2 } },
      { a: { timeLimit: 3 }, '*': { queue: 'q' } },
    ]
    expect(annotationOf(list, 'a')).toEqual({ timeLimit: 1, queue: 'q' })
    expect(annotationOf(list, 'b')).toEqual({ acksLate: true, queue: 'q' })
    expect(annotationOf(list, 'c')).toEqual({ queue: 'q' })
  })

  it('may be for a task of the name annotate', () => {
    expect(isAnnotator({ annotate: { rateLimit: 1 } })).toBe(false)
    expect(annotationOf({ annotate: { rateLimit: 1 } }, 'annotate')).toEqual({ rateLimit: 1 })
  })

  it.each([
    [{ rate_limt: 1 }, 'here: there is no task option "rateLimt"; did you mean "rateLimit"?'],
    [{ bind: true }, 'here: the option "bind" belongs to the function'],
    [{ rateLimit: 'often' }, 'often'],
  ])('that cannot be are told of: %j', (annotation, message) => {
    expect(() => readAnnotation('here', annotation)).toThrow(message)
  })
})
