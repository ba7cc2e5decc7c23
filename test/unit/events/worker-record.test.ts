import { describe, expect, it } from 'vitest'
import { WorkerRecord } from '../../../src/events/worker-record.ts'
import { makeEvent } from '../../support/events.ts'

function workerAt(now = 100) {
  const time = { now }
  return { time, worker: new WorkerRecord('a@h', () => time.now) }
}

describe('heartbeats', () => {
  it('keep the latest four in order', () => {
    const { worker } = workerAt()
    for (const received of [5, 3, 4, 1, 6, 2]) worker.heard(received)
    expect(worker.heartbeats).toEqual([2, 4, 5, 6])
  })

  it('make it live for two intervals', () => {
    const { worker, time } = workerAt()
    expect([worker.alive, worker.statusString, worker.heartbeatExpires]).toEqual([false, 'OFFLINE', undefined])
    worker.heard(100)
    expect([worker.alive, worker.heartbeatExpires]).toEqual([true, 220])
    worker.apply(makeEvent('worker-heartbeat', { freq: 2 }))
    expect([worker.statusString, worker.heartbeatExpires]).toEqual(['ONLINE', 104])
    time.now = 104
    expect(worker.alive).toBe(false)
    worker.heard(104)
    worker.leave()
    expect([worker.alive, worker.heartbeats]).toEqual([false, []])
  })
})

it('knows what its events say', () => {
  const { worker } = workerAt()
  expect(worker.id).toBe('a@h.undefined')
  const status = { freq: 2, active: 1, processed: 7, loadavg: [1, 2, 3], sw_ident: 'x', sw_ver: '1', sw_sys: 'Linux' }
  worker.apply({ ...makeEvent('worker-online', status, { pid: 9, clock: 4 }), memory: 5 })
  expect(worker.id).toBe('a@h.9')
  expect(worker.extra).toEqual({ memory: 5 })
  expect(worker.toJSON()).toEqual({ hostname: 'a@h', pid: 9, heartbeats: [], clock: 4, ...status })
})
