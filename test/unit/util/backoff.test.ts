import { describe, expect, it } from 'vitest'
import { pause, waitBefore } from '../../../src/util/backoff.ts'
import { fakeClock } from '../../support/fake-clock.ts'

describe('waitBefore', () => {
  it('grows by a step up to the longest', () => {
    const wait = { startMs: 2000, stepMs: 2000, maxMs: 5000 }
    expect([0, 1, 2, 50].map((retry) => waitBefore(retry, wait))).toEqual([2000, 4000, 5000, 5000])
  })

  it('is never negative', () => {
    expect(waitBefore(0, { startMs: -5, stepMs: 0, maxMs: 10 })).toBe(0)
  })
})

describe('pause', () => {
  it('ends when the time is over', async () => {
    const clock = fakeClock()
    let over = false
    void pause(clock, 100).then(() => {
      over = true
    })
    await clock.advance(99)
    expect(over).toBe(false)
    await clock.advance(1)
    expect(over).toBe(true)
  })

  it('ends when a signal aborts, and leaves no timer', async () => {
    const clock = fakeClock()
    const [one, other] = [new AbortController(), new AbortController()]
    const paused = pause(clock, 100, one.signal, undefined, other.signal)
    other.abort()
    await paused
    expect(clock.pending).toBe(0)
  })

  it('may be had by as many as there are, without a warning of a leak', async () => {
    const clock = fakeClock()
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    const abort = new AbortController()
    const all = Array.from({ length: 20 }, () => pause(clock, 100, abort.signal))
    abort.abort()
    await Promise.all(all)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('ends at once when a signal has aborted before', async () => {
    const clock = fakeClock()
    await pause(clock, 100, AbortSignal.abort())
    expect(clock.pending).toBe(0)
  })
})
