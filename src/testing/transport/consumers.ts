/** Part of the transport suite: consumers, prefetch and cancelling. */
import assert from 'node:assert/strict'
import { Inbox, until } from '../suite.ts'
import { to, queue, numbered, count } from './bench.ts'
import type { Test } from './bench.ts'
import { deferred } from '../../util/deferred.ts'

/** Declare the tests. */
export function testConsumers(test: Test): void {
  test('a waiting consumer hears of what another connection publishes', async (bench) => {
    const [producer, channel] = [await bench.channel(), await bench.channel()]
    await channel.queueDeclare(queue('q'))
    const inbox = new Inbox()
    await channel.basicConsume('q', inbox.receive)
    for (const round of [1, 2, 3]) {
      await producer.basicPublish([to('q', 'x')])
      await inbox.wait(round)
    }
  })

  test('never more unacknowledged deliveries than the prefetch count', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicQos(3)
    const bodies = numbered(10)
    await channel.basicPublish(bodies.map((body) => to('q', body)))
    let unacked = 0
    let most = 0
    const inbox = new Inbox()
    await channel.basicConsume('q', (deliveries) => {
      unacked += deliveries.length
      most = Math.max(most, unacked)
      inbox.receive(deliveries)
    })
    for (const [index] of bodies.entries()) {
      const deliveries = await inbox.wait(Math.min(index + 3, bodies.length))
      unacked -= 1
      await channel.basicAck([deliveries[index]?.deliveryTag ?? 0])
    }
    assert.deepEqual(inbox.bodies, bodies)
    assert.equal(most, 3)
  })

  test('the prefetch count can grow while consuming', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicQos(1)
    await channel.basicPublish(numbered(4).map((body) => to('q', body)))
    const inbox = new Inbox()
    const tag = await channel.basicConsume('q', inbox.receive)
    await inbox.wait(1)
    assert.equal(inbox.deliveries.length, 1)
    await channel.basicQos(3)
    // Brokers may apply a new count to new consumers only.
    await channel.basicCancel(tag)
    await channel.basicConsume('q', inbox.receive)
    await inbox.wait(3)
    assert.equal(inbox.deliveries.length, 3)
    await channel.basicAck(inbox.deliveries.map((delivery) => delivery.deliveryTag))
    await inbox.wait(4)
    assert.deepEqual(inbox.bodies, numbered(4))
  })

  test('consumers of one queue share its messages, each delivered once', async (bench) => {
    const inboxes = [new Inbox(), new Inbox(), new Inbox()]
    const bodies = numbered(200)
    const publisher = await bench.channel()
    await publisher.queueDeclare(queue('q'))
    for (const inbox of inboxes) {
      const channel = await bench.channel()
      await channel.basicQos(5)
      await channel.basicConsume('q', (deliveries) => {
        inbox.receive(deliveries)
        void channel.basicAck(deliveries.map((delivery) => delivery.deliveryTag))
      })
    }
    await publisher.basicPublish(bodies.map((body) => to('q', body)))
    const all = (): unknown[] => inboxes.flatMap((inbox) => inbox.bodies)
    await until('all have come', () => all().length >= bodies.length)
    assert.deepEqual(
      all()
        .map(Number)
        .sort((a, b) => a - b),
      bodies.map(Number),
    )
    for (const inbox of inboxes) assert.ok(inbox.deliveries.length > 0, 'one consumer got nothing')
  })

  test('one channel consumes several queues', async (bench) => {
    const channel = await bench.channel()
    const inbox = new Inbox()
    for (const name of ['a', 'b', 'c']) {
      await channel.queueDeclare(queue(name))
      await channel.basicConsume(name, inbox.receive)
    }
    await channel.basicPublish(['a', 'b', 'c'].map((name) => to(name, `to ${name}`)))
    await inbox.wait(3)
    for (const delivery of inbox.deliveries) assert.equal(delivery.message.body, `to ${delivery.queue}`)
    assert.deepEqual(inbox.deliveries.map((delivery) => delivery.queue).sort(), ['a', 'b', 'c'])
  })

  test('a busy queue does not starve another', async (bench) => {
    const channel = await bench.channel()
    const inbox = new Inbox()
    await channel.basicQos(10)
    for (const name of ['busy', 'quiet']) await channel.queueDeclare(queue(name))
    await channel.basicPublish([...numbered(2000).map((body) => to('busy', body)), to('quiet', 'me too')])
    for (const name of ['busy', 'quiet']) {
      await channel.basicConsume(name, (deliveries) => {
        inbox.receive(deliveries)
        void channel.basicAck(deliveries.map((delivery) => delivery.deliveryTag))
      })
    }
    await inbox.wait(2001)
    const place = inbox.deliveries.findIndex((delivery) => delivery.queue === 'quiet')
    assert.ok(place < 1000, `the quiet queue came as number ${String(place)}`)
  })

  test('after a cancel nothing comes, and what was not delivered waits unmarked', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicQos(10)
    const inbox = new Inbox()
    const tag = await channel.basicConsume('q', inbox.receive)
    await channel.basicPublish(numbered(100).map((body) => to('q', body)))
    await channel.basicCancel(tag)
    await channel.basicCancel(tag)
    const delivered = inbox.deliveries.length
    await channel.basicAck(inbox.deliveries.map((delivery) => delivery.deliveryTag))
    await until('the rest waits', async () => (await count(channel, 'q')) === 100 - delivered)
    const rest = await channel.basicGet('q', 200)
    assert.deepEqual([...inbox.bodies, ...rest.map((delivery) => delivery.message.body)], numbered(100))
    assert.equal(inbox.deliveries.length, delivered)
    assert.ok(rest.every((delivery) => !delivery.redelivered))
  })

  test('what was delivered before a cancel can be acknowledged after it', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish([to('q', 'a')])
    const inbox = new Inbox()
    const tag = await channel.basicConsume('q', inbox.receive)
    const [delivery] = await inbox.wait(1)
    await channel.basicCancel(tag)
    await channel.basicAck([delivery?.deliveryTag ?? 0])
    await connection.close()
    assert.equal(await count(await bench.channel(), 'q'), 0)
  })

  test('a cancel inside of a delivery does not hang', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    const cancelling = deferred<Promise<void>>()
    const tag = await channel.basicConsume('q', () => {
      cancelling.resolve(channel.basicCancel(tag))
    })
    await channel.basicPublish([to('q', 'a')])
    await cancelling.promise
  })

  test('consumers are counted', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    const tag = await channel.basicConsume('q', () => undefined)
    assert.equal((await channel.queueDeclare(queue('q'))).consumers, 1)
    await channel.basicCancel(tag)
    assert.equal((await channel.queueDeclare(queue('q'))).consumers, 0)
  })
}
