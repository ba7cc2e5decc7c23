import { describe, expect, it } from 'vitest'
import { FailoverOrder } from '../../../src/messaging/failover.ts'
import type { Failover } from '../../../src/messaging/failover.ts'

const URLS = ['a', 'b', 'c']

function tried(count: number, failover?: Failover): (string | undefined)[] {
  const order = new FailoverOrder(URLS, failover)
  return Array.from({ length: count }, () => {
    const { current } = order
    order.next()
    return current
  })
}

describe('FailoverOrder', () => {
  it('goes round as listed', () => {
    expect(tried(5)).toEqual(['a', 'b', 'c', 'a', 'b'])
    expect(new FailoverOrder([]).current).toBeUndefined()
  })

  it('draws one order by lot, and keeps it', () => {
    const [first, second] = [tried(6, 'shuffle').slice(0, 3), tried(300, 'shuffle')]
    expect([...first].sort()).toEqual(URLS)
    expect(second.slice(0, 3)).toEqual(second.slice(297))
    const beginnings = new Set(Array.from({ length: 100 }, () => tried(1, 'shuffle')[0]))
    expect(beginnings.size).toBe(3)
  })

  it('does as a function says, and asks it again at the end', () => {
    expect(tried(4, (urls) => [...urls].reverse())).toEqual(['c', 'b', 'a', 'c'])
    const generator = function* (urls: readonly string[]): Iterable<string> {
      for (;;) yield urls[1] ?? ''
    }
    expect(tried(3, generator)).toEqual(['b', 'b', 'b'])
    expect(tried(1, () => [])).toEqual([undefined])
  })
})
