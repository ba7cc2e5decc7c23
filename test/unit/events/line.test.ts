import { describe, expect, it } from 'vitest'
import { EventLine } from '../../../src/events/line.ts'

function lineOf(maxSize = 10) {
  const overflows: number[] = []
  const line = new EventLine<number>({ maxSize, onOverflow: () => overflows.push(1) })
  return { line, overflows }
}

describe('an event line', () => {
  it('gives what came, then what comes, until the end', async () => {
    const { line } = lineOf()
    line.add(1)
    line.add(2)
    const reader = line.take()
    expect((await reader.next()).value).toBe(1)
    expect((await reader.next()).value).toBe(2)
    const next = reader.next()
    line.add(3)
    expect((await next).value).toBe(3)
    line.add(4)
    line.end()
    expect((await reader.next()).value).toBe(4)
    expect((await reader.next()).done).toBe(true)
  })

  it('wakes a reader who waits at its end', async () => {
    const { line } = lineOf()
    const next = line.take().next()
    line.end()
    expect((await next).done).toBe(true)
  })

  it('leaves out the oldest, and tells once until the reader is up to date', async () => {
    const { line, overflows } = lineOf(2)
    for (const event of [1, 2, 3, 4]) line.add(event)
    expect(overflows).toHaveLength(1)
    const reader = line.take()
    expect((await reader.next()).value).toBe(3)
    expect((await reader.next()).value).toBe(4)
    const next = reader.next()
    for (const event of [5, 6, 7]) line.add(event)
    expect(overflows).toHaveLength(2)
    expect((await next).value).toBe(6)
  })
})
