import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../src/errors.ts'
import {
  decodeEvent,
  encodeEvent,
  eventGroup,
  eventRoutingKey,
  isTaskEvent,
  isWorkerEvent,
  localTimestamp,
  multiEventRoutingKey,
  utcOffset,
} from '../../../src/protocol/event.ts'
import type { EventSource } from '../../../src/protocol/event.ts'

const source: EventSource = { hostname: 'w@h', pid: 7, clock: 3, utcoffset: -2, timestamp: 1795242790.48 }
const common = { hostname: 'w@h', timestamp: 1.5 }

/** A date as a machine would have it whose clock is so many minutes west. */
function westBy(minutes: number): Date {
  const date = new Date()
  date.getTimezoneOffset = () => minutes
  return date
}

describe('encodeEvent', () => {
  it('writes the fields in Celery’s order', () => {
    const event = encodeEvent('task-succeeded', { uuid: 'id', result: '6', runtime: 0.5 }, source)
    expect(JSON.stringify(event)).toBe(
      '{"hostname":"w@h","utcoffset":-2,"pid":7,"clock":3,"uuid":"id","result":"6","runtime":0.5,' +
        '"timestamp":1795242790.48,"type":"task-succeeded"}',
    )
  })

  it('takes types that a user made up', () => {
    expect(encodeEvent('task-uploaded', { uuid: 'id', bytes: 5 }, source)).toMatchObject({
      type: 'task-uploaded',
      bytes: 5,
    })
  })
})

describe('decodeEvent', () => {
  it('reads one event or a list', () => {
    const event = encodeEvent('worker-heartbeat', { freq: 2, active: 0, processed: 1, loadavg: [0.5, 1, 2] }, source)
    expect(decodeEvent(event)).toEqual([event])
    expect(decodeEvent(event)[0]).toBe(event)
    expect(decodeEvent([event, event])).toEqual([event, event])
    expect(decodeEvent([])).toEqual([])
  })

  it('mends fields of the wrong kind, and keeps unknown ones', () => {
    const received = {
      ...common,
      type: 'task-received',
      uuid: 'id',
      args: [1, 'x'],
      retries: '2',
      eta: null,
      extra: {},
    }
    expect(decodeEvent(received)).toEqual([
      { ...common, type: 'task-received', uuid: 'id', args: "[1, 'x']", eta: null, extra: {} },
    ])
    expect(received.retries).toBe('2')
    const odd = { ...common, type: 'worker-online', loadavg: [1, 'x'], pid: 'x', clock: null, utcoffset: {} }
    expect(decodeEvent(odd)).toEqual([{ ...common, type: 'worker-online', clock: null }])
    const revoked = { ...common, type: 'task-revoked', uuid: 'id', terminated: 'yes', expired: true, signum: 'SIGTERM' }
    expect(decodeEvent(revoked)).toEqual([
      { ...common, type: 'task-revoked', uuid: 'id', expired: true, signum: 'SIGTERM' },
    ])
  })

  it('leaves out what is no event where somebody is told of it', () => {
    const errors: string[] = []
    const event = { ...common, type: 'task-sent', uuid: 'id' }
    expect(decodeEvent([1, event, {}], (error) => errors.push(error.message))).toEqual([event])
    expect(errors).toEqual([expect.stringContaining('It is 1'), expect.stringContaining('"type" is None')])
  })

  it('leaves types alone that a user made up', () => {
    const event = { ...common, type: 'task-uploaded', args: [1], uuid: 5 }
    expect(decodeEvent(event)).toEqual([event])
  })

  it.each([
    [null, 'It is None'],
    ['x', "It is 'x'"],
    [[[]], 'It is []'],
    [{}, '"type" is None'],
    [{ type: '' }, '"type" is \'\''],
    [{ type: 'task-sent', timestamp: 1 }, '"hostname" is None'],
    [{ type: 'task-sent', hostname: 'h' }, '"timestamp" is None'],
    [{ ...common, type: 'task-sent' }, '"uuid" is None'],
    [
      [
        { ...common, type: 'task-sent', uuid: 'id' },
        { ...common, type: 'task-sent', uuid: 1 },
      ],
      '"uuid" is 1',
    ],
  ])('refuses %j', (body, reason) => {
    expect(() => decodeEvent(body)).toThrow(DecodeError)
    expect(() => decodeEvent(body)).toThrow(reason)
  })

  it('reads back what encodeEvent wrote', () => {
    const fields = fc.record(
      { uuid: fc.string(), name: fc.string(), root_id: fc.option(fc.string()), retries: fc.nat() },
      { requiredKeys: ['uuid'] },
    )
    fc.assert(
      fc.property(fields, (sent) => {
        const event = JSON.parse(JSON.stringify(encodeEvent('task-received', sent, source)))
        expect(decodeEvent(event)).toEqual([{ ...source, ...sent, type: 'task-received' }])
      }),
    )
  })

  it('answers events or an error of ours for anything', () => {
    const types = fc.constantFrom('task-received', 'task-revoked', 'worker-online', 'worker-elect', 'constructor')
    const fields = fc.constantFrom(
      'args',
      'retries',
      'loadavg',
      'clock',
      'hostname',
      'signum',
      'uuid',
      'pid',
      '__proto__',
    )
    const near = fc
      .tuple(types, fc.dictionary(fields, fc.jsonValue()))
      .map(([type, odd]) => ({ type, ...common, uuid: 'id', ...odd }))
    fc.assert(
      fc.property(fc.oneof(near, fc.array(near), fc.anything()), (body) => {
        try {
          for (const event of decodeEvent(body)) expect(event.type).toBeTypeOf('string')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
    let deep: unknown = []
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(() => decodeEvent(deep)).toThrow(DecodeError)
    expect(decodeEvent({ ...common, type: 'task-failed', uuid: 'id', exception: deep })).toHaveLength(1)
  })
})

describe('isTaskEvent and isWorkerEvent', () => {
  it('know the types of Celery', () => {
    const [task] = decodeEvent({ ...common, type: 'task-started', uuid: 'id' })
    const [worker] = decodeEvent({ ...common, type: 'worker-online' })
    const [custom] = decodeEvent({ ...common, type: 'task-uploaded' })
    expect([task, worker, custom].map((event) => isTaskEvent(event!))).toEqual([true, false, false])
    expect([task, worker, custom].map((event) => isWorkerEvent(event!))).toEqual([false, true, false])
  })
})

describe('names of events', () => {
  it('become routing keys and groups', () => {
    expect(eventRoutingKey('task-succeeded')).toBe('task.succeeded')
    expect(eventRoutingKey('worker-elect-ack')).toBe('worker.elect.ack')
    expect(eventGroup('worker-elect-ack')).toBe('worker')
    expect(eventGroup('alone')).toBe('alone')
    expect(multiEventRoutingKey('task')).toBe('task.multi')
  })
})

describe('time zones', () => {
  it.each([
    ['New York', 300, 5],
    ['New York in summer', 240, 4],
    ['UTC', 0, 0],
    ['UTC, as some engines say it', -0, 0],
    ['Berlin', -60, -1],
    ['India', -330, -6],
    ['Newfoundland', 210, 3],
  ])('of %s are whole hours west', (_, minutes, hours) => {
    expect(utcOffset(westBy(minutes))).toBe(hours)
  })

  it('are taken out of a timestamp', () => {
    const event = { hostname: 'h', timestamp: 10_000, utcoffset: 5 }
    expect(localTimestamp(event, 5)).toBe(10_000)
    expect(localTimestamp(event, 3)).toBe(10_000 - 7200)
    expect(localTimestamp({ hostname: 'h', timestamp: 10_000 }, 3)).toBe(10_000)
  })
})
