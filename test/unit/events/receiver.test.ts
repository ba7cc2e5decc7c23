import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChannelError, ConnectionError, TimeoutError } from '../../../src/errors.ts'
import { EventReceiver } from '../../../src/events/receiver.ts'
import type { ReceiverOptions, ReceiverParts } from '../../../src/events/receiver.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import { TransportRegistry } from '../../../src/transport/registry.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { transportContext } from '../../support/context.ts'
import { listenerParts, makeEvent, publishEvents } from '../../support/events.ts'
import { waitFor } from '../../support/wait-for.ts'

let transport: MemoryTransport
let transports: TransportRegistry
/** For publishing. */
let connection: Connection
let brokers: BrokerConnection[]
let wakeups: number
let log: string[]

beforeEach(async () => {
  transport = new MemoryTransport()
  transports = new TransportRegistry()
  transports.registerTransport('memory', async () => transport)
  connection = await transport.connect('memory://', {}, transportContext())
  brokers = []
  wakeups = 0
  log = []
})

afterEach(async () => {
  await connection.close()
})

function receiver(parts: Partial<ReceiverParts> = {}, options: ReceiverOptions = {}): EventReceiver {
  const connect = async (): Promise<BrokerConnection> => {
    const broker = new BrokerConnection({ urls: 'memory://', transports, context: transportContext() })
    brokers.push(broker)
    return broker
  }
  const wakeup = async (): Promise<void> => void (wakeups += 1)
  const logger = createLogger({ write: ({ message }) => log.push(message) })
  return new EventReceiver({ ...listenerParts({ logger }), connect, wakeup, ...parts }, options)
}

const started = (uuid: string) => makeEvent('task-started', { uuid })

/** A promise that resolves when it is called. */
function once(): { readonly call: () => void; readonly called: () => Promise<boolean> } {
  let count = 0
  return { call: () => void (count += 1), called: () => waitFor(() => count > 0 && ((count = 0), true)) }
}

describe('capture', () => {
  it('goes on until there were enough', async () => {
    const ids: string[] = []
    const ready = once()
    const capturing = receiver({}, { handlers: { '*': ({ uuid }) => ids.push(String(uuid)) } }).capture({
      limit: 3,
      onReady: ready.call,
    })
    await ready.called()
    await publishEvents(connection, started('a'))
    await publishEvents(connection, [started('b'), started('c'), started('d')])
    await capturing
    expect(ids).toEqual(['a', 'b', 'c'])
    expect([wakeups, brokers.map(({ current }) => current)]).toEqual([1, [undefined]])
  })

  it('goes on until the signal aborts; wakes nobody where that is not wanted', async () => {
    const ready = once()
    const abort = new AbortController()
    const capturing = receiver().capture({ signal: abort.signal, wakeup: false, onReady: ready.call })
    await ready.called()
    abort.abort()
    await capturing
    expect(wakeups).toBe(0)
    await receiver().capture({ signal: abort.signal })
    await receiver().capture({ limit: 0 })
    expect(brokers).toHaveLength(1)
  })

  it('ends while it tries to connect', async () => {
    transports.registerTransport('memory', async () => ({
      name: 'away',
      connect: () => Promise.reject(new ConnectionError('away')),
    }))
    const abort = new AbortController()
    await receiver().capture({
      signal: abort.signal,
      onRetry: () => {
        abort.abort()
      },
    })
  })

  it('rejects when nothing comes for so long', async () => {
    const ready = once()
    const capturing = receiver().capture({ timeout: 0.05, onReady: ready.call })
    const error = await capturing.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(String(error)).toContain('No event came for 0.05 s')
  })

  it('connects again by itself, and goes on', async () => {
    const ids: string[] = []
    const ready = once()
    const capturing = receiver({}, { handlers: { '*': ({ uuid }) => ids.push(String(uuid)) } }).capture({
      limit: 2,
      onReady: ready.call,
    })
    await ready.called()
    await publishEvents(connection, started('a'))
    await waitFor(() => ids.length === 1)
    const [broker] = brokers
    broker?.discard(broker.current as Connection, new ConnectionError('cut'))
    await ready.called()
    await publishEvents(connection, started('b'))
    await capturing
    expect([ids, wakeups]).toEqual([['a', 'b'], 2])
  })

  it('rejects where the broker refuses the queue', async () => {
    const channel = await connection.openChannel()
    await channel.exchangeDeclare({ name: 'celeryev', type: 'direct', durable: true, autoDelete: false })
    await expect(receiver().capture()).rejects.toThrow(ChannelError)
  })

  it('hears workers that cannot be woken', async () => {
    const ready = once()
    const wakeup = () => Promise.reject(new Error('nobody'))
    const capturing = receiver({ wakeup }).capture({ limit: 1, onReady: ready.call })
    await ready.called()
    await publishEvents(connection, started('a'))
    await capturing
    expect(log).toEqual(['The workers could not be asked to say that they are there'])
  })
})

describe('itercapture', () => {
  it('gives event by event; leaving the loop ends it', async () => {
    const ids: unknown[] = []
    const onReady = (): void => void publishEvents(connection, [started('a'), started('b'), started('c')])
    for await (const event of receiver().itercapture({ onReady })) {
      ids.push(event.uuid)
      if (ids.length === 2) break
    }
    expect(ids).toEqual(['a', 'b'])
    expect(brokers.map(({ current }) => current)).toEqual([undefined])
  })

  it('ends as a capture does', async () => {
    const ids: unknown[] = []
    const onReady = (): void => void publishEvents(connection, [started('a'), started('b'), started('c')])
    for await (const event of receiver().itercapture({ onReady, limit: 3 })) ids.push(event.uuid)
    expect(ids).toEqual(['a', 'b', 'c'])
    await expect(receiver().itercapture({ timeout: 0.01 }).next()).rejects.toThrow(TimeoutError)
    const abort = new AbortController()
    abort.abort()
    expect(await receiver().itercapture({ signal: abort.signal }).next()).toEqual({ done: true, value: undefined })
  })
})

it('hears events on somebody else’s connection', async () => {
  const ids: string[] = []
  const listening = await receiver({}, { handlers: { '*': ({ uuid }) => ids.push(String(uuid)) } }).listen(connection)
  await publishEvents(connection, started('a'))
  await waitFor(() => ids.length === 1)
  await listening.stop()
  expect([ids, wakeups, brokers]).toEqual([['a'], 0, []])
})
