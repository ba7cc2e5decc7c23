import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ChannelError, ConnectionError, ImproperlyConfigured, OperationalError } from '../../../src/errors.ts'
import { BrokerConnection } from '../../../src/messaging/connection.ts'
import type { BrokerConnectionOptions, RetryNews } from '../../../src/messaging/connection.ts'
import type { LogRecord } from '../../../src/util/logger.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { transportContext } from '../../support/context.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { FakeTransport } from '../../support/fake-transport.ts'

let clock: FakeClock
let transport: FakeTransport
let records: LogRecord[]

beforeEach(() => {
  clock = fakeClock()
  transport = new FakeTransport()
  records = []
})

function connection(options: Partial<BrokerConnectionOptions> = {}): BrokerConnection {
  const logger = createLogger({ write: (record) => records.push(record) })
  return new BrokerConnection({
    urls: 'fake://u:secret@a',
    transports: transport.registry(),
    context: transportContext({ clock, logger }),
    random: () => 1,
    ...options,
  })
}

/** What became of a promise by now. */
function outcomeOf(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const outcome: { value?: unknown; error?: unknown } = {}
  promise.then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  )
  return outcome
}

const refuse = (): never => {
  throw new Error('refused')
}

describe('opening', () => {
  it('happens when it is first needed, once for all', async () => {
    const broker = connection()
    expect(broker.current).toBeUndefined()
    const [one, other] = await Promise.all([broker.ensure(), broker.ensure()])
    expect(one).toBe(other)
    expect(await broker.ensure()).toBe(one)
    expect(transport.attempts).toEqual(['fake://u:secret@a'])
    expect(broker.current).toBe(one)
  })

  it('tries again after 2, 4, 6 ... 30 seconds', async () => {
    transport.onConnect = refuse
    const waits: number[] = []
    const onRetry = ({ delayMs }: RetryNews): void => void waits.push(delayMs / 1000)
    const outcome = outcomeOf(connection().ensure({ maxRetries: 17, onRetry }))
    await clock.advance(1_000_000)
    expect(waits).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 30, 30])
    expect(outcome.error).toBeInstanceOf(ConnectionError)
    expect(clock.pending).toBe(0)
  })

  it('tells of each retry: why, when, which of how many', async () => {
    transport.onConnect = refuse
    const news: RetryNews[] = []
    const outcome = outcomeOf(
      connection({ maxRetries: 1, random: () => 0 }).ensure({ onRetry: (retry) => news.push(retry) }),
    )
    await clock.advance(1000)
    expect(news).toEqual([{ error: expect.any(ConnectionError), delayMs: 1000, retry: 1, maxRetries: 1 }])
    expect(outcome.error).toBeInstanceOf(ConnectionError)
  })

  it('tries a hundred times by default, for ever with null, once with 0', async () => {
    transport.onConnect = refuse
    const byDefault = outcomeOf(connection().ensure())
    await clock.advance(3_000_000)
    expect([transport.attempts.length, byDefault.error]).toEqual([101, expect.any(ConnectionError)])
    await expect(connection({ maxRetries: 0 }).ensure()).rejects.toThrow(ConnectionError)
    const forever = connection({ maxRetries: null })
    const outcome = outcomeOf(forever.ensure())
    await clock.advance(6_000_000)
    expect(outcome).toEqual({})
    transport.onConnect = () => undefined
    await clock.advance(30_000)
    expect(outcome.value).toBe(forever.current)
  })

  it('says where and why, without the password', async () => {
    transport.onConnect = refuse
    const ensuring = connection({ maxRetries: 0 }).ensure()
    await expect(ensuring).rejects.toThrow('Cannot connect to fake://u:**@a: refused')
  })

  it('does not try again what cannot become better', async () => {
    transport.onConnect = () => {
      throw new ImproperlyConfigured('no such option')
    }
    await expect(connection().ensure()).rejects.toThrow('no such option')
    await expect(connection({ urls: 'fkae://' }).ensure()).rejects.toThrow(/did you mean "fake"/)
    await expect(connection({ urls: [] }).ensure()).rejects.toThrow(ImproperlyConfigured)
    expect(clock.pending).toBe(0)
  })

  it('gives up an attempt that takes too long, and closes what comes late', async () => {
    let answer: () => void = () => undefined
    transport.onConnect = () => new Promise((resolve) => (answer = resolve))
    const outcome = outcomeOf(connection({ maxRetries: 0 }).ensure())
    await clock.advance(3999)
    expect(outcome).toEqual({})
    await clock.advance(1)
    expect(String(outcome.error)).toContain('no answer within 4 s')
    answer()
    await vi.waitFor(() => expect(transport.connections[0]?.isOpen).toBe(false))
  })

  it('gives up when the time is over, at the latest', async () => {
    transport.onConnect = () => new Promise(() => undefined)
    const outcome = outcomeOf(connection({ connectTimeoutMs: 60_000 }).ensure({ timeoutMs: 5000 }))
    await clock.advance(5000)
    expect(String(outcome.error)).toContain('within 5 s')
  })

  it('does not wait for a retry that comes too late', async () => {
    transport.onConnect = refuse
    await expect(connection().ensure({ timeoutMs: 1500 })).rejects.toThrow('refused')
  })

  it('gives up when it is told to', async () => {
    transport.onConnect = refuse
    const controller = new AbortController()
    const outcome = outcomeOf(connection().ensure({ signal: controller.signal }))
    await clock.advance(100)
    controller.abort(new Error('never mind'))
    await clock.advance(0)
    expect(outcome.error).toEqual(new Error('never mind'))
    expect(clock.pending).toBe(0)
  })

  it('lets each wait for as long as it likes', async () => {
    transport.onConnect = refuse
    const broker = connection()
    const [patient, hasty] = [outcomeOf(broker.ensure()), outcomeOf(broker.ensure({ maxRetries: 0 }))]
    await clock.advance(100)
    expect([patient, hasty.error]).toEqual([{}, expect.any(ConnectionError)])
    transport.onConnect = () => undefined
    await clock.advance(2000)
    expect(patient.value).toBe(broker.current)
  })
})

describe('fail-over', () => {
  const urls = 'fake://a;fake://b;fake://c'

  it('goes from one to the next without waiting, and stays where it works', async () => {
    transport.onConnect = (url) => (url === 'fake://c' ? undefined : refuse())
    const broker = connection({ urls })
    await broker.ensure()
    expect(transport.attempts).toEqual(['fake://a', 'fake://b', 'fake://c'])
    expect(broker.displayUrl).toBe('fake://c')
    transport.connections[0]?.lose(new Error('gone'))
    await clock.advance(0)
    await broker.ensure()
    expect(transport.attempts.slice(3)).toEqual(['fake://c'])
  })

  it('waits after a round, and tells of all that failed', async () => {
    transport.onConnect = refuse
    const outcome = outcomeOf(connection({ urls, maxRetries: 1 }).ensure())
    await clock.advance(1999)
    expect(transport.attempts).toHaveLength(3)
    await clock.advance(1)
    expect(transport.attempts).toHaveLength(6)
    for (const name of ['a', 'b', 'c']) expect(String(outcome.error)).toContain(`fake://${name}: refused`)
  })

  it('follows another order', async () => {
    transport.onConnect = refuse
    const failover = (all: readonly string[]): string[] => [...all].reverse()
    await expect(connection({ urls, failover, maxRetries: 0 }).ensure()).rejects.toThrow(ConnectionError)
    expect(transport.attempts).toEqual(['fake://c', 'fake://b', 'fake://a'])
  })
})

describe('losing', () => {
  it('is told, and logged, and the next one opens it again', async () => {
    const broker = connection()
    const first = await broker.ensure()
    const lost: string[] = []
    const stop = broker.onLost((error) => lost.push(error.message))
    transport.connections[0]?.lose(new OperationalError('cable cut'))
    await clock.advance(0)
    expect([lost, broker.current]).toEqual([['cable cut'], undefined])
    expect(records.map(({ message }) => message)).toEqual(['Connection to fake://u:**@a lost: cable cut'])
    expect(await broker.ensure()).not.toBe(first)
    stop()
    transport.connections[1]?.lose(new OperationalError('again'))
    await clock.advance(0)
    expect(lost).toEqual(['cable cut'])
  })
})

describe('a connection that does not answer', () => {
  it('counts as lost when it is discarded, once, whatever else is said of it', async () => {
    const broker = connection()
    const first = await broker.ensure()
    const lost: string[] = []
    broker.onLost((error) => lost.push(error.message))
    broker.discard(first, new ConnectionError('deaf'))
    broker.discard(first, new ConnectionError('dumb'))
    await clock.advance(0)
    expect([lost, broker.current, transport.connections[0]?.isOpen]).toEqual([['deaf'], undefined, false])
    expect(await broker.ensure()).not.toBe(first)
  })

  it('has ended when it is lost, discarded or closed', async () => {
    const broker = connection()
    const ends: unknown[] = []
    const watch = async (): Promise<void> => {
      ends.push(await broker.endOf(await broker.ensure()))
    }
    const cut = new ConnectionError('cut')
    const deaf = new ConnectionError('deaf')
    const watching = [watch()]
    await clock.advance(0)
    transport.connections[0]?.lose(cut)
    await Promise.all(watching)
    watching.push(watch())
    await clock.advance(0)
    broker.discard(await broker.ensure(), deaf)
    await Promise.all(watching)
    watching.push(watch())
    await clock.advance(0)
    await broker.close()
    await Promise.all(watching)
    expect(ends).toEqual([cut, deaf, undefined])
  })

  it('is discarded when work on it takes too long', async () => {
    const broker = connection()
    const never = new Promise(() => undefined)
    const outcome = outcomeOf(broker.withChannel(() => never))
    await clock.advance(30_000)
    expect(String(outcome.error)).toContain('fake://u:**@a did not answer within 30 s')
    expect(broker.current).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it('does not keep anybody from closing', async () => {
    const broker = connection()
    const open = await broker.ensure()
    open.close = () => new Promise(() => undefined)
    const closing = broker.close()
    await clock.advance(5000)
    await closing
  })
})

describe('closing', () => {
  it('closes the connection, tells nobody of a loss, and refuses from then on', async () => {
    const broker = connection()
    await broker.ensure()
    const lost = vi.fn()
    broker.onLost(lost)
    await broker.close()
    await broker.close()
    expect([transport.connections[0]?.isOpen, lost.mock.calls]).toEqual([false, []])
    await expect(broker.ensure()).rejects.toThrow(/is closed/)
  })

  it('ends all waiting', async () => {
    transport.onConnect = refuse
    const broker = connection()
    const outcome = outcomeOf(broker.ensure())
    await clock.advance(100)
    await broker.close()
    await clock.advance(0)
    expect(outcome.error).toBeInstanceOf(ConnectionError)
    expect(clock.pending).toBe(0)
  })

  it('closes a connection that is just being opened', async () => {
    let answer: () => void = () => undefined
    transport.onConnect = () => new Promise((resolve) => (answer = resolve))
    const broker = connection()
    const outcome = outcomeOf(broker.ensure())
    await vi.waitFor(() => expect(transport.attempts).toHaveLength(1))
    const closing = broker.close()
    answer()
    await closing
    expect([transport.connections[0]?.isOpen, outcome.error]).toEqual([false, expect.any(ConnectionError)])
  })
})

describe('withChannel', () => {
  it('closes the channel, also after an error', async () => {
    const broker = connection()
    expect(await broker.withChannel(async () => 5)).toBe(5)
    const failing = broker.withChannel(() => Promise.reject(new ChannelError('no')))
    await expect(failing).rejects.toThrow('no')
    expect(transport.calls).toEqual(['openChannel', 'closeChannel', 'openChannel', 'closeChannel'])
  })
})
