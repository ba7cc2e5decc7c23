/** Part of the transport suite: brokers that are a store beneath the virtual channel. */
import assert from 'node:assert/strict'
import { to, via, queue, declareExchange, drain, count, hasCode } from './bench.ts'
import type { Test } from './bench.ts'

/** Declare the tests. */
export function testVirtual(test: Test): void {
  test('publishing to a queue that nobody declared creates it', async (bench) => {
    const channel = await bench.channel()
    await channel.basicPublish([to('new', '1')])
    assert.deepEqual(await drain(channel, 'new', 1), ['1'])
  })

  test('an exchange that nobody declared is a ChannelError, and so is another type', async (bench) => {
    const channel = await bench.channel()
    const refused = hasCode('CHANNEL_ERROR')
    await assert.rejects(channel.basicPublish([via('nowhere', 'k', '1')]), refused)
    await assert.rejects(channel.queueBind({ exchange: 'nowhere', queue: 'q', routingKey: 'k' }), refused)
    await declareExchange(channel, 'x', 'direct')
    await assert.rejects(declareExchange(channel, 'x', 'topic'), refused)
  })

  test('one message that cannot be routed stops the whole batch', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await assert.rejects(channel.basicPublish([to('q', '1'), via('nowhere', 'k', '2')]), hasCode('CHANNEL_ERROR'))
    assert.equal(await count(channel, 'q'), 0)
  })

  test('a deleted exchange is gone with its bindings', async (bench) => {
    const channel = await bench.channel()
    await declareExchange(channel, 'x', 'direct')
    await channel.queueDeclare(queue('q'))
    await channel.queueBind({ exchange: 'x', queue: 'q', routingKey: 'k' })
    await channel.exchangeDelete('x')
    await assert.rejects(channel.basicPublish([via('x', 'k', '1')]), hasCode('CHANNEL_ERROR'))
    await declareExchange(channel, 'x', 'topic')
    await channel.basicPublish([via('x', 'k', '1')])
    assert.equal(await count(channel, 'q'), 0)
  })

  test('a message that nobody looked at can go back unmarked', async (bench) => {
    const channel = await bench.channel()
    await channel.basicPublish([to('q', '1')])
    const [first] = await channel.basicGet('q', 1)
    await channel.basicReject([first?.deliveryTag ?? 0], true, { redelivered: false })
    const [second] = await channel.basicGet('q', 1)
    assert.equal(second?.redelivered, false)
  })
}
