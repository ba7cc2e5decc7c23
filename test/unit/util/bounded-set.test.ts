import { describe, expect, it } from 'vitest'
import { BoundedSet } from '../../../src/util/bounded-set.ts'
import { fakeClock } from '../../support/fake-clock.ts'

describe('BoundedSet', () => {
  it('forgets the oldest when there are too many', () => {
    const set = new BoundedSet({ maxSize: 2, maxAgeMs: 1000, clock: fakeClock() })
    for (const member of ['a', 'b', 'c']) set.add(member)
    expect(set.values()).toEqual(['b', 'c'])
    expect([set.has('a'), set.has('c'), set.size]).toEqual([false, true, 2])
  })

  it('counts a member that is added again as new', () => {
    const set = new BoundedSet({ maxSize: 2, maxAgeMs: 1000, clock: fakeClock() })
    for (const member of ['a', 'b', 'a', 'c']) set.add(member)
    expect(set.values()).toEqual(['a', 'c'])
  })

  it('forgets what is too old', async () => {
    const clock = fakeClock()
    const set = new BoundedSet({ maxSize: 10, maxAgeMs: 1000, clock })
    set.add('old')
    await clock.advance(1001)
    set.add('new')
    expect(set.values()).toEqual(['new'])
    expect(set.delete('new')).toBe(true)
    expect(set.delete('new')).toBe(false)
  })

  it('tells how old its members are, and who is added', async () => {
    const clock = fakeClock()
    const set = new BoundedSet({ maxSize: 10, maxAgeMs: 1000, clock })
    let added = 0
    const stop = set.onAdd(() => (added += 1))
    set.add('saved', 300)
    await clock.advance(100)
    set.add('new')
    stop()
    set.add('untold')
    expect([set.ages(), added]).toEqual([[['saved', 400], ['new', 0], ['untold', 0]], 2]) // prettier-ignore
  })
})
