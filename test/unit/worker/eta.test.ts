import { describe, expect, it } from 'vitest'
import { EtaHold } from '../../../src/worker/eta.ts'
import type { Request } from '../../../src/worker/request.ts'
import { requests } from '../../support/requests.ts'
import type { Requests } from '../../support/requests.ts'

interface Fixture {
  readonly all: Requests
  readonly hold: EtaHold
  readonly due: string[][]
  delayed: boolean
  /** A request that is due so many milliseconds from now. */
  early(id: string, inMs: number): Request
}

function fixture(): Fixture {
  const all = requests()
  const { state, clock } = all.parts
  const due: string[][] = []
  const onDue = (released: readonly Request[]): void => void due.push(released.map(({ head }) => head.id))
  const own: Fixture = {
    all,
    due,
    delayed: true,
    hold: new EtaHold({ state, clock, brokerDelays: () => own.delayed, onDue }),
    early: (id, inMs) => all.request({}, { id, eta: clock.now() + inMs }).request,
  }
  return own
}

describe('EtaHold', () => {
  it('holds what is not due, and lets it go in the order of its times, one timer for all', async () => {
    const { all, hold, due, early } = fixture()
    for (const [id, inMs] of [
      ['b', 2000],
      ['a', 1000],
      ['c', 2000],
      ['d', 3000],
    ] as const) {
      expect(hold.hold(early(id, inMs))).toBe(true)
    }
    expect([all.parts.state.scheduled.size, all.clock.pending]).toEqual([4, 1])
    await all.clock.advance(2500)
    expect([due, all.parts.state.scheduled.size, all.clock.pending]).toEqual([[['a'], ['b', 'c']], 1, 1])
    await all.clock.advance(500)
    expect([due.at(-1), all.clock.pending]).toEqual([['d'], 0])
  })

  it('does not hold what is due, or may run at any time', () => {
    const { all, hold, early } = fixture()
    expect([hold.hold(early('now', 0)), hold.hold(early('past', -1000)), hold.hold(all.request().request)]).toEqual([
      false,
      false,
      false,
    ])
    expect(all.clock.pending).toBe(0)
  })

  it('lets nothing go that was given back, or forgotten, meanwhile', async () => {
    const { all, hold, due, early } = fixture()
    const request = early('a', 1000)
    hold.hold(request)
    await request.giveBack()
    await all.clock.advance(2000)
    hold.hold(early('b', 1000))
    hold.clear()
    expect([all.parts.state.scheduled.size, all.clock.pending]).toEqual([0, 0])
    await all.clock.advance(2000)
    hold.hold(early('c', 1000))
    await all.clock.advance(1000)
    expect(due).toEqual([['c']])
  })

  it('gives long waits to a broker that can keep them', () => {
    const own = fixture()
    const { hold, early } = own
    expect([hold.returns(early('long', 60_000)), hold.returns(early('short', 5000))]).toEqual([true, false])
    own.delayed = false
    expect(hold.returns(early('other', 60_000))).toBe(false)
  })

  it('keeps what cannot be given back', async () => {
    const { hold, early } = fixture()
    const request = early('a', 60_000)
    await request.message.ack()
    expect(hold.returns(request)).toBe(false)
  })

  it('keeps what comes again at once: the clock of the broker is ahead', () => {
    const { hold, early } = fixture()
    expect([hold.returns(early('a', 60_000)), hold.returns(early('a', 60_000))]).toEqual([true, false])
  })
})
