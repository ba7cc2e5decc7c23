import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../../../../src/transport/sqlite/codec.ts'
import {
  endedLeases,
  heldHandles,
  markHeld,
  messageNumbers,
  storedMessage,
} from '../../../../src/transport/sqlite/handles.ts'
import type { Lease } from '../../../../src/transport/sqlite/handles.ts'
import { message } from '../../../support/sqlite.ts'

function taken(id: number, redelivered = false): Parameters<typeof storedMessage>[0] {
  const run = { queue: 7, rank: 9, first: 1, last: 9, redelivered }
  return { id, queue: 'q', run, ...encodeMessage(message(String(id)), 'x', 'key') }
}

describe('handles', () => {
  it('carry what is needed to give a message back', () => {
    const lease: Lease = { number: 3, left: 1 }
    const stored = storedMessage(taken(5, true), lease)
    expect(stored).toMatchObject({ queue: 'q', exchange: 'x', routingKey: 'key', redelivered: true })
    expect(stored.message.body).toBe('5')
    expect(heldHandles([stored])).toMatchObject([{ id: 5, lease: 3, queue: 7, rank: 9, redelivered: true }])
  })

  it('are none where nothing is to be acknowledged', () => {
    expect(heldHandles([storedMessage(taken(1), undefined)])).toEqual([])
  })

  it('count down their lease, and up again after a failure', () => {
    const lease: Lease = { number: 3, left: 3 }
    const stored = [9, 2, 5].map((id) => storedMessage(taken(id), lease))
    const some = heldHandles(stored.slice(0, 2))
    expect(messageNumbers(some)).toEqual([2, 9])
    markHeld(some, false)
    expect([...endedLeases(some)]).toEqual([])
    const rest = heldHandles(stored)
    expect(messageNumbers(rest)).toEqual([5])
    markHeld(rest, false)
    expect([...endedLeases(rest)]).toEqual([3])
    markHeld(rest, true)
    expect(messageNumbers(heldHandles(stored))).toEqual([5])
    expect([...endedLeases(rest)]).toEqual([])
  })
})
