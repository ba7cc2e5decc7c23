import { beforeEach, describe, expect, it } from 'vitest'
import type { Delivery } from '../../../../src/transport/transport.ts'
import { Puller } from '../../../../src/transport/virtual/puller.ts'
import type { QueueConsumer } from '../../../../src/transport/virtual/puller.ts'
import { Qos } from '../../../../src/transport/virtual/qos.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { FakeStore, plainMessage } from '../../../support/fake-store.ts'
import { waitFor } from '../../../support/wait-for.ts'

let store: FakeStore
let qos: Qos
let errors: unknown[]
let puller: Puller

beforeEach(() => {
  store = new FakeStore()
  qos = new Qos()
  errors = []
  puller = new Puller(store, qos, (error) => errors.push(error))
})

function consumer(
  queue: string,
  onDeliveries: (deliveries: readonly Delivery[]) => void,
  noAck = false,
): QueueConsumer {
  return { queue, noAck, onDeliveries, cancelled: false }
}

async function put(queue: string, ...bodies: string[]): Promise<void> {
  await store.putMany(bodies.map((body) => ({ queue, exchange: '', routingKey: queue, message: plainMessage(body) })))
  store.takeCalls()
}

/** Calls with their bodies, as `a,b`. */
function log(): { calls: string[]; take: (deliveries: readonly Delivery[]) => void } {
  const calls: string[] = []
  return { calls, take: (deliveries) => calls.push(deliveries.map(({ message }) => message.body).join()) }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn()
}

describe('Puller', () => {
  it('asks nothing while it waits', async () => {
    puller.add(consumer('q', () => undefined))
    await turns(20)
    expect(store.takeCalls()).toEqual(['getMany q 1000', 'wait q'])
    await turns(20)
    expect(store.takeCalls()).toEqual([])
  })

  it('hands over a round in one call, queues with the same function together', async () => {
    const { calls, take } = log()
    await put('a', '1', '2')
    await put('b', '3')
    puller.add(consumer('a', take))
    puller.add(consumer('b', take))
    await waitFor(() => calls.length > 0)
    expect(calls).toEqual(['1,2,3'])
  })

  it('fetches full rounds one after the other, and waits when one was not full', async () => {
    await put('q', ...Array.from({ length: 2001 }, (_, index) => String(index)))
    puller.add(consumer('q', () => undefined))
    await turns(10)
    expect(store.takeCalls()).toEqual(['getMany q 1000', 'getMany q 1000', 'getMany q 1000', 'wait q'])
  })

  it('fetches no more than there is room for, and again when there is room', async () => {
    const { calls, take } = log()
    qos.setPrefetchCount(2)
    await put('q', '1', '2', '3')
    puller.add(consumer('q', take))
    await turns(10)
    expect(calls).toEqual(['1,2'])
    expect(store.takeCalls()).toEqual(['getMany q 2'])
    qos.settleAll()
    puller.wake()
    await turns(10)
    expect(calls).toEqual(['1,2', '3'])
    expect(store.takeCalls()).toEqual(['getMany q 2', 'wait q'])
  })

  it('fetches for those without acknowledgement while the window is full', async () => {
    const [slow, free] = [log(), log()]
    qos.setPrefetchCount(1)
    await put('q', '1', '2')
    puller.add(consumer('q', slow.take))
    puller.add(consumer('free', free.take, true))
    await turns(10)
    store.takeCalls()
    await put('free', 'a', 'b')
    await turns(10)
    expect([slow.calls, free.calls]).toEqual([['1'], ['a,b']])
    expect(store.takeCalls()).toEqual(['getMany free 1000 noAck', 'wait free'])
  })

  it('lets consumers of one queue take turns', async () => {
    const [one, other] = [log(), log()]
    puller.add(consumer('q', one.take))
    puller.add(consumer('q', other.take))
    for (const body of ['1', '2', '3', '4']) {
      await put('q', body)
      await turns(10)
    }
    expect([one.calls.length, other.calls.length]).toEqual([2, 2])
  })

  it('gives back what was on its way to a consumer that was removed', async () => {
    const { calls, take } = log()
    await put('q', '1', '2')
    const answer = store.hold('getMany')
    const going = consumer('q', take)
    puller.add(going)
    await turns(3)
    let removed = false
    const removal = puller.remove(going).then(() => {
      removed = true
    })
    await turns(3)
    expect(removed).toBe(false)
    answer()
    await removal
    expect(calls).toEqual([])
    expect(store.takeCalls()).toEqual(['getMany q 1000', 'releaseMany 1,2'])
  })

  it('gives them to another consumer of the queue where there is one', async () => {
    const [gone, stays] = [log(), log()]
    await put('q', '1')
    const answer = store.hold('getMany')
    const going = consumer('q', gone.take)
    puller.add(going)
    puller.add(consumer('q', stays.take))
    await turns(3)
    const removal = puller.remove(going)
    answer()
    await removal
    expect([gone.calls, stays.calls]).toEqual([[], ['1']])
  })

  it('hands over what cannot be given back before the removal is done', async () => {
    const { calls, take } = log()
    await put('q', '1')
    const answer = store.hold('getMany')
    const going = consumer('q', take, true)
    puller.add(going)
    await turns(3)
    const removal = puller.remove(going)
    answer()
    await removal
    expect(calls).toEqual(['1'])
  })

  it('goes to sleep without consumers and wakes up with the next', async () => {
    const { calls, take } = log()
    const first = consumer('q', () => undefined)
    puller.add(first)
    await turns(5)
    await puller.remove(first)
    await turns(5)
    store.takeCalls()
    await put('q', '1')
    await turns(5)
    expect(store.takeCalls()).toEqual([])
    puller.add(consumer('q', take))
    await turns(5)
    expect(calls).toEqual(['1'])
  })

  it('tells of a failure once and ends', async () => {
    store.fail('getMany', new Error('disk full'))
    const failing = consumer('q', () => undefined)
    puller.add(failing)
    await turns(10)
    expect(errors).toEqual([new Error('disk full')])
    expect(store.takeCalls()).toEqual(['getMany q 1000'])
    await puller.remove(failing)
  })

  it('stops all consumers', async () => {
    const { calls, take } = log()
    puller.add(consumer('a', take))
    puller.add(consumer('b', take, true))
    await turns(5)
    await puller.stop()
    await put('a', '1')
    await put('b', '2')
    await turns(5)
    expect(calls).toEqual([])
  })
})
