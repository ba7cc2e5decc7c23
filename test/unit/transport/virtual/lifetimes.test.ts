import { describe, expect, it } from 'vitest'
import { QueueLifetimes } from '../../../../src/transport/virtual/lifetimes.ts'

const queue = { name: 'q', durable: true, exclusive: false, autoDelete: false }

describe('QueueLifetimes', () => {
  it('ends an auto-delete queue with its last consumer', () => {
    const lifetimes = new QueueLifetimes()
    lifetimes.declared({ ...queue, autoDelete: true })
    lifetimes.consumerAdded('q')
    lifetimes.consumerAdded('q')
    expect(lifetimes.consumers('q')).toBe(2)
    expect(lifetimes.consumerRemoved('q')).toBe(false)
    expect(lifetimes.consumerRemoved('q')).toBe(true)
    expect(lifetimes.consumers('q')).toBe(0)
  })

  it('leaves other queues alone', () => {
    const lifetimes = new QueueLifetimes()
    lifetimes.declared(queue)
    lifetimes.consumerAdded('q')
    expect(lifetimes.consumerRemoved('q')).toBe(false)
    expect(lifetimes.exclusive()).toEqual([])
  })

  it('forgets a queue that was deleted', () => {
    const lifetimes = new QueueLifetimes()
    lifetimes.declared({ ...queue, exclusive: true, autoDelete: true })
    expect(lifetimes.exclusive()).toEqual(['q'])
    lifetimes.deleted('q')
    lifetimes.consumerAdded('q')
    expect([lifetimes.exclusive(), lifetimes.consumerRemoved('q')]).toEqual([[], false])
  })
})
