import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, EncodeError } from '../../../src/errors.ts'
import { EventDispatcher } from '../../../src/events/dispatcher.ts'
import type { DispatcherOptions, DispatcherParts } from '../../../src/events/dispatcher.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { json } from '../../../src/serialization/json.ts'
import type { Publication } from '../../../src/transport/transport.ts'
import { LamportClock } from '../../../src/util/lamport-clock.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { transportContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { FakeTransport } from '../../support/fake-transport.ts'
import { waitFor } from '../../support/wait-for.ts'

let transport: FakeTransport
let broker: BrokerConnection
let clock: FakeClock
let log: string[]
let closed: string[]
/** What each call of `basicPublish` was given, also those that failed. */
let sent: (readonly Publication[])[]

beforeEach(() => {
  transport = new FakeTransport()
  clock = fakeClock()
  broker = new BrokerConnection({ urls: 'fake://', transports: transport.registry(), context: transportContext() })
  log = []
  closed = []
  sent = []
  transport.onPublish = (publications) => void sent.push(publications)
})

afterEach(() => broker.close())

function dispatcher(options: Partial<DispatcherOptions> = {}, parts: Partial<DispatcherParts> = {}): EventDispatcher {
  return new EventDispatcher(
    {
      connection: { get: async () => broker, close: async () => void closed.push('connection') },
      clock,
      logicalClock: new LamportClock(),
      logger: createLogger({ write: ({ message }) => log.push(message) }),
      exchange: () => 'celeryev',
      isJson: () => true,
      encode: (value) => ({ body: json.encode(value), contentType: json.contentType, contentEncoding: 'utf-8' }),
      ...parts,
    },
    { hostname: 'a@h', ...options },
  )
}

/** The bodies that arrived, in order, by routing key. */
function arrived(): [string, unknown][] {
  return sent.flat().map(({ routingKey, message }) => [routingKey, JSON.parse(message.body as string)])
}

const uuidsOf = (events: unknown): string[] => (events as { uuid: string }[]).map(({ uuid }) => uuid)

describe('send', () => {
  it('says who sends it and when', async () => {
    dispatcher().send('worker-online', { freq: 2 })
    await waitFor(() => sent.length === 1)
    const source = { hostname: 'a@h', pid: process.pid, clock: 1, timestamp: clock.now() / 1000 }
    expect(arrived()).toEqual([
      ['worker.online', { ...source, utcoffset: expect.any(Number), freq: 2, type: 'worker-online' }],
    ])
    const [publication] = sent.flat()
    expect(publication?.exchange).toBe('celeryev')
    expect(publication?.message.headers).toEqual({ hostname: 'a@h' })
    expect(publication?.message.properties).toEqual({ delivery_mode: 1, priority: 0 })
  })

  it('leaves in one go with all of its turn, tasks as a list', async () => {
    const events = dispatcher()
    for (const uuid of ['1', '2']) events.sendTask('task-started', { uuid })
    events.send('worker-heartbeat', {})
    events.sendTask('task-started', { uuid: '3' })
    await waitFor(() => sent.length === 1)
    const [beat, list] = arrived()
    expect([beat?.[0], list?.[0], uuidsOf(list?.[1])]).toEqual(['worker.heartbeat', 'task.multi', ['1', '2', '3']])
    expect(sent).toHaveLength(1)
  })

  it('gathers what comes while something is under way', async () => {
    const events = dispatcher()
    events.sendTask('task-started', { uuid: '0' })
    await waitFor(() => sent.length === 1)
    let goOn: () => void = () => undefined
    transport.onPublish = (publications) => {
      sent.push(publications)
      return sent.length === 2 ? new Promise((resolve) => (goOn = resolve)) : undefined
    }
    events.sendTask('task-started', { uuid: '1' })
    await clock.advance(50)
    await waitFor(() => sent.length === 2)
    for (const uuid of ['2', '3']) {
      events.sendTask('task-started', { uuid })
      await nextTurn()
    }
    expect(sent).toHaveLength(2)
    goOn()
    await nextTurn()
    await clock.advance(50)
    await waitFor(() => sent.length === 3)
    expect(arrived().map(([, list]) => uuidsOf(list))).toEqual([['0'], ['1'], ['2', '3']])
  })

  it('writes lists alike by itself and by another serializer', async () => {
    const source = { hostname: 'a@h', pid: process.pid, utcoffset: expect.any(Number) as number }
    for (const isJson of [true, false]) {
      const events = dispatcher({}, { isJson: () => isJson })
      events.sendTask('task-succeeded', { uuid: '"1"', result: "'ü\n'", runtime: 0.5 })
      events.sendTask('task-started', { uuid: '2' })
      await events.flush()
      const [[key, list] = []] = arrived().splice(-1)
      const time = { timestamp: clock.now() / 1000 }
      expect([key, list]).toEqual([
        'task.multi',
        [
          { ...source, clock: 1, uuid: '"1"', result: "'ü\n'", runtime: 0.5, ...time, type: 'task-succeeded' },
          { ...source, clock: 2, uuid: '2', ...time, type: 'task-started' },
        ],
      ])
      expect(sent.at(-1)?.[0]?.message).toMatchObject({ contentType: 'application/json', contentEncoding: 'utf-8' })
    }
  })

  it('lets lists leave twenty times a second at most, and the rest at once', async () => {
    const events = dispatcher()
    events.sendTask('task-started', { uuid: '1' })
    await waitFor(() => sent.length === 1)
    await nextTurn()
    events.sendTask('task-started', { uuid: '2' })
    await clock.advance(49)
    await nextTurn()
    expect(sent).toHaveLength(1)
    events.send('worker-heartbeat', {})
    await waitFor(() => sent.length === 2)
    expect(arrived().map(([key]) => key)).toEqual(['task.multi', 'worker.heartbeat', 'task.multi'])
  })

  it('makes lists of a bearable length', async () => {
    const events = dispatcher()
    for (let each = 0; each < 1001; each += 1) events.sendTask('task-started', { uuid: String(each) })
    await waitFor(() => sent.length === 1)
    expect(arrived().map(([, list]) => uuidsOf(list).length)).toEqual([...Array.from({ length: 10 }, () => 100), 1])
  })

  it('sends only groups that are asked for, which may change', async () => {
    const events = dispatcher({ groups: ['worker'] })
    expect(events.sendsTasks).toBe(false)
    events.sendTask('task-started', { uuid: '1' })
    events.send('worker-online', {})
    expect([events.addGroup('task'), events.addGroup('task'), events.sendsTasks]).toEqual([true, false, true])
    events.sendTask('task-started', { uuid: '2' })
    expect([events.removeGroup('task'), events.removeGroup('task')]).toEqual([true, false])
    events.sendTask('task-started', { uuid: '3' })
    await events.flush()
    expect(arrived().map(([key]) => key)).toEqual(['worker.online', 'task.multi'])
  })

  it('sends nothing where it is disabled, and has no clock where there is none', async () => {
    const disabled = dispatcher({ enabled: false })
    disabled.send('worker-online', {})
    await disabled.flush()
    expect([sent, disabled.sendsTasks]).toEqual([[], false])
    dispatcher({}, { logicalClock: undefined }).send('worker-online', {})
    await waitFor(() => sent.length === 1)
    expect(arrived()[0]?.[1]).not.toHaveProperty('clock')
  })
})

describe('publish', () => {
  it('resolves when the broker has it, whatever groups are sent', async () => {
    const events = dispatcher({ enabled: false })
    await Promise.all([events.publish('task-progress', { uuid: '1' }), events.publish('mine', {})])
    expect(arrived().map(([key]) => key)).toEqual(['task.progress', 'mine'])
    expect(sent).toHaveLength(1)
  })

  it('refuses what cannot be written', async () => {
    await expect(dispatcher().publish('mine', { what: new Set() })).rejects.toThrow(EncodeError)
  })

  it('does not wait for a broker that is away', async () => {
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const events = dispatcher()
    await events.publish('mine', { n: 1 })
    await events.publish('mine', { n: 2 })
    transport.onConnect = () => undefined
    await events.flush()
    expect(arrived().map(([, event]) => (event as { n: number }).n)).toEqual([1, 2])
  })
})

describe('while the broker is away', () => {
  it('keeps events, tries again by itself, and says so once', async () => {
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const events = dispatcher()
    events.sendTask('task-started', { uuid: '1' })
    await waitFor(() => transport.attempts.length === 1)
    await nextTurn()
    events.sendTask('task-started', { uuid: '2' })
    await nextTurn()
    expect(transport.attempts).toHaveLength(1)
    await clock.advance(1000)
    await waitFor(() => transport.attempts.length === 2)
    await nextTurn()
    transport.onConnect = () => undefined
    await clock.advance(2000)
    await waitFor(() => sent.length === 1)
    expect(arrived().map(([, list]) => uuidsOf(list))).toEqual([['1'], ['2']])
    expect(log).toEqual(['Events cannot be sent; they are kept until the broker is back'])
  })

  it('sends again what was under way when the connection was lost', async () => {
    const events = dispatcher()
    transport.onPublish = (publications) => {
      sent.push(publications)
      if (sent.length > 1) return
      transport.connections[0]?.lose(new ConnectionError('cut'))
      throw new ConnectionError('cut')
    }
    events.sendTask('task-started', { uuid: '1' })
    await waitFor(() => sent.length === 1)
    await nextTurn()
    await events.flush()
    expect(arrived().map(([, list]) => uuidsOf(list))).toEqual([['1'], ['1']])
    expect(transport.attempts).toHaveLength(2)
  })

  it('lets the oldest go when there are too many', async () => {
    transport.onConnect = () => {
      throw new ConnectionError('away')
    }
    const events = dispatcher()
    await events.publish('mine', {})
    for (let each = 0; each < 21_000; each += 1) events.sendTask('task-started', { uuid: String(each) })
    transport.onConnect = () => undefined
    await events.flush()
    const lists = arrived().map(([, list]) => uuidsOf(list))
    expect([lists[0]?.[0], lists.length, lists.flat().at(-1)]).toEqual(['1000', 200, '20999'])
  })
})

it('drops what the broker refuses, and goes on', async () => {
  const events = dispatcher()
  transport.onPublish = () => {
    throw new ChannelError('no such exchange')
  }
  events.send('worker-online', {})
  await waitFor(() => log.length === 1)
  expect(log).toEqual(['Events could not be sent, and are dropped'])
  transport.onPublish = (publications) => void sent.push(publications)
  events.send('worker-heartbeat', {})
  await waitFor(() => sent.length === 1)
  expect(arrived().map(([key]) => key)).toEqual(['worker.heartbeat'])
})

it('sends what waits before it is closed, and nothing afterwards', async () => {
  const events = dispatcher()
  events.send('worker-offline', {})
  await events.close()
  expect(arrived().map(([key]) => key)).toEqual(['worker.offline'])
  expect([transport.calls.at(-1), closed]).toEqual(['closeChannel', ['connection']])
  events.send('worker-online', {})
  await nextTurn()
  await events.close()
  expect(sent).toHaveLength(1)
})
