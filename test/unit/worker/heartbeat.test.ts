import { describe, expect, it } from 'vitest'
import { Signals } from '../../../src/signals.ts'
import type { Connection } from '../../../src/transport/transport.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { Heartbeat } from '../../../src/worker/heartbeat.ts'
import { nextTurn } from '../../../src/util/turn.ts'
import { requests } from '../../support/requests.ts'

function fixture(interval?: number) {
  const { parts, clock, request } = requests()
  const { state } = parts
  const sent: [string, Record<string, unknown>][] = []
  const events = {
    hostname: 'celery@test',
    send: (type: string, fields: object) => void sent.push([type, fields as Record<string, unknown>]),
  }
  const signals = new Signals(silentLogger())
  const heartbeat = new Heartbeat({ events, state, signals, clock, interval })
  const connect = () => {
    const ended = deferred<Error | undefined>()
    return { ended, detach: heartbeat.attach({ closed: ended.promise } as Connection) }
  }
  return { heartbeat, clock, sent, signals, state, request, connect, types: () => sent.map(([type]) => type) }
}

describe('Heartbeat', () => {
  it('says that the worker is there, again and again, and when it goes', async () => {
    const { clock, connect, types } = fixture()
    const { detach } = connect()
    await clock.advance(1999)
    expect(types()).toEqual(['worker-online'])
    await clock.advance(1)
    await clock.advance(2000)
    await detach()
    await clock.advance(10_000)
    expect(types()).toEqual(['worker-online', 'worker-heartbeat', 'worker-heartbeat', 'worker-offline'])
  })

  it('says how it is doing', () => {
    const { connect, sent, state, request } = fixture(7)
    const { request: running } = request()
    state.active.set(running.key, running)
    state.count('proj.add')
    state.count('proj.mul')
    connect()
    const [[, fields] = ['', {}]] = sent
    expect(fields).toMatchObject({ freq: 7, active: 1, processed: 2, sw_ident: 'celeriac' })
    expect(fields['loadavg']).toHaveLength(3)
    for (const name of ['sw_ver', 'sw_sys']) expect(fields[name]).toEqual(expect.any(String))
  })

  it('is silent while there is no connection, and back with the next one', async () => {
    const { clock, connect, types } = fixture()
    connect().ended.resolve(new Error('cut'))
    await nextTurn()
    await clock.advance(10_000)
    expect(types()).toEqual(['worker-online'])
    connect()
    await clock.advance(2000)
    expect(types()).toEqual(['worker-online', 'worker-online', 'worker-heartbeat'])
  })

  it('beats on demand, and tells who listens to the signal', async () => {
    const { heartbeat, sent, signals } = fixture()
    const told: string[] = []
    signals.on('heartbeat-sent', ({ hostname }) => void told.push(hostname))
    heartbeat.send('worker-heartbeat', 5)
    expect(sent).toMatchObject([['worker-heartbeat', { freq: 5 }]])
    expect(told).toEqual(['celery@test'])
  })
})
