import { describe, expect, it } from 'vitest'
import { Config } from '../../../src/app/config.ts'
import { Outgoing } from '../../../src/app/outgoing.ts'
import { Queues } from '../../../src/app/queues.ts'
import type { PublishMiddleware } from '../../../src/app/send.ts'
import type { SettingsInput } from '../../../src/app/settings.ts'
import { SqliteFiles } from '../../../src/driver/sqlite.ts'
import { ChannelError, ConnectionError } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { SerializationRegistry } from '../../../src/serialization/registry.ts'
import { Signals } from '../../../src/signals.ts'
import { TaskRegistry } from '../../../src/task/registry.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHost } from '../../support/fake-host.ts'
import { FakeTransport } from '../../support/fake-transport.ts'

function fixture(settings: SettingsInput = {}, middleware: PublishMiddleware[] = []) {
  const { values } = new Config({ explicit: settings, env: {} })
  const transport = new FakeTransport()
  const clock = fakeClock()
  const logger = silentLogger()
  const connection = new BrokerConnection({
    urls: 'fake://',
    transports: transport.registry(),
    context: { logger, clock, sqlite: new SqliteFiles() },
  })
  const outgoing = new Outgoing({
    settings: values,
    connection,
    queues: new Queues(values),
    tasks: new TaskRegistry(),
    serialization: new SerializationRegistry(),
    signals: new Signals(logger),
    clock,
    results: fakeHost().host,
    middleware,
    origin: 'gen1@test',
    replyTo: 'oid',
    replies: () => undefined,
    events: () => {
      throw new Error('nobody asked for events')
    },
  })
  return { outgoing, transport }
}

describe('Outgoing', () => {
  it('connects when it first sends, and routes as the settings say', async () => {
    const { outgoing, transport } = fixture({ taskRoutes: { 'proj.*': 'video' } })
    expect(transport.attempts).toEqual([])
    await outgoing.sender.send('proj.add', [], {})
    expect([transport.attempts.length, transport.declared]).toEqual([1, ['video']])
    await outgoing.close()
  })

  it('tries as often as taskPublishRetryPolicy says', async () => {
    const { outgoing, transport } = fixture({ taskPublishRetryPolicy: { maxRetries: 2, intervalStep: 0 } })
    transport.onPublish = () => {
      throw new ChannelError('busy')
    }
    await expect(outgoing.sender.send('proj.add', [], {})).rejects.toThrow('busy')
    expect(transport.calls.filter((call) => call.startsWith('basicPublish'))).toHaveLength(3)
    await outgoing.close()
  })

  it('lets what is on its way arrive before it closes', async () => {
    const slowly: PublishMiddleware = async (_context, next) => {
      await new Promise((resolve) => setImmediate(resolve))
      return next()
    }
    const { outgoing, transport } = fixture({}, [slowly])
    const sending = outgoing.sender.send('proj.add', [1], {})
    await outgoing.close()
    await sending
    expect(transport.published).toHaveLength(1)
    expect(transport.connections[0]?.isOpen).toBe(false)
  })

  it('closes the connection though the channel went with it', async () => {
    const { outgoing, transport } = fixture()
    await outgoing.sender.send('proj.add', [1], {})
    transport.onClose = () => {
      throw new ConnectionError('lost')
    }
    await outgoing.close()
    expect(transport.connections[0]?.isOpen).toBe(false)
  })

  it('tells what else is wrong, and closes the connection all the same', async () => {
    const { outgoing, transport } = fixture()
    await outgoing.sender.send('proj.add', [1], {})
    transport.onClose = () => {
      throw new TypeError('a mistake')
    }
    await expect(outgoing.close()).rejects.toThrow('a mistake')
    expect(transport.connections[0]?.isOpen).toBe(false)
  })
})
