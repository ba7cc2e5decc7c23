/** Part of the transport suite: exchanges and bindings. */
import assert from 'node:assert/strict'
import type { Channel } from '../../transport/transport.ts'
import { Inbox } from '../suite.ts'
import { via, queue, declareExchange, drain, count, hasCode } from './bench.ts'
import type { Test } from './bench.ts'

/** Declare the tests. */
export function testExchanges(test: Test): void {
  const bound = async (channel: Channel, exchange: string, bindings: readonly [string, string][]): Promise<void> => {
    for (const [name, routingKey] of bindings) {
      await channel.queueDeclare(queue(name))
      await channel.queueBind({ exchange, queue: name, routingKey })
    }
  }

  test('direct: every queue bound with the routing key gets a copy', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [
      ['a', 'k1'],
      ['b', 'k1'],
      ['b', 'k1'],
      ['b', 'k2'],
      ['c', 'k3'],
    ])
    await channel.basicPublish([via('x', 'k1', '1'), via('x', 'k2', '2'), via('x', 'nobody', '3')])
    assert.deepEqual(await drain(channel, 'a', 1), ['1'])
    assert.deepEqual(await drain(channel, 'b', 2), ['1', '2'])
    assert.deepEqual(await drain(channel, 'c', 0), [])
  })

  test('delete spares an exchange that is in use, if told to', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [['a', 'k']])
    await assert.rejects(channel.exchangeDelete('x', { ifUnused: true }), hasCode('CHANNEL_ERROR'))
    await channel.queueUnbind({ exchange: 'x', queue: 'a', routingKey: 'k' })
    await channel.exchangeDelete('x', { ifUnused: true })
    await assert.rejects(channel.basicPublish([via('x', 'k', '1')]), hasCode('CHANNEL_ERROR'))
  })

  test('a delivery knows its exchange, routing key and queue', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [['a', 'k1']])
    await channel.basicPublish([via('x', 'k1', '1')])
    const inbox = new Inbox()
    await channel.basicConsume('a', inbox.receive)
    const [delivery] = await inbox.wait(1)
    assert.deepEqual([delivery?.exchange, delivery?.routingKey, delivery?.queue], ['x', 'k1', 'a'])
  })

  test('topic: words and wildcards', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'topic')
    await bound(channel, 'x', [
      ['all', '#'],
      ['tasks', 'task.*'],
      ['workers', 'worker.#'],
      ['twice', 'task.#'],
      ['twice', '#.failed'],
    ])
    const keys = ['task.failed', 'task', 'task.a.b', 'worker', 'worker.online']
    await channel.basicPublish(keys.map((key) => via('x', key, key)))
    assert.deepEqual(await drain(channel, 'all', 5), keys)
    assert.deepEqual(await drain(channel, 'tasks', 1), ['task.failed'])
    assert.deepEqual(await drain(channel, 'workers', 2), ['worker', 'worker.online'])
    assert.deepEqual(await drain(channel, 'twice', 3), ['task.failed', 'task', 'task.a.b'])
  })

  test('fanout: every bound queue gets a copy, whatever the routing key', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.fanout) return
    const channel = await connection.openChannel()
    await declareExchange(channel, 'x', 'fanout')
    const inboxes = [new Inbox(), new Inbox()]
    for (const [index, inbox] of inboxes.entries()) {
      const listener = await bench.channel()
      await bound(listener, 'x', [[`q${String(index)}`, '']])
      await listener.basicConsume(`q${String(index)}`, inbox.receive, { noAck: true })
    }
    await channel.basicPublish([via('x', '', '1'), via('x', 'any', '2')])
    for (const inbox of inboxes) {
      await inbox.wait(2)
      assert.deepEqual(inbox.bodies, ['1', '2'])
    }
  })

  test('broadcast tells how many queues a fanout exchange has reached, or at least whether there was any', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.fanout) return
    const channel = await connection.openChannel()
    await declareExchange(channel, 'x', 'fanout')
    assert.equal(await channel.broadcast(via('x', '', 'nobody')), 0)
    const inboxes = [new Inbox(), new Inbox()]
    for (const [index, inbox] of inboxes.entries()) {
      const listener = await bench.channel()
      await bound(listener, 'x', [[`q${String(index)}`, '']])
      await listener.basicConsume(`q${String(index)}`, inbox.receive, { noAck: true })
    }
    const reached = await channel.broadcast(via('x', '', '1'))
    assert.ok(reached === undefined || reached === 2, `it has reached ${String(reached)}`)
    for (const inbox of inboxes) {
      await inbox.wait(1)
      assert.deepEqual(inbox.bodies, ['1'])
    }
  })

  test('an unbound queue gets nothing more', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [
      ['a', 'k'],
      ['b', 'k'],
    ])
    await channel.queueUnbind({ exchange: 'x', queue: 'a', routingKey: 'k' })
    await channel.basicPublish([via('x', 'k', '1')])
    assert.deepEqual(await drain(channel, 'b', 1), ['1'])
    assert.deepEqual(await drain(channel, 'a', 0), [])
  })

  test('a binding made by another connection counts at once', async (bench) => {
    const [publisher, other] = [await bench.channel(), await bench.channel()]
    await declareExchange(publisher, 'x', 'direct')
    await publisher.basicPublish([via('x', 'k', 'nobody hears')])
    await bound(other, 'x', [['a', 'k']])
    await publisher.basicPublish([via('x', 'k', '1')])
    assert.deepEqual(await drain(other, 'a', 1), ['1'])
  })

  test('a deleted queue is bound no more', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [
      ['a', 'k'],
      ['b', 'k'],
    ])
    await channel.queueDelete('a')
    await channel.basicPublish([via('x', 'k', '1')])
    assert.deepEqual(await drain(channel, 'b', 1), ['1'])
    assert.equal(await count(channel, 'a'), 0)
  })

  test('mandatory: ChannelError where no queue takes it, otherwise it is dropped', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    await declareExchange(channel, 'x', 'direct')
    await channel.basicPublish([via('x', 'k', 'dropped')])
    await assert.rejects(channel.basicPublish([via('x', 'k', '1', { mandatory: true })]), hasCode('CHANNEL_ERROR'))
    const other = await connection.openChannel()
    await bound(other, 'x', [['a', 'k']])
    await other.basicPublish([via('x', 'k', '1', { mandatory: true })])
    assert.deepEqual(await drain(other, 'a', 1), ['1'])
  })

  test('listBindings tells what is bound', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await bound(channel, 'x', [
      ['a', 'k1'],
      ['b', 'k2'],
    ])
    const bindings = await channel.listBindings?.()
    if (bindings === undefined) return
    const found = bindings.map((binding) => `${binding.exchange} ${binding.queue} ${binding.routingKey}`).sort()
    assert.deepEqual(found, ['x a k1', 'x b k2'])
  })
}
