import { describe, expect, it } from 'vitest'
import { MaxRetriesExceededError, Retry } from '../../../src/errors.ts'
import type { RetryPlan } from '../../../src/errors.ts'
import { resolvePolicy } from '../../../src/task/options.ts'
import type { TaskOptions, TaskPolicy } from '../../../src/task/options.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'
import { attemptOptions, planRetry } from '../../../src/task/retry.ts'
import type { RetryOptions } from '../../../src/task/retry.ts'
import { signatureData } from '../../../src/protocol/signature.ts'
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

/** The plan of a first new attempt. */
function planned(options?: RetryOptions, task: TaskOptions = {}): RetryPlan {
  const retry = planRetry(request(0), policyOf(task), options)
  if (retry instanceof Retry) return retry.plan
  throw retry
}

describe('planRetry', () => {
  it('waits as long as the task says, or as the call says', () => {
    expect(planned(undefined, { defaultRetryDelay: 7 }).countdown).toBe(7)
    expect(planned({ countdown: 0 }).countdown).toBe(0)
    const eta = new Date('2030-01-01T00:00:00Z')
    expect(planned({ eta })).toEqual({ eta, options: {} })
  })

  it('says when and why', () => {
    const eta = new Date('2030-01-01T00:00:00Z')
    expect(planRetry(request(0), policyOf(), { countdown: 3, exc: new Flaky('again') }).message).toBe(
      'Retry in 3s: Error: again',
    )
    expect(planRetry(request(0), policyOf(), { eta, exc: 'text' }).message).toBe(
      'Retry at 2030-01-01T00:00:00.000Z: Error: text',
    )
  })

  it('carries new arguments and publish options', () => {
    const plan = planned({ args: [2], kwargs: { z: 3 }, queue: 'slow', countdown: 1 })
    expect(plan).toEqual({ args: [2], kwargs: { z: 3 }, countdown: 1, options: { queue: 'slow' } })
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

describe('attemptOptions', () => {
  const link = signatureData({ task: 'proj.next' })
  const head = {
    ...bareHead('proj.add', 'id-1'),
    rootId: 'root',
    parentId: 'parent',
    retries: 1,
    expiresMs: Date.UTC(2030, 0, 1),
    timelimit: [30, 20] as const,
    custom: { trace: 'abc' },
    stampedHeaders: ['tenant'],
    stamps: { tenant: 'acme' },
  }
  const embed = { callbacks: [link], errbacks: null, chain: [link], chord: null }

  it('takes over the id and all that belongs to the task, and counts', () => {
    expect(attemptOptions({ head, embed, request: request(1) }, { countdown: 5 })).toMatchObject({
      taskId: 'id-1',
      retries: 2,
      rootId: 'root',
      parentId: 'parent',
      link: [link],
      chain: [link],
      expires: new Date(Date.UTC(2030, 0, 1)),
      timeLimit: 30,
      softTimeLimit: 20,
      headers: { trace: 'abc' },
      stampedHeaders: ['tenant'],
      stamps: { tenant: 'acme' },
      countdown: 5,
      queue: 'celery',
      kwargs: {},
    })
  })

  it('goes back to where the message came from, unless the plan names another place', () => {
    const video = new TaskRequest({
      head,
      args: [],
      kwargs: {},
      embed,
      properties: {},
      deliveryInfo: { exchange: 'media', routing_key: 'video', priority: 7, redelivered: false },
      hostname: '',
      isEager: false,
      calledDirectly: false,
    })
    const back = attemptOptions({ head, embed, request: video }, { countdown: 1 })
    expect(back).toMatchObject({ exchange: 'media', routingKey: 'video', priority: 7 })
    expect(back.queue).toBeUndefined()
    const eta = new Date('2030-01-01T00:00:00Z')
    const plan = { eta, kwargs: { z: 1 }, options: { queue: 'slow', priority: 0 } }
    const elsewhere = attemptOptions({ head, embed, request: video }, plan)
    expect(elsewhere).toMatchObject({ queue: 'slow', priority: 0, eta, kwargs: { z: 1 } })
    expect([elsewhere.countdown, elsewhere.exchange]).toEqual([undefined, undefined])
  })
})
