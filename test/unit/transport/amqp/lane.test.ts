import { describe, expect, it } from 'vitest'
import { ConnectionError } from '../../../../src/errors.ts'
import { Lane, laneNumber } from '../../../../src/transport/amqp/lane.ts'
import type { Delivery } from '../../../../src/transport/transport.ts'
import { FakeAmqpChannel } from '../../../support/fake-amqp.ts'

interface Fixture {
  readonly lane: Lane
  readonly raw: FakeAmqpChannel
  readonly settled: number[]
  /** Our tags of AMQP's. */
  tags(...amqpTags: readonly number[]): number[]
}

/** A lane that holds the deliveries 1 to `count`. */
function fixture(count: number): Fixture {
  const raw = new FakeAmqpChannel()
  const settled: number[] = []
  const lane = new Lane(7, raw.channel, (number) => settled.push(number))
  for (let tag = 1; tag <= count; tag += 1) lane.hold({ deliveryTag: lane.tagOf(tag) } as Delivery)
  return { lane, raw, settled, tags: (...amqpTags) => amqpTags.map((tag) => lane.tagOf(tag)) }
}

describe('Lane', () => {
  it('has tags that tell it from others', () => {
    const { tags } = fixture(0)
    expect(tags(1, 2 ** 39).map(laneNumber)).toEqual([7, 7])
  })

  it('acknowledges a run from the oldest on with one frame', async () => {
    const { lane, raw, settled, tags } = fixture(5)
    await Promise.all([lane.settle(tags(3, 1), 'ack'), lane.settle(tags(2), 'ack')])
    expect(raw.calls).toEqual(['basicAck 3 true'])
    expect(settled).toEqual([2, 1])
  })

  it('acknowledges one by one behind a gap', async () => {
    const { lane, raw, tags } = fixture(6)
    await lane.settle(tags(1, 3, 5), 'ack')
    expect(raw.calls).toEqual(['basicAck 1 false', 'basicAck 3 false', 'basicAck 5 false'])
    await lane.settle(tags(2, 4), 'ack')
    expect(raw.calls.slice(3)).toEqual(['basicAck 4 true'])
  })

  it('never lets a tag that stands for several take one that has another end', async () => {
    const { lane, raw, tags } = fixture(8)
    await Promise.all([
      lane.settle(tags(2, 3, 6), 'ack'),
      lane.settle(tags(1, 5), 'requeue'),
      lane.settle(tags(4), 'discard'),
    ])
    expect(raw.calls).toEqual([
      'basicNack 4 false false',
      'basicNack 1 false true',
      'basicNack 5 false true',
      'basicAck 6 true',
    ])
  })

  it('knows what is still to be settled', async () => {
    const { lane, tags } = fixture(3)
    await lane.settle(tags(2), 'ack')
    expect(lane.unsettled(tags(1, 2, 3, 4))).toEqual(tags(1, 3))
    const all = tags(1, 3)
    expect(lane.unsettled(all)).toBe(all)
    expect([lane.delivery(tags(1)[0] ?? 0), lane.delivery(tags(2)[0] ?? 0)]).toEqual([
      { deliveryTag: tags(1)[0] },
      undefined,
    ])
  })

  it('closes its channel when it is retired and empty', async () => {
    const { lane, raw, tags } = fixture(2)
    lane.retire()
    await lane.settle(tags(1), 'ack')
    expect(raw.isOpen).toBe(true)
    await lane.settle(tags(2), 'requeue')
    expect(await raw.closed).toBeUndefined()
    expect(raw.calls).toEqual(['basicAck 1 false', 'basicNack 2 false true', 'close'])
  })

  it('refuses to settle on a channel that is over, and counts its messages as settled once', async () => {
    const { lane, raw, settled, tags } = fixture(3)
    const failure = new ConnectionError('gone')
    lane.fail(failure)
    lane.fail(new ConnectionError('again'))
    await expect(lane.settle(tags(1), 'ack')).rejects.toBe(failure)
    expect(settled).toEqual([3])
    expect(raw.calls).toEqual([])
  })
})
