import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { connectRedis } from '../../../../src/driver/redis.ts'
import type { RedisStore } from '../../../../src/transport/redis/store.ts'
import type { StoredMessage } from '../../../../src/transport/virtual/store.ts'
import { createLogger } from '../../../../src/util/logger.ts'
import { startFaultProxy } from '../../../support/fault-proxy.ts'
import type { HelperProcess } from '../../../support/helper-process.ts'
import { describeWithRedis } from '../../../support/redis.ts'
import { entry, RedisBench } from '../../../support/redis-transport.ts'
import { waitFor } from '../../../support/wait-for.ts'

const never = new AbortController().signal
const bodies = (messages: readonly StoredMessage[]): unknown[] => messages.map(({ message }) => message.body)

describeWithRedis('messages that are handed over to an idle worker', () => {
  let bench: RedisBench
  beforeAll(async () => {
    bench = await RedisBench.start()
  })
  afterAll(() => bench.server.stop())
  afterEach(() => bench.clear())

  const number = async (section: string, name: string): Promise<number> =>
    Number(new RegExp(`${name}[:=](\\d+)`).exec(await bench.server.ask('INFO', section))?.[1] ?? 0)
  const calls = (command: string): Promise<number> => number('commandstats', `cmdstat_${command}:calls`)
  /** Sooner than a time-out ends what is armed. */
  const armed = (count: number): Promise<unknown> =>
    waitFor(async () => (await number('clients', 'blocked_clients')) === count, {
      what: `${String(count)} armed`,
      timeoutMs: 2500,
    })
  const take = (store: RedisStore, max = 10): Promise<readonly StoredMessage[]> =>
    store.getMany(['q'], max, { noAck: false })
  const inboxes = async (): Promise<string[]> => (await bench.keys()).filter((key) => key.includes('.inbox.'))
  const waiting = async (): Promise<string> => bench.server.ask('LRANGE', 'q', '0', '-1')

  /** A store that waits for the queue, and its wait. */
  const waiter = async (store?: RedisStore): Promise<{ store: RedisStore; came: Promise<void> }> => {
    const idle = store ?? (await bench.store())
    await idle.startConsuming('q')
    expect(await take(idle)).toEqual([])
    return { store: idle, came: idle.waitForMessages(['q'], never) }
  }
  /** ... and has got a message. */
  const receiver = async (body: string): Promise<{ store: RedisStore; message: StoredMessage; other: RedisStore }> => {
    const other = await bench.store()
    const { store, came } = await waiter()
    await armed(1)
    await other.putMany([entry('q', body)])
    await came
    const [message] = await take(store)
    if (message === undefined) throw new Error('No message came')
    return { store, message, other }
  }

  /** The time-out of what is armed has only just begun. */
  const rearmed = async (): Promise<void> => {
    const before = await calls('blmove')
    await waitFor(async () => (await calls('blmove')) > before, { what: 'the next time-out' })
    await armed(1)
  }
  /** Waits again and again, as a worker does. Rejects at the end. */
  const waitOn = async (store: RedisStore): Promise<never> => {
    for (;;) {
      await store.waitForMessages(['q'], never)
      await take(store)
    }
  }
  /** A process of its own that waits for the queue. */
  const idleHelper = async (leaseMs: number): Promise<HelperProcess> => {
    const helper = bench.helper('wait', String(leaseMs))
    await waitFor(() => armed(1).then(() => true))
    return helper
  }

  it('come without being asked for, and the next wait begins with the acknowledgement', async () => {
    const [other, observer] = [await bench.store(), await bench.connect()]
    const names = ['cmdstat_blmove:calls', 'cmdstat_ltrim:calls', 'cmdstat_evalsha:calls', 'total_reads_processed']
    const counts = async (): Promise<number[]> => {
      const info = (await observer.send([['INFO', 'everything']])).join('')
      return names.map((name) => Number(new RegExp(`${name}[:=](\\d+)`).exec(info)?.[1] ?? 0))
    }
    const { store, came } = await waiter()
    await armed(1)
    let next = came
    await waitFor(async () => {
      const before = await counts()
      await other.putMany([entry('q', 'm')])
      await next
      const messages = await take(store)
      expect(bodies(messages)).toEqual(['m'])
      next = store.waitForMessages(['q'], never)
      await store.ackMany(messages)
      // What is read is the push, the acknowledgement with BLMOVE, and the question. An owner's word may come in between.
      expect((await counts()).map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 0, 3])
      return true
    })
    expect(await inboxes()).toEqual([])
  })

  it('come to one after the other of those who wait', async () => {
    const other = await bench.store()
    const first = await waiter()
    await armed(1)
    const second = await waiter()
    await armed(2)
    const found: unknown[] = []
    for (const { store, came } of [first, second]) {
      const taken = came.then(() => take(store))
      await other.putMany([entry('q', String(found.length))])
      found.push(...bodies(await taken))
    }
    expect(found).toEqual(['0', '1'])
  })

  it('come all, once, in order, where many are pushed', async () => {
    const other = await bench.store()
    const { store, came } = await waiter()
    await armed(1)
    const names = Array.from({ length: 1000 }, (_, index) => String(index))
    const sent = Promise.all(names.map((name) => other.putMany([entry('q', name)])))
    const found: unknown[] = []
    await came
    while (found.length < names.length) {
      const messages = await take(store, 100)
      found.push(...bodies(messages))
      const next = store.waitForMessages(['q'], never)
      void store.ackMany(messages)
      if (found.length < names.length) await next
    }
    await sent
    expect(found).toEqual(names)
    // A few were enough to find out that there are more.
    expect(await calls('blmove')).toBeLessThan(200)
  })

  it('are noted as unacknowledged like others when they are not acknowledged soon', async () => {
    const { store, message, other } = await receiver('long')
    const next = store.waitForMessages(['q'], never)
    await waitFor(async () => (await bench.keys()).includes('unacked'), { what: 'the note' })
    expect(await inboxes()).toEqual([])
    await armed(1)
    await other.putMany([entry('q', 'next')])
    await next
    const [second] = await take(store)
    expect(second?.message.body).toBe('next')
    if (second !== undefined) await store.ackMany([message, second])
    expect(await bench.keys()).toEqual(expect.not.arrayContaining(['unacked', 'unacked_index', 'q']))
    expect(await inboxes()).toEqual([])
  })

  it('are acknowledged also where the next one cannot be waited for', async () => {
    const { store, message } = await receiver('m')
    // Of a queue that it publishes to, it no longer knows that it is empty.
    const sent = store.putMany([entry('q', 'next')])
    await store.ackMany([message])
    await sent
    expect(await inboxes()).toEqual([])
    await store.close()
    expect(await bench.server.ask('LLEN', 'q')).toBe('1')
  })

  it('are acknowledged also while they are being noted', async () => {
    // To send a script takes another round trip.
    await bench.server.ask('SCRIPT', 'FLUSH')
    const { store, message } = await receiver('m')
    const released = store.releaseMany([message], { redelivered: true })
    await store.ackMany([message])
    await released
    await waitFor(async () => !(await bench.keys()).includes('unacked'))
    expect(await inboxes()).toEqual([])
  })

  it.each([
    ['at once', {}],
    ['later', { dueMs: Date.now() + 100 }],
  ])('can be given back: %s', async (_when, options) => {
    const { store, message } = await receiver('m')
    await store.releaseMany([message], { redelivered: true, ...options })
    expect(await bench.keys()).not.toContain('unacked')
    const again = await waitFor(async () => {
      await store.waitForMessages(['q'], never)
      const messages = await take(store)
      return messages.length > 0 && messages
    })
    expect(bodies(again)).toEqual(['m'])
  })

  it('do not come to who waits no more, but to one who soon waits again', async () => {
    const { store, came } = await waiter()
    await armed(1)
    const first = new AbortController()
    void store.waitForMessages(['q'], first.signal)
    const before = await calls('client|unblock')
    first.abort()
    const second = new AbortController()
    const again = store.waitForMessages(['q'], second.signal)
    expect(await calls('client|unblock')).toBe(before)
    await (await bench.store()).putMany([entry('q', '1')])
    await Promise.all([came, again])
    await store.ackMany(await take(store))
    // Nobody waits.
    await armed(0)
    await (await bench.store()).putMany([entry('q', '2')])
    expect(await waiting()).not.toBe('')
    expect(bodies(await take(store))).toEqual(['2'])
  })

  it('go back unmarked when nobody takes them', async () => {
    const { came } = await waiter()
    await armed(1)
    await (await bench.store()).putMany([entry('q', '1')])
    await came
    await waitFor(async () => (await waiting()) !== '', { what: 'the message to go back' })
    expect(await waiting()).not.toContain('redelivered":true')
    expect(await inboxes()).toEqual([])
  })

  it('go back unmarked when the queue is consumed no more, and none come after that', async () => {
    const { store, came } = await waiter()
    await armed(1)
    await (await bench.store()).putMany([entry('q', '1')])
    await came
    await store.stopConsuming('q')
    expect(await waiting()).not.toBe('')
    expect(await waiting()).not.toContain('redelivered":true')
    await armed(0)
    expect(await inboxes()).toEqual([])
  })

  it('go with their queue', async () => {
    const { store, message } = await receiver('m')
    await store.deleteQueue('q')
    await store.releaseMany([message], { redelivered: true })
    await store.close()
    await bench.closeAll()
    expect(await bench.keys()).toEqual([])
  })

  it('come no more to a store that is closed, which leaves nothing behind', async () => {
    const other = await bench.store()
    const { store } = await waiter()
    await armed(1)
    const closing = store.close()
    await other.putMany([entry('q', '1')])
    await closing
    await other.putMany([entry('q', '2')])
    expect(await bench.server.ask('LLEN', 'q')).toBe('2')
    await bench.closeAll()
    expect(await bench.keys()).toEqual(['q'])
  })

  it('are asked for where the server does not hand them over, and that is told once', async () => {
    await bench.server.ask('ACL', 'SETUSER', 'limited', 'on', '>pw', '~*', '&*', '+@all', '-blmove')
    const client = await connectRedis(bench.server.url.replace('//', '//limited:pw@'), {}, 'The test')
    const lines: string[] = []
    const logger = createLogger({ level: 'INFO', write: ({ message }) => lines.push(message) })
    const idle = await bench.store({ logger }, client)
    for (const body of ['1', '2', '3']) {
      const { store, came } = await waiter(idle)
      await (await bench.store()).putMany([entry('q', body)])
      await came
      const messages = await take(store)
      expect(bodies(messages)).toEqual([body])
      await store.ackMany(messages)
    }
    await waitFor(() => lines.length > 0)
    expect(lines).toEqual([expect.stringContaining('does not hand messages over')])
  })

  it('come to another worker when theirs is killed in that moment', async () => {
    const helper = await idleHelper(1800)
    const store = await bench.store({ leaseMs: 1800 })
    await rearmed()
    // It has no turn any more, so what happens now is the server's.
    process.kill(helper.pid, 'SIGSTOP')
    await store.putMany([entry('q', '1')])
    expect(await inboxes()).toHaveLength(1)
    await helper.kill()
    const killedMs = performance.now()
    await store.startConsuming('q')
    await waitFor(async () => (await store.size('q')) === 1, { what: 'the message to come back' })
    expect(performance.now() - killedMs).toBeLessThan(1800 + 300)
    expect((await take(store)).map(({ message, redelivered }) => [message.body, redelivered])).toEqual([['1', true]])
    expect(await inboxes()).toEqual([])
  })

  it('come to another worker when theirs does not move, which then has none of them', async () => {
    const helper = await idleHelper(1200)
    const store = await bench.store({ leaseMs: 1200 })
    await rearmed()
    process.kill(helper.pid, 'SIGSTOP')
    await store.putMany([entry('q', '1')])
    expect(await inboxes()).toHaveLength(1)
    await store.startConsuming('q')
    const [message] = await waitFor(async () => {
      const messages = await take(store)
      return messages.length > 0 && messages
    })
    expect([message?.message.body, message?.redelivered]).toEqual(['1', true])
    await store.putMany([entry('q', '2')])
    process.kill(helper.pid, 'SIGCONT')
    // It may have heard of the message before it hears that it was given to others.
    const said = [await helper.hear()]
    if (said[0] === '1') said.push(await helper.hear())
    expect(said.at(-1)).toContain('is lost')
    expect(bodies(await take(store))).toEqual(['2'])
    expect(await inboxes()).toEqual([])
  })

  it('are lost by a store whose waiting connection is lost, which ends then', async () => {
    const { store } = await waiter()
    await armed(1)
    const line = /^id=(\d+) .*cmd=blmove/m.exec(await bench.server.ask('CLIENT', 'LIST'))?.[1] ?? ''
    await bench.server.ask('CLIENT', 'KILL', 'ID', line)
    expect((await store.closed)?.message).toContain('is lost')
  })

  it('come to others when the waiting connection only seems to live', async () => {
    const proxy = await startFaultProxy(bench.server.port)
    const client = await bench.connect()
    // Only what waits goes by way of the proxy.
    client.duplicate = () => connectRedis(proxy.urlOf(bench.server.url), { socketTimeout: 0.3 }, 'The test')
    try {
      const { store } = await waiter(await bench.store({ leaseMs: 1500 }, client))
      const other = await bench.store({ leaseMs: 1500 })
      void waitOn(store).catch(() => undefined)
      await rearmed()
      proxy.abandon()
      await other.putMany([entry('q', '1')])
      expect(await inboxes()).toHaveLength(1)
      expect((await store.closed)?.message).toContain('did not answer within 0.3 seconds')
      await store.close()
      await other.startConsuming('q')
      const messages = await waitFor(async () => {
        const found = await take(other)
        return found.length > 0 && found
      })
      expect(bodies(messages)).toEqual(['1'])
    } finally {
      await proxy.close()
    }
  })

  it('are not for queues without acknowledgement, with an expiry, or beside others', async () => {
    const store = await bench.store()
    const declared = { durable: true, exclusive: false, autoDelete: false, arguments: { 'x-expires': 60_000 } }
    await store.declareQueue({ name: 'expiring', ...declared })
    for (const queue of ['unacked', 'expiring', 'a', 'b']) await store.startConsuming(queue)
    for (const queues of [['unacked'], ['expiring'], ['a', 'b']]) {
      await store.getMany(queues, 10, { noAck: queues.includes('unacked') })
      void store.waitForMessages(queues, never)
    }
    const waited = await waiter()
    await armed(1)
    await (await bench.store()).putMany([entry('q', '1')])
    await waited.came
    expect(await calls('blmove')).toBeGreaterThan(0)
  })
})
