import { describe, expect, it } from 'vitest'
import { Orphans } from '../../../src/worker/orphans.ts'
import type { Orphan } from '../../../src/worker/orphans.ts'

const orphan = (id: string, retries: number = 0): Orphan => ({ head: { id, retries } })

describe('Orphans', () => {
  it('are found once, by task id and attempt', () => {
    const orphans = new Orphans()
    const [first, retried] = [orphan('a'), orphan('a', 1)]
    orphans.add(first)
    orphans.add(first)
    expect(orphans.take(orphan('b'))).toBeUndefined()
    expect(orphans.take(retried)).toBeUndefined()
    expect(orphans.take(orphan('a'))).toBe(first)
    expect(orphans.take(orphan('a'))).toBeUndefined()
  })

  it('are forgotten when they are to run again, but not in place of another', () => {
    const orphans = new Orphans()
    const [first, second] = [orphan('a'), orphan('a')]
    orphans.add(first)
    orphans.delete(second)
    expect(orphans.take(first)).toBe(first)
    orphans.add(first)
    orphans.delete(first)
    expect(orphans.take(first)).toBeUndefined()
  })

  it('are not kept without limit', () => {
    const orphans = new Orphans()
    for (let number = 0; number < 10_002; number += 1) orphans.add(orphan(String(number)))
    expect([orphans.take(orphan('1')), orphans.take(orphan('2'))]).toEqual([undefined, orphan('2')])
  })
})
