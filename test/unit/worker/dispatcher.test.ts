import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../src/task/outcome.ts'
import { Dispatcher } from '../../../src/worker/dispatcher.ts'
import { receive } from '../../../src/worker/receive.ts'
import { incomingTask } from '../../support/incoming.ts'
import type { Noted } from '../../support/incoming.ts'
import { requests } from '../../support/requests.ts'
import type { Requests } from '../../support/requests.ts'
import { waitFor } from '../../support/wait-for.ts'

const success: Outcome = { kind: 'success', runtimeMs: 1, resultRepr: '1' }

interface Line {
  readonly all: Requests
  readonly dispatcher: Dispatcher
  readonly received: string[]
  /** How many are held until their time, as it was told. */
  readonly held: number[]
}

function line(options: { isolated?: boolean; delayed?: boolean; limitsRates?: boolean } = {}): Line {
  const all = requests(options)
  all.define('proj.add')
  const received: string[] = []
  const held: number[] = []
  const { pool, state, clock, logger } = all.parts
  const dispatcher = new Dispatcher({
    pool,
    state,
    clock,
    logger,
    limitsRates: options.limitsRates ?? true,
    receive: (message) => receive(message, all.parts),
    brokerDelays: () => options.delayed ?? false,
    onHeld: (count) => held.push(count),
    onReceived: (request) => received.push(request.head.id),
    onEnded: () => undefined,
  })
  return { all, dispatcher, received, held }
}

const batch = (...ids: string[]): Noted[] => ids.map((id) => incomingTask({ id }))
const messagesOf = (noted: readonly Noted[]): Noted['message'][] => noted.map(({ message }) => message)

describe('Dispatcher', () => {
  it('gives the pool as many as it takes, in order, and the next when there is room', async () => {
    const { all, dispatcher, received } = line()
    all.slots = 2
    dispatcher.add(messagesOf(batch('a', 'b', 'c')))
    await waitFor(() => all.running.length === 2)
    expect([received, all.parts.state.reserved.size]).toEqual([['a', 'b', 'c'], 1])
    expect(all.running.map(({ job }) => job.taskId)).toEqual(['a', 'b'])
    all.running[0]?.end.resolve(success)
    await waitFor(() => all.running.some(({ job }) => job.taskId === 'c'))
    for (const { end } of [...all.running]) end.resolve(success)
    await dispatcher.drained()
    expect(all.parts.state.active.size).toBe(0)
  })

  it('gives one after the other to a pool that ends each at once, however many there are', async () => {
    const { all, dispatcher } = line()
    let depth = 0
    const depths = new Set<number>()
    all.parts.pool.execute = (_job, observer) => {
      depth += 1
      depths.add(depth)
      observer.accepted(1)
      observer.ended(success)
      depth -= 1
    }
    const noted = batch(...Array.from({ length: 1000 }, (_, index) => String(index)))
    dispatcher.add(messagesOf(noted))
    await dispatcher.drained()
    expect([noted.every(({ said }) => said.join() === 'ack'), [...depths]]).toEqual([true, [1]])
  })

  it('counts those that are on their way into the pool', async () => {
    const { all, dispatcher } = line({ isolated: false })
    dispatcher.add(messagesOf(batch('a', 'b', 'c')))
    expect(all.parts.state.active.size).toBe(1)
    await waitFor(() => all.running.length === 1)
    expect(all.parts.state.reserved.size).toBe(2)
  })

  it('drops what is revoked or has expired, on arrival and while it waits', async () => {
    const { all, dispatcher } = line()
    all.parts.state.revoked.add('revoked')
    const noted = [
      incomingTask({ id: 'first' }),
      incomingTask({ id: 'revoked' }),
      incomingTask({ id: 'old', expires: all.clock.now() - 1 }),
      incomingTask({ id: 'soon', expires: all.clock.now() + 1000 }),
      incomingTask({ id: 'later' }),
    ]
    dispatcher.add(messagesOf(noted))
    await waitFor(() => all.stored.length === 2)
    await all.clock.advance(2000)
    all.parts.state.revoked.add('later')
    all.running[0]?.end.resolve(success)
    await waitFor(() => all.stored.length === 4)
    await dispatcher.drained()
    expect(all.stored.map((meta) => [meta.task_id, meta.status])).toEqual(
      ['revoked', 'old', 'soon', 'later'].map((id) => [id, 'REVOKED']),
    )
    expect(noted.map(({ said }) => said)).toEqual([['ack'], ['ack'], ['ack'], ['ack'], ['ack']])
  })

  it('gives back what waits when it closes, and starts nothing more', async () => {
    const { all, dispatcher } = line()
    const noted = batch('a', 'b', 'c')
    dispatcher.add(messagesOf(noted))
    await waitFor(() => all.running.length === 1)
    await dispatcher.close()
    all.running[0]?.end.resolve(success)
    await dispatcher.drained()
    expect(noted.map(({ said }) => said)).toEqual([['ack'], ['give back'], ['give back']])
    expect(all.running).toHaveLength(0)
  })

  it('is closed when the pool has all that was acknowledged for it', async () => {
    const { all, dispatcher } = line({ isolated: false })
    const noted = batch('a')
    dispatcher.add(messagesOf(noted))
    expect([noted[0]?.said, all.running.length]).toEqual([['ack'], 0])
    await dispatcher.close()
    expect(all.running.length).toBe(1)
  })

  it('starts nothing while too many results are on their way', async () => {
    const { all, dispatcher } = line()
    all.parts.state.settling = 5000
    dispatcher.add(messagesOf(batch('a')))
    expect(all.parts.state.active.size).toBe(0)
    all.parts.state.settling -= 1
    dispatcher.dispatch()
    expect(all.parts.state.active.size).toBe(1)
  })

  it('gives back what comes when it is closed', async () => {
    const { all, dispatcher, received } = line()
    await dispatcher.close()
    const noted = batch('a', 'b')
    dispatcher.add(messagesOf(noted))
    expect([noted.map(({ said }) => said), received, all.parts.state.reserved.size]).toEqual([
      [['give back'], ['give back']],
      [],
      0,
    ])
  })

  it('closes although nothing can be given back', async () => {
    const { all, dispatcher } = line()
    const noted = batch('a', 'b', 'c')
    for (const { message } of noted) message.giveBack = () => Promise.reject(new Error('lost'))
    dispatcher.add(messagesOf(noted))
    await waitFor(() => all.running.length === 1)
    await dispatcher.close()
    expect(all.parts.state.reserved.size).toBe(0)
  })

  it('gives back those that came last when it shall hold fewer', async () => {
    const { all, dispatcher } = line()
    const noted = batch('a', 'b', 'c', 'd')
    dispatcher.add(messagesOf(noted))
    await waitFor(() => all.running.length === 1)
    await dispatcher.shrink(2)
    expect(noted.map(({ said }) => said)).toEqual([[], [], ['give back'], ['give back']])
    await dispatcher.shrink(0)
    expect(all.parts.state.reserved.size).toBe(0)
    expect(all.running).toHaveLength(1)
  })

  it('holds what comes before its time, and starts it then', async () => {
    const { all, dispatcher, received, held } = line()
    all.slots = 2
    const early = incomingTask({ id: 'early', eta: all.clock.now() + 3_600_000 })
    dispatcher.add([early.message, ...messagesOf(batch('a'))])
    await waitFor(() => all.running.length === 1)
    expect([received, held, all.parts.state.scheduled.size]).toEqual([['early', 'a'], [1], 1])
    await all.clock.advance(3_599_999)
    expect([all.running.map(({ job }) => job.taskId), early.said]).toEqual([['a'], []])
    await all.clock.advance(1)
    expect(all.running.map(({ job }) => job.taskId)).toEqual(['a', 'early'])
    expect([held, all.parts.state.scheduled.size]).toEqual([[1, 0], 0])
    all.running[1]?.observer.accepted(1)
    expect(early.said).toEqual(['ack'])
  })

  it('drops what was revoked or has expired while it was held, not before its time', async () => {
    const { all, dispatcher } = line()
    const eta = all.clock.now() + 5000
    dispatcher.add([
      incomingTask({ id: 'revoked', eta }).message,
      incomingTask({ id: 'old', eta, expires: eta - 1000 }).message,
    ])
    all.parts.state.revoked.add('revoked')
    await all.clock.advance(4999)
    expect(all.stored).toEqual([])
    await all.clock.advance(1)
    await dispatcher.drained()
    expect(all.stored.map((meta) => [meta.task_id, meta.status])).toEqual([
      ['revoked', 'REVOKED'],
      ['old', 'REVOKED'],
    ])
  })

  it('lets a broker that can do so keep what is not due for long; it has not been received then', async () => {
    const { all, dispatcher, received, held } = line({ delayed: true })
    all.parts.state.revoked.add('revoked')
    const nowMs = all.clock.now()
    const [long, soon, revoked] = [
      incomingTask({ id: 'long', eta: nowMs + 60_000 }),
      incomingTask({ id: 'soon', eta: nowMs + 1000 }),
      incomingTask({ id: 'revoked', eta: nowMs + 60_000 }),
    ]
    dispatcher.add([long.message, soon.message, revoked.message])
    await waitFor(() => all.stored.length === 1)
    expect(long.said).toEqual([`give back until ${String(nowMs + 60_000)}`])
    // One is held, and one on its way; then that has arrived.
    expect([received, held, soon.said]).toEqual([['soon', 'revoked'], [2, 1], []])
    await dispatcher.drained()
  })

  it('gives back what is held when it closes, to come again in its time', async () => {
    const { all, dispatcher } = line()
    const eta = all.clock.now() + 60_000
    const early = incomingTask({ eta })
    dispatcher.add([early.message])
    await dispatcher.close()
    expect([early.said, all.parts.state.scheduled.size, all.clock.pending]).toEqual([
      [`give back until ${String(eta)}`],
      0,
      0,
    ])
  })

  it('forgets what has not started', async () => {
    const { all, dispatcher, held } = line()
    const noted = [...batch('a', 'b'), incomingTask({ id: 'early', eta: all.clock.now() + 60_000 })]
    dispatcher.add(messagesOf(noted))
    await waitFor(() => all.running.length === 1)
    dispatcher.forget()
    await all.clock.advance(60_000)
    expect(noted.map(({ said }) => said)).toEqual([[], [], []])
    expect([all.parts.state.reserved.size, held, all.running.length]).toEqual([0, [1, 0], 1])
  })

  it('does not start twice what was running when the connection was lost', async () => {
    const { all, dispatcher, received } = line()
    const [running] = batch('a')
    all.define('proj.late', { acksLate: true })
    const late = incomingTask({ id: 'late', name: 'proj.late' })
    all.slots = 2
    dispatcher.add(messagesOf([running as Noted, late]))
    await waitFor(() => all.running.length === 2)
    all.running[0]?.observer.accepted(1)
    dispatcher.forget()
    const again = incomingTask({ id: 'late', name: 'proj.late' }, {}, { redelivered: true })
    const other = incomingTask({ id: 'a' }, {}, { redelivered: true })
    all.slots = 3
    dispatcher.add([again.message, other.message])
    await waitFor(() => all.running.length === 3)
    all.running[1]?.end.resolve(success)
    await waitFor(() => again.said.length === 1)
    expect([received, late.said, again.said]).toEqual([['a', 'late', 'a'], [], ['ack']])
  })

  it('logs a request that cannot be settled, and goes on', async () => {
    const { all, dispatcher } = line()
    all.storeError = new Error('disk full')
    dispatcher.add(messagesOf(batch('a', 'b')))
    await waitFor(() => all.running.length === 1)
    all.running[0]?.end.resolve({ kind: 'lost', exit: 9 })
    await waitFor(() => all.running[0]?.job.taskId === 'b')
    expect(all.logged.join()).toContain('could not be settled')
  })
})

describe('tasks with a rate limit', () => {
  const arrive = (all: Requests, dispatcher: Dispatcher): Noted[] => {
    all.define('proj.slow', { rateLimit: '1/s' })
    all.slots = 10
    const noted = ['a', 'b', 'c'].map((id) => incomingTask({ id, name: 'proj.slow' }))
    dispatcher.add(messagesOf([...noted, incomingTask({ id: 'other' })]))
    return noted
  }
  const started = (all: Requests): string[] => all.running.map(({ job }) => job.taskId)

  it('start no more often than that, and others go past them', async () => {
    const { all, dispatcher, received } = line()
    arrive(all, dispatcher)
    await waitFor(() => all.running.length === 2)
    expect([started(all), received, all.parts.state.limited.size]).toEqual([
      ['a', 'other'],
      ['a', 'b', 'c', 'other'],
      2,
    ])
    await all.clock.advance(1000)
    expect(started(all)).toEqual(['a', 'other', 'b'])
    dispatcher.resetRateLimit('proj.slow', undefined)
    expect(started(all)).toEqual(['a', 'other', 'b', 'c'])
  })

  it('are dropped when they are revoked while they wait', async () => {
    const { all, dispatcher } = line()
    const [, b] = arrive(all, dispatcher)
    all.parts.state.revoked.add('b')
    await all.clock.advance(1000)
    await waitFor(() => all.stored.length === 1)
    expect([all.stored[0]?.task_id, all.stored[0]?.status, b?.said]).toEqual(['b', 'REVOKED', ['ack']])
  })

  it('go back when the line closes, and when fewer are to be in hand', async () => {
    const { all, dispatcher } = line()
    const [, b, c] = arrive(all, dispatcher)
    await dispatcher.shrink(3)
    expect([b?.said, c?.said]).toEqual([[], ['give back']])
    await dispatcher.close()
    expect(b?.said).toEqual(['give back'])
  })

  it('are forgotten with their connection', async () => {
    const { all, dispatcher } = line()
    arrive(all, dispatcher)
    dispatcher.forget()
    expect(all.parts.state.limited.size).toBe(0)
  })

  it('start at once where limits are switched off', async () => {
    const { all, dispatcher } = line({ limitsRates: false })
    arrive(all, dispatcher)
    await waitFor(() => all.running.length === 4)
  })
})
