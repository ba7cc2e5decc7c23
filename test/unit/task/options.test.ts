import { describe, expect, it } from 'vitest'
import { callOptions, checkTaskOptions, resolvePolicy } from '../../../src/task/options.ts'
import type { TaskOptions } from '../../../src/task/options.ts'
import { taskDefaults } from '../../support/task-defaults.ts'

describe('resolvePolicy', () => {
  it("is Celery's defaults where nobody says anything", () => {
    expect(resolvePolicy({}, taskDefaults())).toEqual({
      maxRetries: 3,
      defaultRetryDelay: 180,
      timeLimit: undefined,
      softTimeLimit: undefined,
      trackStarted: false,
      acksLate: false,
      acksOnFailure: true,
      acksOnTimeout: true,
      rateLimit: undefined,
      rejectOnWorkerLost: false,
      ignoreResult: false,
      storeErrorsEvenIfIgnored: false,
      storeEagerResult: false,
      sendEvents: true,
      serializer: 'json',
      compression: undefined,
      priority: undefined,
    })
  })

  it('takes the task before the settings', () => {
    const settings = taskDefaults({
      taskAcksLate: true,
      taskTimeLimit: 9,
      taskDefaultPriority: 4,
      taskIgnoreResult: true,
    })
    expect(resolvePolicy({}, settings)).toMatchObject({ acksLate: true, timeLimit: 9, priority: 4, ignoreResult: true })
    const options = { acksLate: false, timeLimit: 2, priority: 0, ignoreResult: false, maxRetries: null }
    expect(resolvePolicy(options, settings)).toMatchObject(options)
  })

  it('lets acksOnFailureOrTimeout stand for both', () => {
    const both = resolvePolicy({ acksOnFailureOrTimeout: false }, taskDefaults())
    expect([both.acksOnFailure, both.acksOnTimeout]).toEqual([false, false])
    const one = resolvePolicy({ acksOnFailureOrTimeout: false, acksOnTimeout: true }, taskDefaults())
    expect([one.acksOnFailure, one.acksOnTimeout]).toEqual([false, true])
  })
})

describe('callOptions', () => {
  const callsOf = (options: TaskOptions, settings = taskDefaults()): unknown =>
    callOptions(options, resolvePolicy(options, settings))

  it('are what a task says about each of its calls, and no more', () => {
    expect(callsOf({})).toEqual({ serializer: 'json' })
    const options = {
      queue: 'video',
      exchange: 'media',
      routingKey: 'v',
      expires: 60,
      deliveryMode: 1,
      timeLimit: 30,
      softTimeLimit: 20,
      serializer: 'yaml',
      compression: 'gzip',
      priority: 0,
      ignoreResult: true,
    } as const
    expect(callsOf({ ...options, maxRetries: 1, acksLate: true })).toEqual(options)
  })

  it('follow the settings, but for limits, which the worker fills in', () => {
    const settings = taskDefaults({ taskSerializer: 'yaml', taskDefaultPriority: 4, taskTimeLimit: 9 })
    expect(callsOf({}, settings)).toEqual({ serializer: 'yaml', priority: 4 })
  })
})

describe('checkTaskOptions', () => {
  it('lets all options pass, and names the nearest one to any other', () => {
    checkTaskOptions('t', { bind: true, onSuccess: () => undefined, params: ['x'] })
    expect(() => {
      checkTaskOptions('t', { acks_late: true } as never)
    }).toThrow('t: there is no task option "acks_late"; did you mean "acksLate"?')
  })
})
