import { describe, expect, it } from 'vitest'
import { Window } from '../../../../src/transport/amqp/window.ts'
import type { Delivery, OnDeliveries } from '../../../../src/transport/transport.ts'

interface Fixture {
  readonly window: Window
  /** The tags of each call. */
  readonly calls: number[][]
  readonly onDeliveries: OnDeliveries
  arrive(tags: readonly number[], consumer?: object, noAck?: boolean): void
}

function fixture(): Fixture {
  const window = new Window()
  const calls: number[][] = []
  const onDeliveries: OnDeliveries = (deliveries) => calls.push(deliveries.map(({ deliveryTag }) => deliveryTag))
  return {
    window,
    calls,
    onDeliveries,
    arrive(tags, consumer = window, noAck = false) {
      for (const deliveryTag of tags) {
        window.arrive({ consumer, onDeliveries, delivery: { deliveryTag } as Delivery, noAck })
      }
    },
  }
}

describe('Window', () => {
  it('hands over what comes with one read in one call', async () => {
    const { calls, arrive } = fixture()
    arrive([1, 2])
    arrive([3], {})
    expect(calls).toEqual([])
    await Promise.resolve()
    expect(calls).toEqual([[1, 2, 3]])
  })

  it('keeps apart what goes to different functions', async () => {
    const { window, calls, arrive } = fixture()
    arrive([1])
    window.arrive({ consumer: {}, onDeliveries: () => calls.push([0]), delivery: {} as Delivery, noAck: false })
    arrive([2])
    await Promise.resolve()
    expect(calls).toEqual([[1], [0], [2]])
  })

  it('holds back what goes beyond its size, until something is settled or it grows', async () => {
    const { window, calls, arrive } = fixture()
    window.resize(2)
    arrive([1, 2, 3, 4, 5])
    await Promise.resolve()
    window.release(1)
    await Promise.resolve()
    window.resize(3)
    await Promise.resolve()
    expect(calls).toEqual([[1, 2], [3], [4]])
    window.resize(0)
    await Promise.resolve()
    expect(calls[3]).toEqual([5])
  })

  it('has room for what needs no acknowledgement', async () => {
    const { window, calls, arrive } = fixture()
    window.resize(1)
    arrive([1, 2])
    arrive([3, 4], {}, true)
    await Promise.resolve()
    expect(calls).toEqual([[1, 3, 4]])
  })

  it('gives back what waits for room of one consumer; it counts until it is settled', async () => {
    const { window, calls, arrive } = fixture()
    const [one, other] = [{}, {}]
    window.resize(1)
    arrive([1, 2], one)
    arrive([3], other)
    expect(window.withdraw(one).map(({ deliveryTag }) => deliveryTag)).toEqual([2])
    window.release(1)
    await Promise.resolve()
    expect(calls).toEqual([[1]])
    window.release(1)
    await Promise.resolve()
    expect(calls).toEqual([[1], [3]])
  })

  it('hands over nothing after it was stopped', async () => {
    const { window, calls, arrive } = fixture()
    arrive([1])
    window.stop()
    arrive([2])
    await Promise.resolve()
    expect(calls).toEqual([])
  })
})
