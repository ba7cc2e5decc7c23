import { describe, expect, it, onTestFinished } from 'vitest'
import { Config } from '../../../src/app/config.ts'
import { Connections } from '../../../src/app/connections.ts'
import type { Settings, SettingsInput } from '../../../src/app/settings.ts'
import { BackendRegistry } from '../../../src/backend/registry.ts'
import type { BackendContext } from '../../../src/backend/backend.ts'
import { SqliteFiles } from '../../../src/driver/sqlite.ts'
import { ConnectionError } from '../../../src/errors.ts'
import type { BrokerConnection } from '../../../src/messaging/connection.ts'
import { SerializationRegistry } from '../../../src/serialization/registry.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import { LamportClock } from '../../../src/util/lamport-clock.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { FakeTransport } from '../../support/fake-transport.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Fixture {
  readonly connections: Connections
  readonly transport: FakeTransport
  readonly clock: FakeClock
  /** What the fake backend was opened with. */
  readonly opened: [url: string, options: unknown, context: BackendContext][]
  broker(settings: Settings, purpose?: 'read' | 'write'): BrokerConnection
}

function fixture(transports?: TransportRegistry): Fixture {
  const transport = new FakeTransport()
  const clock = fakeClock()
  const backends = new BackendRegistry()
  const opened: Fixture['opened'] = []
  backends.registerBackend('fake', async () => ({
    name: 'fake',
    open: async (url, options, context) => {
      opened.push([url, options, context])
      return {} as never
    },
  }))
  const serialization = new SerializationRegistry()
  const connections = new Connections({
    transports: transports ?? transport.registry(),
    backends,
    serialization,
    logger: silentLogger(),
    clock,
    logicalClock: new LamportClock(),
    replyTo: 'replies',
    sqlite: new SqliteFiles(),
    decode: (message) => JSON.parse(message.body as string),
  })
  return {
    connections,
    transport,
    clock,
    opened,
    broker(settings, purpose = 'read') {
      const broker = connections.broker(settings, purpose)
      onTestFinished(() => broker.close())
      return broker
    },
  }
}

const settingsOf = (explicit: SettingsInput): Settings => new Config({ explicit, env: {} }).values

describe('a broker connection', () => {
  it('goes where it reads or writes, with the options of the transport', async () => {
    const { broker, transport } = fixture()
    const settings = settingsOf({
      brokerReadUrl: 'fake://read',
      brokerWriteUrl: 'fake://write',
      brokerTransportOptions: { x: 1 },
    })
    await broker(settings).ensure()
    await broker(settings, 'write').ensure()
    const same = settingsOf({ brokerUrl: 'fake://both' })
    await broker(same).ensure()
    await broker(same, 'write').ensure()
    expect(transport.attempts).toEqual(['fake://read', 'fake://write', 'fake://both', 'fake://both'])
  })

  it('tries as often as the settings say', async () => {
    const { broker, transport, clock } = fixture()
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    await expect(broker(settingsOf({ brokerUrl: 'fake://', brokerConnectionMaxRetries: 0 })).ensure()).rejects.toThrow(
      'away',
    )
    expect(transport.attempts).toHaveLength(1)
    const twice = broker(settingsOf({ brokerUrl: 'fake://', brokerConnectionMaxRetries: 1 })).ensure()
    const refused = expect(twice).rejects.toThrow('away')
    await clock.advance(60_000)
    await refused
    expect(transport.attempts).toHaveLength(3)
  })

  it('waits as long for an answer as the settings say', async () => {
    const { broker, transport, clock } = fixture()
    transport.onConnect = () => new Promise(() => undefined)
    const settings = settingsOf({ brokerUrl: 'fake://', brokerConnectionTimeout: 7, brokerConnectionMaxRetries: 0 })
    const refused = expect(broker(settings).ensure()).rejects.toThrow('no answer within 7 s')
    await clock.advance(7000)
    await refused
  })
})

describe('a result backend', () => {
  it('is opened with its options, the result serializer and its expiry', async () => {
    const { connections, opened } = fixture()
    await connections.backend(
      settingsOf({ resultBackend: 'fake://x', resultBackendTransportOptions: { y: 1 }, resultExpires: 60 }),
    )
    await connections.backend(settingsOf({ resultBackend: 'fake://x', resultExpires: 0 }))
    await connections.backend(settingsOf({ resultBackend: 'fake://x', resultExpires: null }))
    expect(opened.map(([url, options]) => [url, options])[0]).toEqual(['fake://x', { y: 1 }])
    expect(opened.map(([, , { resultExpiresMs, serializer }]) => [resultExpiresMs, serializer.name])).toEqual([
      [60_000, 'json'],
      [undefined, 'json'],
      [undefined, 'json'],
    ])
  })

  it('is told of what it needs where results are messages', async () => {
    const { connections, opened, transport } = fixture()
    await connections.backend(
      settingsOf({
        brokerReadUrl: 'fake://read',
        brokerWriteUrl: 'fake://write',
        resultBackend: 'fake://x',
        resultPersistent: true,
        resultAcceptContent: ['json'],
      }),
    )
    const [, , context] = opened[0] ?? expect.unreachable()
    expect([context.replyTo, context.resultPersistent]).toEqual(['replies', true])
    for (const purpose of ['read', 'write'] as const) {
      const broker = context.connect(purpose)
      await broker.ensure()
      await broker.close()
    }
    expect(transport.attempts).toEqual(['fake://read', 'fake://write'])
    const message = {
      body: '[1]',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      properties: {},
    }
    expect(context.decodeResult(message)).toEqual([1])
    expect(() => context.decodeResult({ ...message, contentType: 'application/x-yaml' })).toThrow('resultAcceptContent')
  })

  it('is one that refuses where there is none', async () => {
    const { connections } = fixture()
    const backend = await connections.backend(settingsOf({ brokerUrl: 'memory://' }))
    expect(backend.displayUrl).toBe('disabled://')
  })
})

describe('a mailbox', () => {
  it('speaks on the exchange and with the queues of the settings', async () => {
    const { connections, broker } = fixture(new TransportRegistry())
    const settings = settingsOf({ brokerUrl: 'memory://', controlExchange: 'mine' })
    const connection = broker(settings)
    const mailbox = connections.mailbox(settings, connection)
    const heard: string[] = []
    const node = await mailbox.serve(await connection.ensure(), {
      nodename: 'n',
      handle: (method) => void heard.push(method),
    })
    const bindings = await connection.withChannel((channel) => channel.listBindings?.() ?? Promise.resolve([]))
    expect(bindings).toContainEqual(expect.objectContaining({ exchange: 'mine.pidbox', queue: 'n.mine.pidbox' }))
    await mailbox.broadcast({ method: 'ping' })
    await waitFor(() => heard.length === 1)
    await node.stop()
  })
})
