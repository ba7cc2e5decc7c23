import { describe, expect, it } from 'vitest'
import { AsyncResult } from '../../../src/result/async-result.ts'
import { GroupResult } from '../../../src/result/group-result.ts'
import type { Result, ResultHost } from '../../../src/result/result.ts'
import { leavesOf, parentsOf, taskIdsUpwards, tupleOf } from '../../../src/result/tree.ts'

const host: ResultHost = { backend: () => Promise.reject(new Error('none')), revoke: () => Promise.resolve() }
const task = (id: string, parent?: Result): AsyncResult => new AsyncResult(id, host, { parent })
const group = (id: string, members: Result[], parent?: Result): GroupResult =>
  new GroupResult(id, members, host, { parent })

describe('a tree of results', () => {
  const before = task('before')
  const header = group('header', [task('h1', task('h1-before')), group('inner', [task('h2'), task('h3')])], before)
  const body = task('body', header)

  it('has leaves, and parents above', () => {
    expect(leavesOf([header, body]).map(({ id }) => id)).toEqual(['h1', 'h2', 'h3', 'body'])
    expect(parentsOf(body)).toEqual([header, before])
  })

  it('knows the tasks upwards, each once: members first, then what was before', () => {
    expect(taskIdsUpwards([body])).toEqual(['body', 'h1', 'h1-before', 'h2', 'h3', 'before'])
    expect(taskIdsUpwards([task('x', before), task('y', before)])).toEqual(['x', 'before', 'y'])
  })

  it('has a tuple for each of its shapes', () => {
    expect(tupleOf(task('a'))).toEqual([['a', null], null])
    expect(tupleOf(task('a', task('b', task('c'))))).toEqual([['a', [['b', [['c', null], null]], null]], null])
    expect(tupleOf(group('g', []))).toEqual([['g', null], []])
    expect(tupleOf(group('g', [task('a'), group('h', [task('b')])], task('p')))).toEqual([
      ['g', [['p', null], null]],
      [
        [['a', null], null],
        [['h', null], [[['b', null], null]]],
      ],
    ])
  })

  it('is looked at once, however many ways lead to a result', () => {
    let last: Result = task('first')
    for (let index = 0; index < 50; index += 1) {
      last = group('g', [task(`a${String(index)}`, last), task(`b${String(index)}`, last)])
    }
    expect(taskIdsUpwards([last])).toHaveLength(101)
  })

  it('may be longer than the stack is deep', () => {
    let last = task('first')
    for (let index = 0; index < 100_000; index += 1) last = task(String(index), last)
    expect(taskIdsUpwards([last])).toHaveLength(100_001)
    expect(tupleOf(last)[0][0]).toBe('99999')
  })
})
