import { describe, expect, it } from 'vitest'
import { Ignore, Reject, Retry } from '../../../src/errors.ts'
import { resolvePolicy } from '../../../src/task/options.ts'
import type { TaskOptions, TaskPolicy } from '../../../src/task/options.ts'
import { bareHead, NO_EMBED, TaskRequest } from '../../../src/task/request.ts'
import { applyAutoretry } from '../../../src/task/autoretry.ts'
import { taskDefaults } from '../../support/task-defaults.ts'

class Flaky extends Error {}
class Worse extends Flaky {}

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

describe('applyAutoretry', () => {
  const options: TaskOptions = { autoretryFor: [Flaky], dontAutoretryFor: [Worse], retryBackoff: 2, retryJitter: false }

  it('retries the listed errors and leaves the others', () => {
    const flaky = new Flaky('x')
    const retry = applyAutoretry(flaky, request(0), options, policyOf()) as Retry
    expect(retry).toBeInstanceOf(Retry)
    expect(retry.cause).toBe(flaky)
    for (const other of [new Error('x'), new Worse('x'), 'text']) {
      expect(applyAutoretry(other, request(0), options, policyOf())).toBe(other)
    }
  })

  it('lets Ignore, Reject and Retry pass', () => {
    for (const predicate of [new Ignore(), new Reject('no'), new Retry('later', {})]) {
      expect(applyAutoretry(predicate, request(0), { autoretryFor: [Error] }, policyOf())).toBe(predicate)
    }
  })

  it('doubles the wait up to the maximum', () => {
    const waits = [0, 1, 2, 3, 9].map((retries) => {
      const retry = applyAutoretry(
        new Flaky('x'),
        request(retries),
        { ...options, retryBackoffMax: 30 },
        policyOf({ maxRetries: null }),
      )
      return (retry as Retry).plan.countdown
    })
    expect(waits).toEqual([2, 4, 8, 16, 30])
  })

  it('draws the wait by lot with jitter, in whole seconds', () => {
    const jittered = { ...options, retryJitter: true }
    const wait = (random: number): number | undefined =>
      (applyAutoretry(new Flaky('x'), request(2), jittered, policyOf(), () => random) as Retry).plan.countdown
    expect([wait(0), wait(0.5), wait(0.999)]).toEqual([0, 4, 8])
  })

  it('passes retryKwargs on', () => {
    const fixed: TaskOptions = { autoretryFor: [Flaky], retryKwargs: { countdown: 5, maxRetries: 1 } }
    expect((applyAutoretry(new Flaky('x'), request(0), fixed, policyOf()) as Retry).plan.countdown).toBe(5)
    const last = new Flaky('x')
    expect(applyAutoretry(last, request(1), fixed, policyOf())).toBe(last)
  })

  it('waits the task default without back-off', () => {
    const retry = applyAutoretry(
      new Flaky('x'),
      request(0),
      { autoretryFor: [Flaky] },
      policyOf({ defaultRetryDelay: 9 }),
    )
    expect((retry as Retry).plan.countdown).toBe(9)
  })
})
