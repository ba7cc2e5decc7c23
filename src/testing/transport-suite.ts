/**
 * What every transport must do, as tests. Whoever writes a transport runs this over it: hand in the runner's `describe`
 * and `it`, and a function that makes a broker to test against.
 */
import assert from 'node:assert/strict'
import { CeleryError } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import type { Channel, Connection, Publication, QueueDeclaration } from '../transport/transport.ts'
import { Inbox, until } from './suite.ts'
import type { TestRunner } from './suite.ts'

/** A broker with nothing in it, made for one test. */
export interface BrokerUnderTest {
  /** A new connection to the broker. The suite closes it. */
  connect(): Promise<Connection>
  /** Called after the test, when all connections are closed. */
  remove(): Promise<void>
}

export interface TransportSuiteOptions {
  readonly name: string
  setup(): Promise<BrokerUnderTest>
  /**
   * The broker is a store beneath the virtual channel: a queue that is published to springs into being, exchanges are
   * looked up, a reject may leave no mark. Default true; false for brokers that speak AMQP themselves.
   */
  readonly virtual?: boolean
}

/** Declare the suite with the runner's functions. */
export function testTransport(runner: TestRunner, options: TransportSuiteOptions): void {
  runner.describe(`transport ${options.name}`, () => {
    const test = (name: string, body: (bench: Bench) => Promise<void>): void => {
      runner.it(name, async () => {
        const broker = await options.setup()
        const bench = new Bench(broker)
        try {
          await body(bench)
        } finally {
          await bench.close()
          await broker.remove()
        }
      })
    }
    runner.describe('queues and messages', () => {
      testMessages(test)
    })
    runner.describe('order', () => {
      testOrder(test)
    })
    runner.describe('acknowledgement', () => {
      testAcknowledgement(test)
    })
    runner.describe('consumers', () => {
      testConsumers(test)
    })
    runner.describe('exchanges', () => {
      testExchanges(test)
    })
    runner.describe('ends', () => {
      testEnds(test)
    })
    if (options.virtual !== false)
      runner.describe('virtual channel', () => {
        testVirtual(test)
      })
  })
}

type Test = (name: string, body: (bench: Bench) => Promise<void>) => void

/** The connections of one test, and short verbs. */
class Bench {
  readonly #broker: BrokerUnderTest
  readonly #connections: Connection[] = []

  constructor(broker: BrokerUnderTest) {
    this.#broker = broker
  }

  async connect(): Promise<Connection> {
    const connection = await this.#broker.connect()
    this.#connections.push(connection)
    return connection
  }

  /** A channel on a connection of its own. */
  async channel(): Promise<Channel> {
    return (await this.connect()).openChannel()
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
  }
}

function message(body: Message['body'], properties: Message['properties'] = {}): Message {
  return {
    body,
    contentType: typeof body === 'string' ? 'application/json' : 'application/data',
    contentEncoding: typeof body === 'string' ? 'utf-8' : 'binary',
    headers: {},
    properties,
  }
}

function to(queue: string, body: Message['body'], more: Partial<Publication> = {}): Publication {
  return { exchange: '', routingKey: queue, message: message(body), ...more }
}

function via(exchange: string, routingKey: string, body: string, more: Partial<Publication> = {}): Publication {
  return { exchange, routingKey, message: message(body), ...more }
}

function queue(name: string, more: Partial<QueueDeclaration> = {}): QueueDeclaration {
  return { name, durable: true, exclusive: false, autoDelete: false, ...more }
}

async function declareExchange(channel: Channel, name: string, type: 'direct' | 'topic' | 'fanout'): Promise<void> {
  await channel.exchangeDeclare({ name, type, durable: true, autoDelete: false })
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index))
}

/** Take what waits, once so many wait; nothing else must come. */
async function drain(channel: Channel, name: string, count: number): Promise<unknown[]> {
  const bodies: unknown[] = []
  await until(`${String(count)} messages are in ${name}`, async () => {
    const deliveries = await channel.basicGet(name, 1000, { noAck: true })
    bodies.push(...deliveries.map((delivery) => delivery.message.body))
    return bodies.length >= count
  })
  const rest = await channel.basicGet(name, 1000, { noAck: true })
  return [...bodies, ...rest.map((delivery) => delivery.message.body)]
}

async function count(channel: Channel, name: string): Promise<number> {
  return (await channel.queueDeclare(queue(name))).messages
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => CeleryError.isCeleryError(error) && error.code === code
}

function testMessages(test: Test): void {
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

  test('delete removes the queue with its messages', async (bench) => {
    const channel = await bench.channel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish(numbered(3).map((body) => to('q', body)))
    await until('all wait', async () => (await count(channel, 'q')) === 3)
    assert.equal(await channel.queueDelete('q'), 3)
    assert.equal(await count(channel, 'q'), 0)
  })
}

function testOrder(test: Test): void {
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
    await channel.queueDeclare(queue('q', { arguments: { 'x-max-priority': 10 } }))
    const priorities = [0, 9, 3, 9, 6, 0]
    await channel.basicPublish(
      priorities.map((priority, index) => ({
        ...to('q', ''),
        message: message(`${String(priority)}.${String(index)}`, { priority }),
      })),
    )
    await until('all wait', async () => {
      const status = await channel.queueDeclare(queue('q', { arguments: { 'x-max-priority': 10 } }))
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
    const came: number[] = []
    await channel.basicConsume('q', (deliveries) => {
      came.push(...deliveries.map(() => Date.now()))
      inbox.receive(deliveries)
    })
    const nowMs = Date.now()
    const dueMs = [nowMs + 240, nowMs + 120, nowMs - 1000]
    await channel.basicPublish([
      to('q', 'last', { dueMs: dueMs[0] }),
      to('q', 'second', { dueMs: dueMs[1] }),
      to('q', 'past', { dueMs: dueMs[2] }),
      to('q', 'now'),
    ])
    await inbox.wait(4)
    assert.deepEqual(inbox.bodies, ['past', 'now', 'second', 'last'])
    assert.ok((came[2] ?? 0) >= (dueMs[1] ?? 0), 'the second came too early')
    assert.ok((came[3] ?? 0) >= (dueMs[0] ?? 0), 'the last came too early')
  })

  test('what is not due counts and can be purged', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.delayed) return
    const channel = await connection.openChannel()
    await channel.queueDeclare(queue('q'))
    await channel.basicPublish([to('q', 'later', { dueMs: Date.now() + 3_600_000 }), to('q', 'now')])
    assert.equal(await count(channel, 'q'), 2)
    assert.deepEqual(await drain(channel, 'q', 1), ['now'])
    assert.equal(await channel.queuePurge('q'), 1)
    assert.equal(await count(channel, 'q'), 0)
  })
}

function testAcknowledgement(test: Test): void {
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

function testConsumers(test: Test): void {
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
    const cancelled = new Promise<void>((resolve, reject) => {
      void channel
        .basicConsume('q', () => {
          channel.basicCancel(tag).then(resolve, reject)
        })
        .then((consumerTag) => {
          tag = consumerTag
        })
    })
    let tag = ''
    await channel.basicPublish([to('q', 'a')])
    await cancelled
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

function testExchanges(test: Test): void {
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

function testEnds(test: Test): void {
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

function testVirtual(test: Test): void {
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
