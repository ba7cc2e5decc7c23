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

function line(options: { isolated?: boolean } = {}): { all: Requests; dispatcher: Dispatcher; received: string[] } {
  const all = requests(options)
  all.define('proj.add')
  const received: string[] = []
  const { pool, state, clock, logger } = all.parts
  const dispatcher = new Dispatcher({
    pool,
    state,
    clock,
    logger,
    receive: (message) => receive(message, all.parts),
    onReceived: (request) => received.push(request.head.id),
    onEnded: () => undefined,
  })
  return { all, dispatcher, received }
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
    for (const { end } of all.running) end.resolve(success)
    await dispatcher.drained()
    expect(all.parts.state.active.size).toBe(0)
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
