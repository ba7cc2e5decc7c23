import { describe, expect, it } from 'vitest'
import { Control } from '../../../src/app/control.ts'
import type { BrokerConnection } from '../../../src/messaging/connection.ts'
import type { Command, Mailbox, Question } from '../../../src/messaging/mailbox.ts'
import type { Channel } from '../../../src/transport/transport.ts'
import { createLogger } from '../../../src/util/logger.ts'

interface Fixture {
  readonly control: Control
  readonly asked: Question[]
  readonly sent: Command[]
  readonly purged: string[]
  readonly warnings: string[]
  /** How often a channel was opened. */
  readonly channels: () => number
}

function fixture(replies: readonly object[] = [{ 'celery@a': { ok: 'pong' } }]): Fixture {
  const asked: Question[] = []
  const sent: Command[] = []
  const purged: string[] = []
  const warnings: string[] = []
  let channels = 0
  const mailbox = {
    ask: async (question: Question) => {
      asked.push(question)
      return replies
    },
    broadcast: async (command: Command) => void sent.push(command),
  } as unknown as Mailbox
  const channel = {
    queuePurge: async (name: string) => purged.push(name),
  } as unknown as Channel
  const connection = {
    withChannel: async <T>(work: (channel: Channel) => Promise<T>) => {
      channels += 1
      return work(channel)
    },
  } as unknown as BrokerConnection
  const control = new Control({
    mailbox: async () => mailbox,
    connection: async () => connection,
    queues: async () => ['celery', 'video'],
    logger: createLogger({ write: ({ message }) => warnings.push(message) }),
  })
  return { control, warnings, asked, sent, purged, channels: () => channels }
}

describe('asking', () => {
  it('warns where several workers have one name', async () => {
    const { control, warnings } = fixture([{ 'celery@a': 1 }, { 'celery@b': 2 }, { 'celery@a': 3 }])
    expect(await control.ask('ping')).toHaveLength(3)
    expect(warnings).toEqual([
      'Received several replies from celery@a: give each worker a name of its own (--hostname)',
    ])
  })

  it('gathers replies for a second', async () => {
    const { control, asked } = fixture()
    expect(await control.ping()).toEqual([{ 'celery@a': { ok: 'pong' } }])
    expect(asked).toEqual([{ method: 'ping', arguments: {}, timeoutMs: 1000 }])
  })

  it('stops when all who were asked have answered', async () => {
    const { control, asked } = fixture()
    await control.ask('stats', { destination: ['a', 'b'], timeout: 5, arguments: { x: 1 } })
    await control.ping({ limit: 1, pattern: 'celery@*', matcher: 'glob' })
    expect(asked).toEqual([
      { method: 'stats', arguments: { x: 1 }, destination: ['a', 'b'], timeoutMs: 5000, limit: 2 },
      { method: 'ping', arguments: {}, pattern: 'celery@*', matcher: 'glob', timeoutMs: 1000, limit: 1 },
    ])
  })
})

describe('telling', () => {
  it('waits for no replies', async () => {
    const { control, sent } = fixture()
    await control.broadcast('enable_events')
    await control.shutdown({ destination: ['celery@a'] })
    expect(sent).toEqual([
      { method: 'enable_events', arguments: {} },
      { method: 'shutdown', arguments: {}, destination: ['celery@a'] },
    ])
  })

  it('has a verb for each command of Celery, with its arguments', async () => {
    const { control, sent } = fixture()
    await control.revoke('a')
    await control.revoke(['a', 'b'], { terminate: true, signal: 'SIGKILL' })
    await control.terminate('a', { destination: ['celery@a'] })
    await control.revokeByStampedHeaders({ tenant: ['x'] })
    await control.rateLimit('proj.add', '10/m')
    await control.timeLimit('proj.add', { soft: 5 })
    await control.addConsumer('q', { exchange: 'e', exchangeType: 'topic', options: { max_priority: 3 } })
    await control.cancelConsumer('q')
    await control.poolGrow()
    await control.poolShrink(2)
    await control.poolRestart()
    await control.autoscale(10, 3)
    await control.enableEvents()
    await control.disableEvents()
    await control.heartbeat()
    await control.election('id', 'task', { task: 'x' })
    expect(sent.map((command) => [command.method, command.arguments])).toEqual([
      ['revoke', { task_id: ['a'], terminate: false, signal: 'SIGTERM' }],
      ['revoke', { task_id: ['a', 'b'], terminate: true, signal: 'SIGKILL' }],
      ['revoke', { task_id: ['a'], terminate: true, signal: 'SIGTERM' }],
      ['revoke_by_stamped_headers', { headers: { tenant: ['x'] }, terminate: false, signal: 'SIGTERM' }],
      ['rate_limit', { task_name: 'proj.add', rate_limit: '10/m' }],
      ['time_limit', { task_name: 'proj.add', hard: null, soft: 5 }],
      ['add_consumer', { queue: 'q', exchange: 'e', exchange_type: 'topic', routing_key: null, max_priority: 3 }],
      ['cancel_consumer', { queue: 'q' }],
      ['pool_grow', { n: 1 }],
      ['pool_shrink', { n: 2 }],
      ['pool_restart', {}],
      ['autoscale', { max: 10, min: 3 }],
      ['enable_events', {}],
      ['disable_events', {}],
      ['heartbeat', {}],
      ['election', { id: 'id', topic: 'task', action: { task: 'x' } }],
    ])
    expect(sent[2]?.destination).toEqual(['celery@a'])
  })

  it('gathers replies where that is asked for', async () => {
    const { control, asked, sent } = fixture()
    const seen: unknown[] = []
    const callback = (reply: object): void => void seen.push(reply)
    const options = { reply: true, timeout: 2, destination: ['celery@a'], callback }
    expect(await control.cancelConsumer('q', options)).toEqual([{ 'celery@a': { ok: 'pong' } }])
    expect(await control.cancelConsumer('q')).toEqual([])
    expect(asked).toEqual([
      {
        method: 'cancel_consumer',
        arguments: { queue: 'q' },
        destination: ['celery@a'],
        timeoutMs: 2000,
        limit: 1,
        onReply: callback,
      },
    ])
    expect(sent).toHaveLength(1)
  })
})

it('looks at workers', async () => {
  const { control, asked } = fixture()
  expect(await control.inspect({ timeout: 3 }).ping()).toEqual({ 'celery@a': { ok: 'pong' } })
  expect(asked).toEqual([{ method: 'ping', arguments: {}, timeoutMs: 3000 }])
})

describe('purge', () => {
  it('empties all declared queues, or those that are named, and counts', async () => {
    const { control, purged, channels } = fixture()
    // The fake answers 1 for the first queue and 2 for the second.
    expect(await control.purge()).toBe(3)
    expect([purged, channels()]).toEqual([['celery', 'video'], 1])
    await control.purge(['other'])
    expect(purged.at(-1)).toBe('other')
    expect(await control.purge([])).toBe(0)
  })
})
