import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/util/deferred.ts'
import { within } from '../../../src/util/within.ts'
import { fakeClock } from '../../support/fake-clock.ts'

describe('within', () => {
  const late = (): Error => new Error('late')

  it('is what the promise becomes', async () => {
    const clock = fakeClock()
    expect(await within(clock, 10, Promise.resolve(1), late)).toBe(1)
    await expect(within(clock, 10, Promise.reject(new Error('no')), late)).rejects.toThrow('no')
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  it('rejects when it takes too long, whatever comes then', async () => {
    const clock = fakeClock()
    const answer = deferred<number>()
    const result = expect(within(clock, 10, answer.promise, late)).rejects.toThrow('late')
    await clock.advance(10)
    await result
    answer.reject(new Error('afterwards'))
    await clock.advance(0)
  })

  it('waits for ever where there is no limit', async () => {
    const clock = fakeClock()
    expect(await within(clock, Infinity, Promise.resolve(1), late)).toBe(1)
    expect(clock.pending).toBe(0)
  })
})
