import { describe, expect, it } from 'vitest'
import { MAX_BATCH, Qos } from '../../../../src/transport/virtual/qos.ts'
import type { StoredMessage } from '../../../../src/transport/virtual/store.ts'
import { plainMessage } from '../../../support/fake-store.ts'

function stored(body: string): StoredMessage {
  return { handle: body, queue: 'q', exchange: 'x', routingKey: 'k', redelivered: true, message: plainMessage(body) }
}

describe('Qos', () => {
  it('has room for a batch where there is no limit', () => {
    const qos = new Qos()
    for (let count = 0; count < 3 * MAX_BATCH; count += 1) qos.deliver(stored('x'), false)
    expect(qos.room).toBe(MAX_BATCH)
  })

  it('counts what is unacknowledged, and nothing else', () => {
    const qos = new Qos()
    qos.setPrefetchCount(3)
    const tags = ['a', 'b', 'c'].map((body) => qos.deliver(stored(body), false).deliveryTag)
    qos.deliver(stored('free'), true)
    expect(qos.room).toBe(0)
    qos.settle(tags.slice(0, 2))
    expect(qos.room).toBe(2)
    qos.setPrefetchCount(100_000)
    expect(qos.room).toBe(MAX_BATCH)
  })

  it('has no negative room when the limit sinks', () => {
    const qos = new Qos()
    qos.deliver(stored('a'), false)
    qos.deliver(stored('b'), false)
    qos.setPrefetchCount(1)
    expect(qos.room).toBe(0)
  })

  it('has no more room than is wanted, acknowledged or not', () => {
    const qos = new Qos()
    let wanted = 2
    qos.setPrefetchCount(3, () => wanted)
    expect([qos.room, qos.noAckRoom]).toEqual([2, 2])
    qos.deliver(stored('a'), false)
    qos.deliver(stored('b'), false)
    expect([qos.room, qos.noAckRoom]).toEqual([1, 2])
    wanted = -1
    expect([qos.room, qos.noAckRoom]).toEqual([0, 0])
    wanted = 100_000
    qos.setPrefetchCount(0, () => wanted)
    expect([qos.room, qos.noAckRoom]).toEqual([MAX_BATCH, MAX_BATCH])
  })

  it('makes deliveries with tags of their own', () => {
    const qos = new Qos()
    const [one, two] = [qos.deliver(stored('a'), false), qos.deliver(stored('b'), true)]
    expect(one.deliveryTag).not.toBe(two.deliveryTag)
    expect(one).toEqual({
      deliveryTag: one.deliveryTag,
      exchange: 'x',
      routingKey: 'k',
      queue: 'q',
      redelivered: true,
      message: plainMessage('a'),
    })
  })

  it('settles each delivery once', () => {
    const qos = new Qos()
    const { deliveryTag } = qos.deliver(stored('a'), false)
    const unackable = qos.deliver(stored('b'), true).deliveryTag
    expect(qos.settle([unackable, 999, deliveryTag, deliveryTag]).map(({ handle }) => handle)).toEqual(['a'])
    qos.deliver(stored('c'), false)
    expect(qos.settleAll().map(({ handle }) => handle)).toEqual(['c'])
    expect(qos.settleAll()).toEqual([])
  })
})
