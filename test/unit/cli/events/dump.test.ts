import { describe, expect, it } from 'vitest'
import { Dumper } from '../../../../src/cli/events/dump.ts'
import type { ReceivedEvent } from '../../../../src/events/listener.ts'
import { makeEvent } from '../../../support/events.ts'

function received(type: string, fields: Record<string, unknown> = {}, timestamp = 1795242790.4840786): ReceivedEvent {
  const event = makeEvent(type, fields, { hostname: 'celery@h', pid: 9, clock: 5, utcoffset: 0, timestamp })
  return { ...event, local_received: 7 } as ReceivedEvent
}

describe('a line', () => {
  it('is that of a worker’s event', () => {
    expect(new Dumper().line(received('worker-heartbeat', { loadavg: [1, 0.5], sw_sys: 'Linux' }))).toBe(
      'celery@h [2026-11-21 06:33:10.484] heartbeat: ' +
        'clock=5, loadavg=[1, 0.5], local_received=7, pid=9, sw_sys=Linux, utcoffset=0',
    )
    expect(new Dumper().line(received('worker-online'))).toContain('] started: clock=5,')
    expect(new Dumper().line(received('worker-offline'))).toContain('] shutdown: clock=5,')
    expect(new Dumper().line(received('order-shipped-late', { uuid: 5 }))).toContain('] order shipped late: clock=5,')
  })

  it('is that of a task’s event, with the name from an earlier one', () => {
    const dumper = new Dumper()
    const task = { uuid: 'id', name: 'proj.add', args: '(2, 2)', kwargs: '{}' }
    expect(dumper.line(received('task-received', { ...task, eta: null }))).toBe(
      'celery@h [2026-11-21 06:33:10.484] task received: proj.add(id) args=(2, 2) kwargs={} ' +
        'clock=5, eta=None, local_received=7, pid=9, utcoffset=0',
    )
    expect(dumper.line(received('task-started', { uuid: 'id' }))).toContain(
      '] task started: proj.add(id) args=(2, 2) kwargs={} clock=5',
    )
    expect(dumper.line(received('task-started', { uuid: 'other' }))).toContain('] task started: other clock=5')
  })

  it('is one line, and commands no terminal', () => {
    expect(new Dumper().line(received('task-failed', { uuid: 'id', traceback: 'a\n\u001b[2J' }))).toContain(
      'traceback=a\\n\\x1b[2J,',
    )
  })

  it('shows a time that is none', () => {
    expect(new Dumper().line(received('worker-online', {}, 1e300))).toContain('[1e+300]')
  })
})

it('forgets the names of tasks that were long ago', () => {
  const dumper = new Dumper()
  const sent = (uuid: string) => dumper.line(received('task-sent', { uuid, name: 'add', args: '()', kwargs: '{}' }))
  for (let index = 0; index <= 4095; index += 1) sent(String(index))
  expect(dumper.line(received('task-started', { uuid: '0' }))).toContain('task started: 0 clock')
  expect(dumper.line(received('task-started', { uuid: '1' }))).toContain('task started: add(1) args')
})
