import { describe, expect, it } from 'vitest'
import { resolvePolicy } from '../../../src/task/options.ts'
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
      rejectOnWorkerLost: false,
      ignoreResult: false,
      storeErrorsEvenIfIgnored: false,
      storeEagerResult: false,
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
