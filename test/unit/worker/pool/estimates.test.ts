import { describe, expect, it } from 'vitest'
import { Estimates } from '../../../../src/worker/pool/estimates.ts'

describe('Estimates', () => {
  it('knows nothing of a task that never ran', () => {
    const estimates = new Estimates()
    expect(estimates.of('a')).toBeUndefined()
    expect(estimates.typicalMs).toBeUndefined()
    estimates.add('a', 5)
    expect(estimates.of('b')).toBeUndefined()
    expect(estimates.typicalMs).toBe(5)
  })

  it('believes a slow run at once and forgets it slowly', () => {
    const estimates = new Estimates()
    for (let run = 0; run < 100; run += 1) estimates.add('a', 0.1)
    expect(estimates.of('a')).toBe(0.1)
    estimates.add('a', 100)
    expect(estimates.of('a')).toBe(100)
    for (let run = 0; run < 10; run += 1) estimates.add('a', 0.1)
    expect(estimates.of('a')).toBeGreaterThan(20)
    for (let run = 0; run < 90; run += 1) estimates.add('a', 0.1)
    expect(estimates.of('a')).toBeLessThan(0.2)
  })

  it('keeps tasks apart', () => {
    const estimates = new Estimates()
    estimates.add('quick', 0.1)
    estimates.add('slow', 1000)
    expect(estimates.of('quick')).toBe(0.1)
    expect(estimates.of('slow')).toBe(1000)
    expect(estimates.typicalMs).toBe(1000)
  })
})
