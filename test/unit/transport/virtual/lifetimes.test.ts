import { describe, expect, it } from 'vitest'
import { QueueLifetimes } from '../../../../src/transport/virtual/lifetimes.ts'

const queue = { name: 'q', durable: true, exclusive: false, autoDelete: false }

describe('QueueLifetimes', () => {
  it('knows the first and the last consumer of each queue', () => {
    const lifetimes = new QueueLifetimes()
    expect([lifetimes.consumerAdded('q'), lifetimes.consumerAdded('q'), lifetimes.consumerAdded('p')]).toEqual([
      true,
      false,
      true,
    ])
    expect(lifetimes.consumers('q')).toBe(2)
    expect([lifetimes.consumerRemoved('q'), lifetimes.consumerRemoved('q')]).toEqual([false, true])
    expect([lifetimes.consumers('q'), lifetimes.consumers('p')]).toEqual([0, 1])
    expect(lifetimes.consumerAdded('q')).toBe(true)
  })

  it('knows the queues that go with the connection', () => {
    const lifetimes = new QueueLifetimes()
    lifetimes.declared(queue)
    lifetimes.declared({ ...queue, name: 'mine', exclusive: true })
    lifetimes.declared({ ...queue, name: 'gone', exclusive: true })
    lifetimes.deleted('gone')
    expect(lifetimes.exclusive()).toEqual(['mine'])
  })
})
