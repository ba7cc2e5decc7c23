import { describe, expect, it } from 'vitest'
import { NotRegistered } from '../../../src/errors.ts'
import { traced } from '../../support/traced.ts'

const add = (x: number, y: number): number => x + y

describe('TaskRegistry', () => {
  it('knows tasks by name', () => {
    const { task, tasks } = traced()
    const sum = task('proj.add', {}, add)
    expect([tasks.names(), tasks.size, tasks.has('proj.add')]).toEqual([['proj.add'], 1, true])
    expect(tasks.get('proj.add')).toBe(sum)
    expect([...tasks]).toEqual([['proj.add', sum]])
    expect([tasks.get('nope'), tasks.definition('nope')]).toEqual([undefined, undefined])
  })

  it('takes the same function twice, and refuses another one under its name', () => {
    const { task } = traced()
    task('proj.add', {}, add)
    task('proj.add', {}, add)
    expect(() => task('proj.add', {}, () => 0)).toThrow('A task named "proj.add" is already registered')
  })

  it('forgets', () => {
    const { task, tasks } = traced()
    task('proj.add', {}, add)
    tasks.unregister('proj.add')
    expect(() => {
      tasks.unregister('proj.add')
    }).toThrow(NotRegistered)
  })
})
