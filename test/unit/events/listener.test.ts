import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EventListener } from '../../../src/events/listener.ts'
import type { EventHandlers, ListenerParts, ReceivedEvent } from '../../../src/events/listener.ts'
import { utcOffset } from '../../../src/protocol/event.ts'
import { MemoryTransport } from '../../../src/transport/memory.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { LamportClock } from '../../../src/util/lamport-clock.ts'
import { createLogger } from '../../../src/util/logger.ts'
import type { LogRecord } from '../../../src/util/logger.ts'
import { transportContext } from '../../support/context.ts'
import { listenerParts, makeEvent, publishEvents } from '../../support/events.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { waitFor } from '../../support/wait-for.ts'

let connection: Connection
let records: LogRecord[]

beforeEach(async () => {
  connection = await new MemoryTransport().connect('memory://', {}, transportContext())
  records = []
})

afterEach(async () => {
  await connection.close()
})

interface Setting<T extends string> {
  readonly handlers?: EventHandlers<T>
  readonly routingKey?: string
  readonly parts?: Partial<ListenerParts>
}

/** Listens, and keeps what comes. */
async function listen<T extends string>({ handlers, routingKey, parts }: Setting<T> = {}) {
  const logger = createLogger({ write: (record) => records.push(record) })
  const logicalClock = new LamportClock()
  const listener = new EventListener(listenerParts({ logger, logicalClock, ...parts }), {
    ...(handlers === undefined ? {} : { handlers }),
    ...(routingKey === undefined ? {} : { routingKey }),
  })
  const events: ReceivedEvent[] = []
  const listening = await listener.listen(connection, (event) => {
    events.push(event)
    listener.handle(event)
  })
  return { events, listening, logicalClock }
}

const seen = (events: readonly ReceivedEvent[], count: number) => waitFor(() => events.length >= count)

describe('what comes', () => {
  it('is one event or a list of them', async () => {
    const { events } = await listen()
    await publishEvents(connection, makeEvent('worker-online', {}))
    await publishEvents(connection, [
      makeEvent('task-started', { uuid: 'a' }),
      makeEvent('task-started', { uuid: 'b' }),
    ])
    await seen(events, 3)
    expect(events.map(({ type, uuid }) => [type, uuid])).toEqual([
      ['worker-online', undefined],
      ['task-started', 'a'],
      ['task-started', 'b'],
    ])
  })

  it('is what the routing key asks for', async () => {
    const { events } = await listen({ routingKey: 'worker.#' })
    await publishEvents(connection, makeEvent('task-started', { uuid: 'a' }))
    await publishEvents(connection, makeEvent('worker-offline', {}))
    await seen(events, 1)
    expect(events.map(({ type }) => type)).toEqual(['worker-offline'])
  })

  it('has our time, and the time when it came', async () => {
    const clock = fakeClock(5000)
    const { events } = await listen({ parts: { clock } })
    const offset = utcOffset(new Date(5000))
    await publishEvents(connection, makeEvent('worker-online', {}, { timestamp: 7200, utcoffset: offset + 2 }))
    await seen(events, 1)
    expect(events[0]).toMatchObject({ timestamp: 0, local_received: 5 })
  })
})

describe('the logical clock', () => {
  it('follows workers; what clients tell counts as just before', async () => {
    const { events, logicalClock } = await listen()
    await publishEvents(connection, [
      makeEvent('task-sent', { uuid: 'a' }, { clock: 900 }),
      makeEvent('task-received', { uuid: 'a' }, { clock: 20 }),
      makeEvent('task-sent', { uuid: 'b' }, { clock: null }),
      makeEvent('task-mine', { uuid: 'b' }, { clock: null }),
    ])
    await seen(events, 4)
    expect(events.map(({ clock }) => clock)).toEqual([0, 20, 20, 23])
    expect(logicalClock.time).toBe(23)
  })

  it('is not spoilt by a clock that cannot be', async () => {
    const { events, logicalClock } = await listen()
    await publishEvents(connection, makeEvent('worker-online', {}, { clock: 1e300 }))
    await seen(events, 1)
    expect([events[0]?.clock, logicalClock.time]).toEqual([1, 1])
  })
})

describe('handlers', () => {
  it('take their type, and * takes the others', async () => {
    const taken: string[] = []
    const { events } = await listen({
      handlers: {
        'task-failed': ({ uuid, exception }) => taken.push(`failed ${uuid} ${exception ?? ''}`),
        'task-mine': ({ percent }) => taken.push(`mine ${String(percent)}`),
        '*': ({ type }) => taken.push(`* ${type}`),
      },
    })
    await publishEvents(connection, [
      makeEvent('task-failed', { uuid: 'a', exception: 'E()' }),
      makeEvent('task-mine', { uuid: 'a', percent: 5 }),
      makeEvent('task-started', { uuid: 'a' }),
    ])
    await seen(events, 3)
    expect(taken).toEqual(['failed a E()', 'mine 5', '* task-started'])
  })

  it('that fail are logged, and the next is called', async () => {
    const wrong = new Error('wrong')
    const { events } = await listen({
      handlers: {
        'task-started': () => {
          throw wrong
        },
        'task-failed': () => Promise.reject(wrong),
      },
    })
    await publishEvents(connection, [makeEvent('task-started', { uuid: 'a' }), makeEvent('task-failed', { uuid: 'a' })])
    await seen(events, 2)
    await waitFor(() => records.length === 2)
    expect(records.map(({ message, fields }) => [message, fields?.error])).toEqual([
      ['The handler of an event task-started failed', wrong],
      ['The handler of an event task-failed failed', wrong],
    ])
  })
})

describe('garbage', () => {
  it('is left out with a word in the log, and all else is heard', async () => {
    const { events } = await listen()
    await publishEvents(connection, 'no JSON', 'task.multi')
    await publishEvents(connection, [1, makeEvent('task-started', { uuid: 'a' }), { type: 'task-sent' }, [[]]])
    await publishEvents(connection, makeEvent('worker-online', {}))
    await seen(events, 2)
    expect(events.map(({ type }) => type)).toEqual(['task-started', 'worker-online'])
    expect(records.map(({ message }) => message)).toEqual([
      'A message with events could not be read',
      'An event was left out',
      'An event was left out',
      'An event was left out',
    ])
  })
})

it('hears nothing after its end, and its queue is gone', async () => {
  const { events, listening } = await listen()
  await listening.stop()
  await listening.stop()
  await publishEvents(connection, makeEvent('worker-online', {}))
  const channel = await connection.openChannel()
  expect(await channel.listBindings?.()).toEqual([])
  expect(events).toEqual([])
})
