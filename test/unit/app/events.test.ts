import { afterEach, describe, expect, it } from 'vitest'
import { App } from '../../../src/app/app.ts'
import type { AppOptions } from '../../../src/app/app.ts'
import type { ReceivedEvent } from '../../../src/events/listener.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { makeEvent, publishEvents } from '../../support/events.ts'
import { waitFor } from '../../support/wait-for.ts'

const apps: App[] = []

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

function makeApp(options: AppOptions = {}): App {
  const app = new App('proj', { broker: 'memory://', logger: silentLogger(), ...options })
  apps.push(app)
  return app
}

/** What a capture hears of `publish`. */
async function hear(app: App, publish: (connection: Connection) => Promise<void>, limit = 1): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = []
  const broker = await app.connect()
  const connection = await broker.ensure()
  await app.events.capture({
    handlers: { '*': (event) => events.push(event) },
    limit,
    onReady: () => void publish(connection),
  })
  await broker.close()
  return events
}

describe('app.events', () => {
  it('captures events', async () => {
    const [event] = await hear(makeApp(), (connection) =>
      publishEvents(connection, makeEvent('worker-online', {}, { clock: 5 })),
    )
    expect(event).toMatchObject({ type: 'worker-online', hostname: 'a@h', clock: 5 })
  })

  it('declares exchange and queue as the settings say', async () => {
    const app = makeApp({ eventExchange: 'mine', eventQueuePrefix: 'listener', eventQueueTtl: null })
    const receiver = app.events.receiver()
    const broker = await app.connect()
    const connection = await broker.ensure()
    const listening = await receiver.listen(connection)
    const channel = await connection.openChannel()
    expect(await channel.listBindings?.()).toEqual([
      expect.objectContaining({ exchange: 'mine', queue: expect.stringMatching(/^listener\./), routingKey: '#' }),
    ])
    await listening.stop()
    await broker.close()
  })

  it('reads JSON and what eventSerializer names, and nothing else', async () => {
    const app = makeApp({ eventSerializer: 'msgpack' })
    await app.prepare()
    const event = makeEvent('worker-online', {}, { clock: 5 })
    const send = async (connection: Connection, serializer: string): Promise<void> => {
      const channel = await connection.openChannel()
      const encoded = app.serialization.encodeBody({ ...event, hostname: serializer }, serializer)
      const message = { ...encoded, headers: {}, properties: {} }
      await channel.basicPublish([{ exchange: 'celeryev', routingKey: 'worker.online', message }])
    }
    await app.serialization.load(['pickle', 'msgpack'])
    const events = await hear(
      app,
      async (connection) => {
        for (const serializer of ['pickle', 'msgpack', 'json']) await send(connection, serializer)
      },
      2,
    )
    expect(events.map(({ hostname }) => hostname)).toEqual(['msgpack', 'json'])
  })

  it('shows a camera what the cluster looks like, a last time at the end', async () => {
    const app = makeApp()
    const broker = await app.connect()
    const connection = await broker.ensure()
    const abort = new AbortController()
    const pictures: string[][] = []
    const shooting = app.events.camera(({ tasks }) => void pictures.push([...tasks.keys()]), {
      freq: 0.01,
      signal: abort.signal,
      onReady: () => void publishEvents(connection, makeEvent('task-started', { uuid: 'a' })),
    })
    await waitFor(() => pictures.at(-1)?.length === 1)
    abort.abort()
    await shooting
    await broker.close()
    expect(pictures.at(-1)).toEqual(['a'])
    await expect(app.events.camera(() => 0, { maxrate: 'often' })).rejects.toThrow('maxrate')
  })

  it('makes a state with the app’s clock and log', () => {
    const state = makeApp().events.state({ maxTasksInMemory: 1 })
    state.event({ ...makeEvent('task-received', { uuid: 'a', name: 'add' }) })
    state.event({ ...makeEvent('task-received', { uuid: 'b', name: 'add' }) })
    expect([...state.tasks.keys()]).toEqual(['b'])
  })
})
