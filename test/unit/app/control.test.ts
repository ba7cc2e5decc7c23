import { describe, expect, it } from 'vitest'
import { Control } from '../../../src/app/control.ts'
import type { BrokerConnection } from '../../../src/messaging/connection.ts'
import type { Command, Mailbox, Question } from '../../../src/messaging/mailbox.ts'
import type { Channel } from '../../../src/transport/transport.ts'

interface Fixture {
  readonly control: Control
  readonly asked: Question[]
  readonly sent: Command[]
  readonly purged: string[]
  /** How often a channel was opened. */
  readonly channels: () => number
}

function fixture(): Fixture {
  const asked: Question[] = []
  const sent: Command[] = []
  const purged: string[] = []
  let channels = 0
  const mailbox = {
    ask: async (question: Question) => {
      asked.push(question)
      return [{ 'celery@a': { ok: 'pong' } }]
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
  })
  return { control, asked, sent, purged, channels: () => channels }
}

describe('asking', () => {
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

  it('revokes one task or many', async () => {
    const { control, sent } = fixture()
    await control.revoke('a')
    await control.revoke(['a', 'b'], { terminate: true, signal: 'SIGKILL' })
    expect(sent.map((command) => command.arguments)).toEqual([
      { task_id: ['a'], terminate: false, signal: 'SIGTERM' },
      { task_id: ['a', 'b'], terminate: true, signal: 'SIGKILL' },
    ])
  })
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
