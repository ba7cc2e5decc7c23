import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/util/clock.ts'

describe('systemClock', () => {
  it('calls once, unless it is cancelled', async () => {
    vi.useFakeTimers()
    const called: string[] = []
    systemClock.after(10, () => called.push('a'))
    systemClock.after(10, () => called.push('b')).cancel()
    await vi.advanceTimersByTimeAsync(100)
    expect(called).toEqual(['a'])
    vi.useRealTimers()
  })

  it("waits longer than Node's timers can", async () => {
    vi.useFakeTimers()
    const called = vi.fn()
    systemClock.after(2 ** 31 + 1000, called)
    await vi.advanceTimersByTimeAsync(2 ** 31)
    expect(called).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1000)
    expect(called).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })
})
