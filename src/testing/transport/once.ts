/** Part of the transport suite: publications that are left out where they came before. */
import assert from 'node:assert/strict'
import { declareExchange, drain, queue, to, via } from './bench.ts'
import type { Test } from './bench.ts'

/** Declare the tests. */
export function testOnce(test: Test): void {
  test('what was published once is left out, whoever publishes it again', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.once) return
    const [one, two] = [await connection.openChannel(), await bench.channel()]
    await one.queueDeclare(queue('q'))
    const numbered = (number: number, key = 'k'): { once: { key: string; number: number } } => ({
      once: { key, number },
    })
    await one.basicPublish([to('q', 'a1', numbered(1)), to('q', 'plain'), to('q', 'b1', numbered(1, 'other'))])
    await two.basicPublish([to('q', 'again', numbered(1)), to('q', 'a2', numbered(2)), to('q', 'plain')])
    await Promise.all([one, two].map((channel) => channel.basicPublish([to('q', 'a3', numbered(3))])))
    await one.basicPublish([to('q', 'late', numbered(2)), to('q', 'a4', numbered(4)), to('q', 'twin', numbered(4))])
    assert.deepEqual((await drain(one, 'q', 7)).sort(), ['a1', 'a2', 'a3', 'a4', 'b1', 'plain', 'plain'])
  })

  test('a mark that may be forgotten holds for as long as it was asked for', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.once) return
    const [one, two] = [await connection.openChannel(), await bench.channel()]
    await one.queueDeclare(queue('q'))
    const numbered = (number: number): { once: { key: string; number: number; forMs: number } } => ({
      once: { key: 'k', number, forMs: 60_000 },
    })
    await one.basicPublish([to('q', 'a1', numbered(1)), to('q', 'twin', numbered(1)), to('q', 'a2', numbered(2))])
    await two.basicPublish([to('q', 'again', numbered(2)), to('q', 'a3', numbered(3))])
    assert.deepEqual((await drain(one, 'q', 3)).sort(), ['a1', 'a2', 'a3'])
  })

  test('what reaches several queues is one publication, and what is due later is marked at once', async (bench) => {
    const connection = await bench.connect()
    if (!connection.features.once) return
    const channel = await connection.openChannel()
    await declareExchange(channel, 'x', 'direct')
    for (const name of ['q1', 'q2', 'q3']) await channel.queueDeclare(queue(name))
    for (const name of ['q1', 'q2']) await channel.queueBind({ exchange: 'x', queue: name, routingKey: 'r' })
    const dueMs = Date.now() + 100
    const once = { key: 'k', number: 1_700_000_000_123 }
    await channel.basicPublish([
      via('x', 'r', 'both', { once }),
      to('q3', 'later', { dueMs, once: { key: 'l', number: 1 } }),
    ])
    await channel.basicPublish([
      via('x', 'r', 'both', { once }),
      to('q3', 'again', { dueMs, once: { key: 'l', number: 1 } }),
    ])
    for (const name of ['q1', 'q2']) assert.deepEqual(await drain(channel, name, 1), ['both'])
    assert.deepEqual(await drain(channel, 'q3', 1), ['later'])
  })
}
