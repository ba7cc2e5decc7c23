/** Events over every broker that carries them: heard by all, by type, and again after a connection was lost. */
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Celery, createLogger } from '../../src/index.ts'
import type { BrokerConnection } from '../../src/messaging/connection.ts'
import { makeEvent, publishEvents } from '../support/events.ts'
import { describeWithRabbitmq, startRabbitmq } from '../support/rabbitmq.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait-for.ts'

function testEvents(name: string, broker: () => string): void {
  describe(name, () => {
    const ends: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end()
    })

    function makeApp(): Celery {
      const app = new Celery('proj', { broker: broker(), logger: createLogger({ level: 'CRITICAL' }) })
      ends.push(() => app.close())
      return app
    }

    async function connect(app: Celery): Promise<BrokerConnection> {
      const connection = await app.connect()
      ends.push(() => connection.close())
      return connection
    }

    /** Captures, from now on; what is heard, as `type uuid`. */
    async function capture(app: Celery, routingKey: string = '#'): Promise<string[]> {
      const heard: string[] = []
      const abort = new AbortController()
      let isReady = false
      const capturing = app.events.capture({
        routingKey,
        handlers: { '*': ({ type, uuid }) => heard.push(`${type} ${String(uuid)}`) },
        signal: abort.signal,
        onReady: () => (isReady = true),
      })
      ends.push(async () => {
        abort.abort()
        await capturing
      })
      await waitFor(() => isReady)
      return heard
    }

    it('are heard by each receiver that asks for them', async () => {
      const app = makeApp()
      const all = await capture(app)
      const tasks = await capture(app, 'task.#')
      const workers = await capture(app, 'worker.#')
      const connection = await (await connect(app)).ensure()
      await publishEvents(connection, [
        makeEvent('task-started', { uuid: 'a' }),
        makeEvent('task-failed', { uuid: 'b' }),
      ])
      await publishEvents(connection, makeEvent('worker-online', {}))
      await waitFor(() => all.length === 3 && tasks.length === 2 && workers.length === 1)
      expect(all.toSorted()).toEqual(['task-failed b', 'task-started a', 'worker-online undefined'])
      expect(tasks).toEqual(['task-started a', 'task-failed b'])
      expect(workers).toEqual(['worker-online undefined'])
    })

    it('leave no queue behind', async () => {
      const app = makeApp()
      await app.events.capture({ limit: 1, onReady: () => void tell(app) })
      const queues = async () => (await app.listBindings())?.filter(({ exchange }) => exchange === 'celeryev')
      if ((await app.listBindings()) !== undefined) await waitFor(async () => (await queues())?.length === 0)
    })

    async function tell(app: Celery): Promise<void> {
      await publishEvents(await (await connect(app)).ensure(), makeEvent('worker-online', {}))
    }
  })
}

testEvents('over memory', () => 'memory://')

describe('over SQLite', () => {
  const file = join(temporaryDirectory(), 'broker.db')
  testEvents('in one file', () => `sqlite:///${file}`)
})

describeWithRedis('with a server', () => {
  let url = ''
  beforeAll(async () => {
    const redis = await startRedis()
    url = redis.url
    return () => redis.stop()
  })
  testEvents('over Redis', () => url)
})

describeWithRabbitmq('with a server', () => {
  let url = ''
  beforeAll(async () => {
    const rabbitmq = await startRabbitmq()
    url = rabbitmq.url
    return () => rabbitmq.stop()
  })
  testEvents('over RabbitMQ', () => url)
})

describeWithRedis('a server that restarts', () => {
  it('is heard again by a capture that goes on', async () => {
    const redis = await startRedis()
    const app = new Celery('proj', { broker: redis.url, logger: createLogger({ level: 'CRITICAL' }) })
    let readies = 0
    const heard: string[] = []
    const abort = new AbortController()
    const capturing = app.events.capture({
      handlers: { '*': ({ hostname }) => heard.push(hostname) },
      signal: abort.signal,
      wakeup: false,
      onReady: () => (readies += 1),
    })
    const tell = async (hostname: string): Promise<void> => {
      const broker = await app.connect()
      await publishEvents(await broker.ensure(), makeEvent('worker-online', {}, { hostname }))
      await broker.close()
    }
    await waitFor(() => readies === 1)
    await tell('before')
    await redis.restart()
    await waitFor(() => readies === 2, { timeoutMs: 20_000 })
    await tell('after')
    await waitFor(() => heard.length === 2)
    expect(heard).toEqual(['before', 'after'])
    abort.abort()
    await capturing
    await app.close()
    await redis.stop()
  })
})
