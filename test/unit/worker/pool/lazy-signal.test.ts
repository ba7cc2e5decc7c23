import { describe, expect, it } from 'vitest'
import { LazySignal } from '../../../../src/worker/pool/lazy-signal.ts'

describe('LazySignal', () => {
  it('aborts a signal that was asked for before', () => {
    const lazy = new LazySignal()
    const { signal } = lazy
    expect(signal.aborted).toBe(false)
    const reason = new Error('enough')
    lazy.abort(reason)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBe(reason)
    expect(lazy.signal).toBe(signal)
  })

  it('is aborted from the start where the abort came first', () => {
    const lazy = new LazySignal()
    const reason = new Error('enough')
    lazy.abort(reason)
    expect(lazy.signal.reason).toBe(reason)
  })

  it('keeps the first reason', () => {
    const lazy = new LazySignal()
    const first = new Error('first')
    lazy.abort(first)
    lazy.abort(new Error('second'))
    expect(lazy.signal.reason).toBe(first)
  })
})
