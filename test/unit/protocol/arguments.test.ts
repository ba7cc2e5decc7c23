import { describe, expect, it } from 'vitest'
import * as names from '../../../src/protocol/arguments.ts'

describe('arguments of queues', () => {
  it('are called as RabbitMQ calls them', () => {
    expect(Object.values(names).toSorted()).toEqual([
      'x-expires',
      'x-max-length',
      'x-max-length-bytes',
      'x-max-priority',
      'x-message-ttl',
      'x-queue-type',
    ])
  })
})
