import { describe, expect, it } from 'vitest'
import { readDeclaration } from '../../../src/app/declaration.ts'

function add(x: number, y: number): number {
  return x + y
}
const fn = add as never

describe('readDeclaration', () => {
  it('takes a name, options and a function, or less', () => {
    expect(readDeclaration('proj', 'proj.sum', fn, undefined)).toEqual({ name: 'proj.sum', options: {}, fn: add })
    expect(readDeclaration('proj', 'proj.sum', { bind: true }, fn)).toEqual({
      name: 'proj.sum',
      options: { bind: true },
      fn: add,
    })
    expect(readDeclaration('proj', fn, undefined, undefined)).toEqual({ name: 'proj.add', options: {}, fn: add })
  })

  it('says what is missing', () => {
    expect(() => readDeclaration('proj', () => 0, undefined, undefined)).toThrow('this one has none')
    expect(() => readDeclaration('proj', 'proj.sum', { bind: true }, undefined)).toThrow(
      'The task proj.sum needs a function',
    )
    expect(() => readDeclaration('proj', '', fn, undefined)).toThrow('A task needs a name')
    expect(() => readDeclaration('proj', 'proj.sum', { schema: {} as never }, fn)).toThrow('Standard Schema')
    expect(() => readDeclaration('proj', 'proj.sum', { maxRetrys: 1 } as never, fn)).toThrow(
      'proj.sum: there is no task option "maxRetrys"; did you mean "maxRetries"?',
    )
  })
})
