import { describe, expect, it } from 'vitest'
import { MaxRetriesExceededError, Retry } from '../../../src/errors.ts'
import { resolvePolicy } from '../../../src/task/options.ts'
import type { TaskOptions, TaskPolicy } from '../../../src/task/options.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'
import { planRetry } from '../../../src/task/retry.ts'
import { taskDefaults } from '../../support/task-defaults.ts'

class Flaky extends Error {}

function request(retries: number, calledDirectly = false): TaskRequest {
  return new TaskRequest({
    head: { ...bareHead('proj.add', 'id-1'), retries },
    args: [1],
    kwargs: {},
    embed: NO_EMBED,
    properties: {},
    deliveryInfo: { exchange: '', routing_key: 'celery', priority: null, redelivered: false },
    hostname: 'celery@test',
    isEager: false,
    calledDirectly,
  })
}

const policyOf = (options: TaskOptions = {}): TaskPolicy => resolvePolicy(options, taskDefaults())

describe('planRetry', () => {
  it('waits as long as the task says, or as the call says', () => {
    const plan = planRetry(request(0), policyOf({ defaultRetryDelay: 7 })) as Retry
    expect(plan).toBeInstanceOf(Retry)
    expect(plan.plan.countdown).toBe(7)
    expect((planRetry(request(0), policyOf(), { countdown: 0 }) as Retry).plan.countdown).toBe(0)
    const eta = new Date('2030-01-01T00:00:00Z')
    expect((planRetry(request(0), policyOf(), { eta }) as Retry).plan).toEqual({ eta, options: {} })
  })

  it('carries new arguments and publish options', () => {
    const plan = planRetry(request(0), policyOf(), {
      args: [2],
      kwargs: { z: 3 },
      queue: 'slow',
      countdown: 1,
    }) as Retry
    expect(plan.plan).toEqual({ args: [2], kwargs: { z: 3 }, countdown: 1, options: { queue: 'slow' } })
  })

  it('gives up after maxRetries with the error it was given, else with MaxRetriesExceededError', () => {
    const cause = new Flaky('again')
    expect(planRetry(request(2), policyOf({ maxRetries: 2 }), { exc: cause })).toBe(cause)
    expect(planRetry(request(2), policyOf({ maxRetries: 2 }))).toBeInstanceOf(MaxRetriesExceededError)
    expect(planRetry(request(1), policyOf({ maxRetries: 2 }), { exc: cause })).toBeInstanceOf(Retry)
  })

  it('never gives up with null, and the call wins over the task', () => {
    expect(planRetry(request(999), policyOf({ maxRetries: null }))).toBeInstanceOf(Retry)
    expect(planRetry(request(3), policyOf({ maxRetries: 1 }), { maxRetries: 5 })).toBeInstanceOf(Retry)
    expect(planRetry(request(3), policyOf({ maxRetries: null }), { maxRetries: 1 })).toBeInstanceOf(
      MaxRetriesExceededError,
    )
  })

  it('answers the cause where the task is called like a function', () => {
    const cause = new Flaky('again')
    expect(planRetry(request(0, true), policyOf(), { exc: cause })).toBe(cause)
  })
})
