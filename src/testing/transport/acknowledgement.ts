/** Part of the transport suite: acknowledging, rejecting and giving back. */
import assert from 'node:assert/strict'
import type { Channel, Connection } from '../../transport/transport.ts'
import { Inbox, until } from '../suite.ts'
import { to, queue, numbered, drain, count } from './bench.ts'
import type { Bench, Test } from './bench.ts'

/** Declare the tests. */
export function testAcknowledgement(test: Test): void {
  /** A queue with so many messages, all delivered to one consumer of a connection of its own. */
  const delivered = async (
    bench: Bench,
    bodies: readonly string[],
  ): Promise<{ connection: Connection; channel: Channel; inbox: Inbox; tag: string }> => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish(bodies.map((body) => to('q', body)))
    const inbox = new Inbox()
    const tag = await channel.basicConsume('q', inbox.receive)
    await inbox.wait(bodies.length)
    return { connection, channel, inbox, tag }
  }
  const tags = (inbox: Inbox): number[] => inbox.deliveries.map((delivery) => delivery.deliveryTag)

  test('delivery tags differ', async (bench) => {
    const { inbox } = await delivered(bench, numbered(50))
    assert.equal(new Set(tags(inbox)).size, 50)
  })

  test('what is acknowledged does not come again', async (bench) => {
    const { connection, channel, inbox } = await delivered(bench, ['a', 'b', 'c'])
    const [a = 0, b = 0] = tags(inbox)
    await Promise.all([channel.basicAck([a]), channel.basicAck([b])])
    await connection.close()
    assert.deepEqual(await drain(await bench.channel(), 'q', 1), ['c'])
  })

  test('acknowledging twice, or what never was, is harmless', async (bench) => {
    const { connection, channel, inbox } = await delivered(bench, ['a', 'b'])
    const [a = 0] = tags(inbox)
    await channel.basicAck([a])
    await channel.basicAck([a])
    await channel.basicReject([a], true)
    await channel.basicAck([12345])
    await connection.close()
    assert.deepEqual(await drain(await bench.channel(), 'q', 1), ['b'])
  })

  test('what is rejected without requeue is gone', async (bench) => {
    const { connection, channel, inbox } = await delivered(bench, ['a', 'b'])
    await channel.basicReject(tags(inbox).slice(0, 1), false)
    await connection.close()
    assert.deepEqual(await drain(await bench.channel(), 'q', 1), ['b'])
  })

  test('what is requeued comes again, marked, before what came later', async (bench) => {
    const { channel, inbox, tag } = await delivered(bench, ['a', 'b', 'c'])
    await channel.basicCancel(tag)
    await channel.basicPublish([to('q', 'd')])
    await channel.basicReject(tags(inbox).slice(1), true)
    await until('three wait', async () => (await count(channel, 'q')) === 3)
    const again = await channel.basicGet('q', 10)
    assert.deepEqual(
      again.map((delivery) => [delivery.message.body, delivery.redelivered]),
      [
        ['b', true],
        ['c', true],
        ['d', false],
      ],
    )
  })

  test('a closed channel gives back what is unacknowledged, marked and in its place', async (bench) => {
    const { channel, inbox } = await delivered(bench, ['a', 'b', 'c'])
    await channel.basicAck(tags(inbox).slice(1, 2))
    await channel.close()
    const other = await bench.channel()
    await other.basicPublish([to('q', 'd')])
    await until('three wait', async () => (await count(other, 'q')) === 3)
    const again = await other.basicGet('q', 10)
    assert.deepEqual(
      again.map((delivery) => [delivery.message.body, delivery.redelivered]),
      [
        ['a', true],
        ['c', true],
        ['d', false],
      ],
    )
  })

  test('a closed connection gives back what is unacknowledged', async (bench) => {
    const { connection } = await delivered(bench, ['a', 'b'])
    const other = await bench.channel()
    assert.equal(await count(other, 'q'), 0)
    const inbox = new Inbox()
    await other.basicConsume('q', inbox.receive)
    await connection.close()
    const again = await inbox.wait(2)
    assert.deepEqual(
      again.map((delivery) => [delivery.message.body, delivery.redelivered]),
      [
        ['a', true],
        ['b', true],
      ],
    )
  })

  test('without acknowledgement messages are gone when delivered', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicQos(1)
    await channel.basicPublish(numbered(5).map((body) => to('q', body)))
    const inbox = new Inbox()
    await channel.basicConsume('q', inbox.receive, { noAck: true })
    await inbox.wait(5)
    await connection.close()
    assert.equal(await count(await bench.channel(), 'q'), 0)
  })
}
