/** Part of the transport suite: messages, queues and their order. */
import assert from 'node:assert/strict'
import { MAX_PRIORITY_ARGUMENT } from '../../protocol/arguments.ts'
import type { Message } from '../../protocol/message.ts'
import { Inbox, until } from '../suite.ts'
import { message, to, queue, numbered, drain, count, hasCode } from './bench.ts'
import type { Test } from './bench.ts'

/** Declare the tests. */
export function testMessages(test: Test): void {
  test('a declared queue tells how many messages wait, and may be declared again', async (bench) => {
    const channel = await bench.channel()
    assert.deepEqual(await channel.queueDeclare(queue('q')), { name: 'q', messages: 0, consumers: 0 })
    await channel.basicPublish([to('q', '1'), to('q', '2')])
    await until('both wait', async () => (await count(channel, 'q')) === 2)
  })

  test('a message comes as it was sent', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    const sent: Message = {
      body: '{"a": "é🥕\\u0000"}',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: { task: 'add', retries: 0, timelimit: [null, 2.5], stamps: { deep: { x: true } }, shadow: null },
      properties: { correlation_id: 'c1', reply_to: 'r1', delivery_mode: 2, priority: 0 },
    }
    await channel.basicPublish([{ exchange: '', routingKey: 'q', message: sent }])
    const inbox = new Inbox()
    await channel.basicConsume('q', inbox.receive)
    const [delivery] = await inbox.wait(1)
    assert.ok(delivery)
    assert.equal(delivery.exchange, '')
    assert.equal(delivery.routingKey, 'q')
    assert.equal(delivery.queue, 'q')
    assert.equal(delivery.redelivered, false)
    const { properties, ...rest } = delivery.message
    const { properties: sentProperties, ...sentRest } = sent
    assert.deepEqual({ ...rest, headers: { ...rest.headers } }, sentRest)
    assert.deepEqual({ ...properties, ...sentProperties }, properties)
  })

  for (const [what, size] of [
    ['empty', 0],
    ['small', 100],
    ['1 MiB', 1024 * 1024],
  ] as const) {
    test(`${what} bodies, text and bytes`, async (bench) => {
      const channel = await bench.channel()
      await channel.queueDeclare(queue('q'))
      const text = 'ä'.repeat(size / 2)
      const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7) % 256)
      await channel.basicPublish([to('q', text), to('q', bytes)])
      const bodies = await drain(channel, 'q', 2)
      assert.equal(typeof bodies[0], 'string')
      assert.ok(bodies[0] === text)
      assert.ok(bodies[1] instanceof Uint8Array)
      assert.ok(Buffer.compare(bodies[1], bytes) === 0)
    })
  }

  test('basicGet takes at most what it is asked for, and does not wait', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    assert.deepEqual(await channel.basicGet('q', 10), [])
    await channel.basicPublish(numbered(5).map((body) => to('q', body)))
    await until('all wait', async () => (await count(channel, 'q')) === 5)
    assert.equal((await channel.basicGet('q', 2)).length, 2)
    assert.equal((await channel.basicGet('q', 10)).length, 3)
    assert.deepEqual(await channel.basicGet('q', 10), [])
  })

  test('purge removes what waits and leaves what is unacknowledged', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish(numbered(5).map((body) => to('q', body)))
    await until('all wait', async () => (await count(channel, 'q')) === 5)
    const held = await channel.basicGet('q', 2)
    assert.equal(await channel.queuePurge('q'), 3)
    assert.equal(await count(channel, 'q'), 0)
    await channel.basicReject(
      held.map((delivery) => delivery.deliveryTag),
      true,
    )
    assert.deepEqual(await drain(channel, 'q', 2), ['0', '1'])
  })

  test('the size, where it can be asked for, is what waits without what is unacknowledged', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish(numbered(3).map((body) => to('q', body)))
    await until('all wait', async () => (await count(channel, 'q')) === 3)
    await channel.basicGet('q', 1)
    if (channel.queueSize !== undefined) assert.equal(await channel.queueSize('q'), 2)
  })

  test('delete removes the queue with its messages', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish(numbered(3).map((body) => to('q', body)))
    await until('all wait', async () => (await count(channel, 'q')) === 3)
    assert.equal(await channel.queueDelete('q'), 3)
    assert.equal(await count(channel, 'q'), 0)
  })

  test('delete spares a queue that is not empty, if told to', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish([to('q', '1')])
    await until('it waits', async () => (await count(channel, 'q')) === 1)
    await assert.rejects(channel.queueDelete('q', { ifEmpty: true }), hasCode('CHANNEL_ERROR'))
    assert.equal(await channel.queuePurge('q'), 1)
    assert.equal(await channel.queueDelete('q', { ifEmpty: true }), 0)
  })
}

/** Declare the tests. */
export function testOrder(test: Test): void {
  test('first in, first out, however they were published', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    const bodies = numbered(300)
    for (const body of bodies.slice(0, 20)) await channel.basicPublish([to('q', body)])
    await channel.basicPublish(bodies.slice(20).map((body) => to('q', body)))
    const inbox = new Inbox()
    await channel.basicConsume('q', inbox.receive)
    await inbox.wait(300)
    assert.deepEqual(inbox.bodies, bodies)
  })

  test('messages come in batches', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    const bodies = numbered(2500)
    await channel.basicPublish(bodies.map((body) => to('q', body)))
    const inbox = new Inbox()
    await channel.basicQos(0)
    await channel.basicConsume('q', inbox.receive)
    await inbox.wait(2500)
    assert.deepEqual(inbox.bodies, bodies)
    assert.ok(inbox.batches.length < 1250, `${String(inbox.batches.length)} calls for 2500 messages`)
  })

  test('priorities, as the features promise', async (bench) => {
    const connection = await bench.connect()
    if (connection.features.priority === 'none') return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q', { arguments: { [MAX_PRIORITY_ARGUMENT]: 10 } }))
    const priorities = [0, 9, 3, 9, 6, 0]
    await channel.basicPublish(
      priorities.map((priority, index) => ({
        ...to('q', ''),
        message: message(`${String(priority)}.${String(index)}`, { priority }),
      })),
    )
    await until('all wait', async () => {
      const status = await channel.queueDeclare(queue('q', { arguments: { [MAX_PRIORITY_ARGUMENT]: 10 } }))
      return status.messages === priorities.length
    })
    const bodies = (await channel.basicGet('q', 10)).map((delivery) => delivery.message.body)
    const highestFirst = ['9.1', '9.3', '6.4', '3.2', '0.0', '0.5']
    const lowestFirst = ['0.0', '0.5', '3.2', '6.4', '9.1', '9.3']
    assert.deepEqual(bodies, connection.features.priority === 'highest-first' ? highestFirst : lowestFirst)
  })

  test('a message lies until it is due', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.delayed) return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    const inbox = new Inbox()
    const came = new Map<unknown, number>()
    await channel.basicConsume('q', (deliveries) => {
      for (const { message } of deliveries) came.set(message.body, Date.now())
      inbox.receive(deliveries)
    })
    const nowMs = Date.now()
    const dueMs = [nowMs + 2 * bench.delayStepMs, nowMs + bench.delayStepMs, nowMs - 1000]
    await channel.basicPublish([
      to('q', 'last', { dueMs: dueMs[0] }),
      to('q', 'second', { dueMs: dueMs[1] }),
      to('q', 'past', { dueMs: dueMs[2] }),
      to('q', 'now'),
    ])
    await inbox.wait(4)
    // Publishing may take so long that the second is due by then.
    const without = (body: string): readonly unknown[] => inbox.bodies.filter((each) => each !== body)
    assert.deepEqual(without('second'), ['past', 'now', 'last'])
    assert.ok(inbox.bodies.indexOf('second') < inbox.bodies.indexOf('last'), 'the last came before the second')
    assert.ok((came.get('second') ?? 0) >= (dueMs[1] ?? 0), 'the second came too early')
    assert.ok((came.get('last') ?? 0) >= (dueMs[0] ?? 0), 'the last came too early')
  })

  test('what is given back until a time comes then, and not before', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.delayed) return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicQos(2)
    const inbox = new Inbox()
    const dueMs = Date.now() + 200
    let cameMs: number | undefined
    await channel.basicConsume('q', (deliveries) => {
      const again = deliveries.find((delivery) => delivery.message.body === 'early' && inbox.deliveries.length > 1)
      if (again !== undefined) cameMs = Date.now()
      inbox.receive(deliveries)
    })
    await channel.basicPublish([to('q', 'early'), to('q', 'now'), to('q', 'next')])
    const [early] = await inbox.wait(2)
    await channel.basicReject([early?.deliveryTag ?? 0], true, { redelivered: false, dueMs })
    // It takes no room in the window meanwhile, and it counts as waiting.
    await inbox.wait(3)
    if (!bench.delaysElsewhere) assert.equal(await count(channel, 'q'), 1)
    await channel.basicAck(inbox.deliveries.slice(1).map((delivery) => delivery.deliveryTag))
    await inbox.wait(4)
    assert.deepEqual(inbox.bodies, ['early', 'now', 'next', 'early'])
    assert.ok((cameMs ?? 0) >= dueMs, 'it came too early')
  })

  test('what is given back until a time that is past comes at once', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.delayed) return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish([to('q', '1')])
    const inbox = new Inbox()
    await channel.basicConsume('q', inbox.receive)
    const [first] = await inbox.wait(1)
    await channel.basicReject([first?.deliveryTag ?? 0], true, { dueMs: Date.now() - 1000 })
    await inbox.wait(2)
    assert.deepEqual(inbox.bodies, ['1', '1'])
  })

  test('what is not due can be had early, in its turn', async (bench) => {
    const connection = await bench.connect()
    const channel = await connection.openChannel()
    if (!connection.features.delayed || channel.queueRipen === undefined) return
    await channel.queueDeclare(queue('q'))
    const dueMs = Date.now() + 3_600_000
    await channel.basicPublish([
      to('q', '1', { dueMs: dueMs + 1 }),
      to('other', 'x', { dueMs }),
      to('q', '2', { dueMs }),
    ])
    assert.deepEqual(await drain(channel, 'q', 0), [])
    await channel.queueRipen('q')
    await channel.queueRipen('nowhere')
    assert.equal(await channel.queueSize?.('q'), 2)
    assert.deepEqual((await drain(channel, 'q', 2)).sort(), ['1', '2'])
    assert.deepEqual(await drain(channel, 'other', 0), [])
    assert.equal(await count(channel, 'other'), 1)
  })

  test('what is not due counts and can be purged', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.delayed || bench.delaysElsewhere) return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish([to('q', 'later', { dueMs: Date.now() + 3_600_000 }), to('q', 'now')])
    assert.equal(await count(channel, 'q'), 2)
    assert.deepEqual(await drain(channel, 'q', 1), ['now'])
    assert.equal(await channel.queuePurge('q'), 1)
    assert.equal(await count(channel, 'q'), 0)
  })
}
