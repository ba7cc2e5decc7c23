import { describe, expect, it } from 'vitest'
import {
  EXCEPTION_STATES,
  precedence,
  PROPAGATE_STATES,
  READY_STATES,
  UNREADY_STATES,
} from '../../../src/protocol/states.ts'

describe('states', () => {
  it('stand in the order of Celery, custom ones between failed and revoked', () => {
    const order = ['SUCCESS', 'FAILURE', 'PROGRESS', 'REVOKED', 'STARTED', 'RECEIVED', 'REJECTED', 'RETRY', 'PENDING']
    expect(order.toSorted((a, b) => precedence(a) - precedence(b))).toEqual(order)
    expect(precedence('PROGRESS')).toBe(precedence('IGNORED'))
  })

  it('are ready or not, and some are failures', () => {
    expect([...READY_STATES].filter((state) => UNREADY_STATES.has(state))).toEqual([])
    expect([...PROPAGATE_STATES].every((state) => READY_STATES.has(state) && EXCEPTION_STATES.has(state))).toBe(true)
    expect(EXCEPTION_STATES.has('RETRY')).toBe(true)
    expect(READY_STATES.has('RETRY')).toBe(false)
  })
})
