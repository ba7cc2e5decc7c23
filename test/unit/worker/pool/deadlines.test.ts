import { describe, expect, it } from 'vitest'
import { Deadlines } from '../../../../src/worker/pool/deadlines.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

function setUp() {
  const clock = fakeClock()
  const due: string[] = []
  const deadlines = new Deadlines<string>(clock, (item) => due.push(`${item}@${String(clock.monotonic())}`))
  return { clock, due, deadlines }
}

describe('Deadlines', () => {
  it('tells each item once, when its time is over', async () => {
    const { clock, due, deadlines } = setUp()
    deadlines.set('late', 300)
    deadlines.set('early', 100)
    deadlines.set('middle', 200)
    await clock.advance(1000)
    expect(due).toEqual(['early@100', 'middle@200', 'late@300'])
  })

  it('does not tell what was cleared', async () => {
    const { clock, due, deadlines } = setUp()
    deadlines.set('a', 100)
    deadlines.set('b', 150)
    deadlines.clear('a')
    deadlines.clear('unknown')
    await clock.advance(1000)
    expect(due).toEqual(['b@150'])
  })

  it('takes the last time that was set', async () => {
    const { clock, due, deadlines } = setUp()
    deadlines.set('a', 100)
    deadlines.set('a', 500)
    await clock.advance(499)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual(['a@500'])
  })

  it('needs one timer for all', async () => {
    const { clock, due, deadlines } = setUp()
    for (let index = 0; index < 100; index += 1) deadlines.set(String(index), 1000 - index)
    expect(clock.pending).toBe(1)
    await clock.advance(2000)
    expect(due).toHaveLength(100)
    expect(clock.pending).toBe(0)
  })

  it('lets an item be set again by what is called for it', async () => {
    const clock = fakeClock()
    const due: number[] = []
    const deadlines = new Deadlines<string>(clock, (item) => {
      due.push(clock.monotonic())
      if (due.length < 3) deadlines.set(item, 10)
    })
    deadlines.set('a', 10)
    await clock.advance(100)
    expect(due).toEqual([10, 20, 30])
  })

  it('forgets everything when it is closed', async () => {
    const { clock, due, deadlines } = setUp()
    deadlines.set('a', 100)
    deadlines.close()
    expect(clock.pending).toBe(0)
    await clock.advance(1000)
    expect(due).toEqual([])
  })
})
