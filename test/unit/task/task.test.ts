import { describe, expect, it } from 'vitest'
import { traced } from '../../support/traced.ts'
import { taskDefaults } from '../../support/task-defaults.ts'
import { createTask, TaskDefinition } from '../../../src/task/task.ts'

const add = (x: number, y: number): number => x + y

describe('a task object', () => {
  it('has the verbs of a call', async () => {
    const { task, calls } = traced()
    const sum = task('proj.add', {}, add)
    await sum.delay(1, 2)
    await sum.applyAsync([1, 2], { countdown: 3 })
    await sum.s(2).delay(1)
    await sum.si(1, 2).delay()
    await sum.signature([1, 2], { queue: 'q' }).delay()
    expect(calls.map((call) => [call.name, call.args, call.options])).toEqual([
      ['proj.add', [1, 2], undefined],
      ['proj.add', [1, 2], { countdown: 3 }],
      ['proj.add', [1, 2], { kwargs: {} }],
      ['proj.add', [1, 2], { kwargs: {} }],
      ['proj.add', [1, 2], { queue: 'q', kwargs: {} }],
    ])
    expect([sum.taskName, sum.name]).toEqual(['proj.add', 'proj.add'])
  })

  it('is still a function', () => {
    const { host } = traced()
    const direct = { ...host, directContext: () => undefined as never }
    const definition = new TaskDefinition('proj.add', add, {}, direct)
    const call = createTask(definition, direct)
    expect(call(2, 3)).toBe(5)
    expect(() => call(1, 2, 3)).toThrow('add() takes 2 positional arguments but 3 were given')
  })
})

describe('TaskDefinition', () => {
  it('fills in its policy from the settings, again when they change', () => {
    const { host } = traced()
    let settings = taskDefaults()
    const definition = new TaskDefinition('t', add, { timeLimit: 5 }, { ...host, taskDefaults: () => settings })
    expect(definition.policy).toMatchObject({ acksLate: false, timeLimit: 5, softTimeLimit: undefined, maxRetries: 3 })
    expect(definition.policy).toBe(definition.policy)
    settings = taskDefaults({ taskAcksLate: true, taskSoftTimeLimit: 3, taskAcksOnFailureOrTimeout: false })
    expect(definition.policy).toMatchObject({
      acksLate: true,
      softTimeLimit: 3,
      acksOnFailure: false,
      acksOnTimeout: false,
    })
  })

  it('is changed by annotations, which say nothing of the function itself', () => {
    const { host } = traced()
    let settings = taskDefaults({ taskAnnotations: { t: { rate_limit: '1/s', queue: 'slow', maxRetries: 7 } } })
    const definition = new TaskDefinition('t', add, { rateLimit: 5 }, { ...host, taskDefaults: () => settings })
    expect(definition.policy).toMatchObject({ rateLimit: '1/s', maxRetries: 7 })
    expect(definition.callOptions).toMatchObject({ queue: 'slow' })
    expect([definition.options.rateLimit, definition.declared.rateLimit]).toEqual(['1/s', 5])
    settings = taskDefaults()
    expect([definition.policy.rateLimit, definition.options.queue]).toEqual([5, undefined])
  })

  it('says once what it says about each of its calls', () => {
    const { host } = traced()
    let settings = taskDefaults()
    const definition = new TaskDefinition('t', add, { queue: 'q' }, { ...host, taskDefaults: () => settings })
    expect(definition.callOptions).toEqual({ queue: 'q', serializer: 'json' })
    expect(definition.callOptions).toBe(definition.callOptions)
    settings = taskDefaults({ taskSerializer: 'yaml' })
    expect(definition.callOptions).toEqual({ queue: 'q', serializer: 'yaml' })
  })

  it('checks what a caller can know, and waits only for a schema that takes its time', async () => {
    const { host } = traced()
    const checked = (validate: (value: unknown) => unknown): TaskDefinition => {
      const schema = [{ '~standard': { version: 1, vendor: 'test', validate } }] as never
      return new TaskDefinition('t', (x: number) => x, { schema }, host)
    }
    const plain = new TaskDefinition('t', add, {}, host)
    expect(plain.check([1, 2], {})).toBeUndefined()
    expect(() => plain.check([1], {})).toThrow('missing 1 required positional argument')
    expect(new TaskDefinition('t', add, { typing: false }, host).check([1], {})).toBeUndefined()
    expect(checked((value) => ({ value })).check([1], {})).toBeUndefined()
    await checked(async (value) => ({ value })).check([1], {})
    await expect(checked(async () => ({ issues: [{ message: 'no' }] })).check([1], {})).rejects.toThrow('no')
  })
})
