import { describe, expect, it } from 'vitest'
import { NotRegistered } from '../../../src/errors.ts'
import { TaskRegistry } from '../../../src/task/registry.ts'
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

  it('makes tasks that every app has when they are first asked for, and lists them nowhere', () => {
    const { task, tasks } = traced()
    task('proj.map', {}, add)
    const builtin = { definition: tasks.definition('proj.map')!, task: tasks.get('proj.map')! }
    const asked: string[] = []
    const registry = new TaskRegistry((name) => {
      asked.push(name)
      return name === 'celery.map' ? builtin : undefined
    })
    expect([registry.get('celery.map'), registry.definition('celery.map')]).toEqual([builtin.task, builtin.definition])
    expect([registry.has('celery.map'), registry.has('celery.other'), registry.has('proj.other')]).toEqual([
      true,
      false,
      false,
    ])
    expect(asked).toEqual(['celery.map', 'celery.other'])
    expect([registry.names(), registry.size]).toEqual([[], 0])
    registry.register(builtin)
    expect(registry.names()).toEqual(['proj.map'])
  })
})
