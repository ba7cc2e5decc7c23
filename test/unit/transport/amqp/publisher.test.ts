import { describe, expect, it } from 'vitest'
import { ChannelError } from '../../../../src/errors.ts'
import { DelayedDelivery } from '../../../../src/transport/amqp/delayed.ts'
import { Publisher } from '../../../../src/transport/amqp/publisher.ts'
import type { Publication } from '../../../../src/transport/transport.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { nextTurn } from '../../../../src/util/turn.ts'
import { FakeAmqpConnection } from '../../../support/fake-amqp.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

interface Fixture {
  readonly fake: FakeAmqpConnection
  readonly publisher: Publisher
}

function fixture(): Fixture {
  const fake = new FakeAmqpConnection()
  const { connection } = fake
  const delayed = new DelayedDelivery({ connection, clock: fakeClock(), queueType: 'quorum' })
  return { fake, publisher: new Publisher(connection, delayed) }
}

function to(routingKey: string, changes: Partial<Publication> = {}): Publication {
  const message = { body: 'é', contentType: 'text/plain', contentEncoding: 'utf-8', headers: {}, properties: {} }
  return { exchange: '', routingKey, message, ...changes }
}

describe('Publisher', () => {
  it('writes a batch in one go, on a channel with confirmations', async () => {
    const { fake, publisher } = fixture()
    await publisher.publish([to('a'), to('k', { exchange: 'x' })])
    expect(fake.channels.map(({ confirms, calls }) => ({ confirms, calls }))).toEqual([
      { confirms: true, calls: ['basicPublish /a x/k'] },
    ])
  })

  it('writes bytes and properties, and asks for a return only where it is wanted', async () => {
    const { fake, publisher } = fixture()
    await publisher.publish([to('a', { mandatory: true }), to('b', { mandatory: false })])
    const options = { contentType: 'text/plain', contentEncoding: 'utf-8', headers: {} }
    expect(fake.channels[0]?.published).toEqual([
      { exchange: '', routingKey: 'a', content: Buffer.from('é'), options: { ...options, mandatory: true } },
      { exchange: '', routingKey: 'b', content: Buffer.from('é'), options },
    ])
  })

  it('opens no channel for an empty batch', async () => {
    const { fake, publisher } = fixture()
    await publisher.publish([])
    expect(fake.channels).toEqual([])
  })

  it('writes nothing while the broker takes nothing', async () => {
    const { fake, publisher } = fixture()
    const recovered = deferred<void>()
    fake.blocked = recovered.promise
    const publishing = publisher.publish([to('a')])
    await nextTurn()
    expect(fake.channels).toEqual([])
    recovered.resolve()
    await publishing
    expect(fake.channels[0]?.calls).toEqual(['basicPublish /a'])
  })

  it('sends by the way of delayed delivery what is not due yet', async () => {
    const { fake, publisher } = fixture()
    await publisher.publish([to('q', { dueMs: fakeClock().now() + 1000 })])
    const [published] = fake.channels.flatMap((channel) => channel.published)
    expect(published).toMatchObject({ exchange: 'celery_delayed_27', routingKey: `${'0.'.repeat(27)}1./q` })
  })

  it.each([
    ['', 'There is no queue "k", so the message was returned'],
    ['x', 'No queue takes what is sent to the exchange "x" with the routing key "k"'],
  ])('says where to nothing went that was sent to the exchange "%s"', async (exchange, sentence) => {
    const { fake, publisher } = fixture()
    fake.onOpen = (channel) => {
      channel.returned = [{ exchange, routingKey: 'k', content: Buffer.from(''), options: {} }]
    }
    const publishing = publisher.publish([to('k', { exchange, mandatory: true })])
    await expect(publishing).rejects.toThrow(ChannelError)
    await expect(publishing).rejects.toThrow(sentence)
  })

  it('closes its channel', async () => {
    const { fake, publisher } = fixture()
    await publisher.publish([to('a')])
    await publisher.close()
    await publisher.close()
    expect(fake.channels.map(({ isOpen }) => isOpen)).toEqual([false])
  })
})
