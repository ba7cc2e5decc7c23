import { describe, expect, it } from 'vitest'
import { Patience } from '../../../../src/driver/redis/patience.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import type { FakeClock } from '../../../support/fake-clock.ts'

function fixture(): { readonly clock: FakeClock; readonly patience: Patience; readonly ends: string[] } {
  const clock = fakeClock()
  const ends: string[] = []
  return { clock, ends, patience: new Patience(clock, 1000, () => ends.push('end')) }
}

describe('patience with a server', () => {
  it('lasts as long as replies come, however many are missing', async () => {
    const { clock, patience, ends } = fixture()
    for (let each = 0; each < 5; each += 1) {
      patience.begin(0)
      patience.begin(0)
      await clock.advance(900)
      patience.end(0)
    }
    expect(ends).toEqual([])
    await clock.advance(999)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['end'])
  })

  it('does not run out by what is sent, nor while nothing is waited for', async () => {
    const { clock, patience, ends } = fixture()
    patience.begin(0)
    await clock.advance(500)
    patience.end(0)
    expect(patience.idleMs).toBe(0)
    await clock.advance(5000)
    expect([patience.idleMs, clock.pending]).toEqual([5000, 0])
    patience.begin(0)
    expect(patience.idleMs).toBe(0)
    await clock.advance(600)
    patience.begin(0)
    await clock.advance(400)
    expect(ends).toEqual(['end'])
  })

  it('needs one timer for all', () => {
    const { clock, patience } = fixture()
    for (let each = 0; each < 100; each += 1) {
      patience.begin(0)
      patience.end(0)
    }
    expect(clock.pending).toBe(1)
    patience.stop()
    expect(clock.pending).toBe(0)
  })

  it('is greater with a command that blocks, and only as long', async () => {
    const { clock, patience, ends } = fixture()
    patience.begin(3000)
    await clock.advance(3999)
    patience.end(3000)
    patience.begin(0)
    await clock.advance(999)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['end'])
  })

  it('waits for what does not block', async () => {
    const { patience } = fixture()
    patience.begin(60_000)
    await patience.untilIdle()
    patience.begin(0)
    const idle = patience.untilIdle()
    expect(await Promise.race([idle, Promise.resolve('busy')])).toBe('busy')
    patience.end(0)
    await idle
  })
})
