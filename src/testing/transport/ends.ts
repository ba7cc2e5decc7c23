/** Part of the transport suite: ends of queues, channels and connections. */
import assert from 'node:assert/strict'
import { Inbox } from '../suite.ts'
import { to, via, queue, declareExchange, numbered, hasCode } from './bench.ts'
import type { Test } from './bench.ts'

/** Declare the tests. */
export function testEnds(test: Test): void {
  test('an auto-delete queue goes with its last consumer', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'fanout')
    await channel.queueDeclare(queue('q', { autoDelete: true }))
    await channel.queueBind({ exchange: 'x', queue: 'q', routingKey: '' })
    const tags = [await channel.basicConsume('q', () => undefined), await channel.basicConsume('q', () => undefined)]
    const publish = (): Promise<void> => channel.basicPublish([via('x', '', '1', { mandatory: true })])
    await channel.basicCancel(tags[0] ?? '')
    await publish()
    await channel.basicCancel(tags[1] ?? '')
    await assert.rejects(publish(), hasCode('CHANNEL_ERROR'))
  })

  test('an auto-delete queue stays while another connection consumes it', async (bench) => {
    const [one, other] = [await bench.channel(), await bench.channel()]
    await declareExchange(one, 'x', 'fanout')
    await one.queueDeclare(queue('q', { autoDelete: true }))
    await one.queueBind({ exchange: 'x', queue: 'q', routingKey: '' })
    const inbox = new Inbox()
    const tag = await one.basicConsume('q', inbox.receive, { noAck: true })
    await other.basicConsume('q', inbox.receive, { noAck: true })
    await one.basicCancel(tag)
    await one.basicPublish([via('x', '', '1', { mandatory: true })])
    await inbox.wait(1)
    await other.close()
    await assert.rejects(one.basicPublish([via('x', '', '2', { mandatory: true })]), hasCode('CHANNEL_ERROR'))
  })

  test('an exclusive queue goes with its connection', async (bench) => {
    const [owner, other] = [await bench.connect(), await bench.channel()]
    const channel = await owner.openChannel()
    await declareExchange(channel, 'x', 'fanout')
    await channel.queueDeclare(queue('q', { exclusive: true }))
    await channel.queueBind({ exchange: 'x', queue: 'q', routingKey: '' })
    await other.basicPublish([via('x', '', '1', { mandatory: true })])
    await owner.close()
    await assert.rejects(other.basicPublish([via('x', '', '2', { mandatory: true })]), hasCode('CHANNEL_ERROR'))
  })

  test('a closed channel refuses every verb; its connection goes on', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await channel.close()
    await channel.close()
    const refused = hasCode('CHANNEL_ERROR')
    await assert.rejects(channel.queueDeclare(queue('q')), refused)
    await assert.rejects(channel.basicPublish([to('q', '1')]), refused)
    await assert.rejects(
      channel.basicConsume('q', () => undefined),
      refused,
    )
    await assert.rejects(channel.basicGet('q', 1), refused)
    await assert.rejects(channel.basicAck([1]), refused)
    await assert.rejects(channel.basicReject([1], true), refused)
    await (await connection.openChannel()).queueDeclare(queue('q'))
  })

  test('a closed connection says so, and closes its channels', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await connection.close()
    await connection.close()
    assert.equal(await connection.closed, undefined)
    await assert.rejects(channel.basicPublish([to('q', '1')]), hasCode('CHANNEL_ERROR'))
  })

  test('closing in the middle of deliveries loses nothing', async (bench) => {
    const bodies = numbered(500)
    const publisher = await bench.channel()
    await publisher.queueDeclare(queue('q'))
    await publisher.basicPublish(bodies.map((body) => to('q', body)))
    const done = new Set<unknown>()
    while (done.size < bodies.length) {
      const connection = await bench.connect()
      const channel = await connection.openChannel()
      await channel.basicQos(40)
      const inbox = new Inbox()
      await channel.basicConsume('q', (deliveries) => {
        const acked = deliveries.slice(0, 30)
        for (const delivery of acked) done.add(delivery.message.body)
        // The connection is closed while this is on its way, so it may be refused; then the messages come again.
        channel.basicAck(acked.map((delivery) => delivery.deliveryTag)).catch(() => undefined)
        inbox.receive(deliveries)
      })
      await inbox.wait(Math.min(30, bodies.length - done.size))
      await connection.close()
    }
    assert.deepEqual(
      [...done].map(Number).sort((a, b) => a - b),
      bodies.map(Number),
    )
  })
}
