import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { Gathering } from '../../../src/result/gathering.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import type { Result, ResultHost } from '../../../src/result/result.ts'

const host: ResultHost = { backend: () => Promise.reject(new Error('none')), revoke: () => Promise.resolve() }
const task = (id: string): Result => new AsyncResult(id, host)
const group = (id: string, members: Result[]): Result => new GroupResult(id, members, host)

/** Task ids, nested as the groups are. */
type Shape = string | Shape[]

const build = (shape: Shape): Result => (Array.isArray(shape) ? group('g', shape.map(build)) : task(shape))
const leaves = (shape: Shape): string[] => (Array.isArray(shape) ? shape.flatMap(leaves) : [shape])
const values = (shape: Shape): unknown => (Array.isArray(shape) ? shape.map(values) : `value of ${shape}`)

// Few ids, so that a task is often there twice.
const { shape: shapes } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof({ maxDepth: 3 }, fc.constantFrom('a', 'b', 'c', 'd'), fc.array(tie('shape'), { maxLength: 3 })),
}))

describe('gathering', () => {
  it('says what is complete by each value, once', () => {
    const gathering = new Gathering([task('a'), group('g', [task('b'), task('c')]), task('b'), group('e', [])])
    expect(gathering.missing).toEqual(['a', 'b', 'c'])
    expect(gathering.takeEmpty().map(({ index, value }) => [index, value])).toEqual([[3, []]])
    const take = (id: string, value: unknown): unknown[] =>
      gathering.take(id, value).map(({ index, result, value }) => [index, result.id, value])
    expect(take('b', 2)).toEqual([[2, 'b', 2]])
    expect(take('b', 3)).toEqual([])
    expect(take('stranger', 3)).toEqual([])
    expect(take('c', undefined)).toEqual([[1, 'g', [2, undefined]]])
    expect(gathering.missingCount).toBe(1)
    expect(take('a', 1)).toEqual([[0, 'a', 1]])
    expect(gathering.missing).toEqual([])
  })

  it('gives every value its place, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(shapes), fc.infiniteStream(fc.nat()), (list, order) => {
        const gathering = new Gathering(list.map(build))
        const arrived: unknown[] = []
        let count = 0
        const note = (arrivals: ReturnType<Gathering['take']>): void => {
          for (const { index, value } of arrivals) {
            arrived[index] = value
            count += 1
          }
        }
        note(gathering.takeEmpty())
        const open = [...new Set(leaves(list))]
        while (open.length > 0) {
          const [id = ''] = open.splice(order.next().value % open.length, 1)
          note(gathering.take(id, `value of ${id}`))
        }
        expect(arrived).toEqual(values(list))
        expect([count, gathering.missingCount]).toEqual([list.length, 0])
      }),
    )
  })
})
