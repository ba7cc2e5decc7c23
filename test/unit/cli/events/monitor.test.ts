import { afterEach, describe, expect, it } from 'vitest'
import { Monitor } from '../../../../src/cli/events/monitor.ts'
import type { MonitorParts } from '../../../../src/cli/events/monitor.ts'
import { State } from '../../../../src/events/state.ts'
import { makeEvent } from '../../../support/events.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { FakeTerminal } from '../../../support/fake-terminal.ts'
import { waitFor } from '../../../support/wait-for.ts'

const open: Monitor[] = []
afterEach(() => {
  for (const monitor of open.splice(0)) monitor.close()
})

function fixture(ask: MonitorParts['ask'] = async () => []) {
  const fake = new FakeTerminal()
  const clock = fakeClock(1000)
  const state = new State({ clock })
  const asked: unknown[] = []
  let quits = 0
  const monitor = new Monitor({
    state,
    process: fake,
    clock,
    paint: (_style, text) => text,
    title: 'title',
    ask: (command, args) => {
      asked.push([command, args])
      return ask(command, args)
    },
    onQuit: () => (quits += 1),
  })
  open.push(monitor)
  monitor.open()
  const tell = (type: string, uuid: string, fields: Record<string, unknown> = {}, clockTime = 1) =>
    state.event({ ...makeEvent(type, { uuid, ...fields }, { clock: clockTime }), local_received: 1 })
  tell('task-received', 'a', { name: 'proj.add', args: '(1,)' }, 1)
  tell('task-failed', 'b', { exception: 'E()', traceback: 'Traceback:\n  x' }, 2)
  const sees = (pattern: RegExp) =>
    waitFor(() => pattern.test(fake.screen.text), {
      what: `${String(pattern)} in\n${fake.screen.text}`,
      timeoutMs: 2000,
    })
  return { fake, clock, monitor, asked, quits: () => quits, sees }
}

it('draws what comes, and what it is told to say', async () => {
  const { fake, clock, monitor, sees } = fixture()
  expect(fake.screen.text).not.toContain('proj.add')
  monitor.notice('away')
  await clock.advance(250)
  await sees(/^title {2}away\n[^]*\nb +a@h[^]*\na +a@h/)
  fake.stderr.write('[a warning]\nmore\n')
  await clock.advance(250)
  await sees(/^title {2}\[a warning\]\n/)
})

describe('keys', () => {
  it('move the selection round', async () => {
    const { fake, sees } = fixture()
    fake.press('j')
    await sees(/Selected: exception=E\(\)/)
    fake.press('\u001b[B')
    await sees(/Selected: args=\(1,\)/)
    fake.press('j')
    await sees(/Selected: exception/)
    fake.press('K')
    await sees(/Selected: exception/)
  })

  it('show what is known of a task', async () => {
    const { fake, sees } = fixture()
    fake.press('ji')
    await sees(/Task details for b\n\n {3}exception: E\(\)\n {3}state: FAILURE/)
    fake.press('xt')
    await sees(/Task Exception Traceback for b\n\n {3}Traceback:\n {5}x/)
    fake.press('xr')
    await sees(/Task Result for b\n\n {3}E\(\)/)
  })

  it('beep where there is nothing to show', async () => {
    const { fake, sees, asked } = fixture()
    fake.press('itrclz')
    const beeps = () => fake.screen.written.split('\u0007').length - 1
    await waitFor(() => beeps() === 5)
    fake.press('jl')
    await waitFor(() => beeps() === 6)
    fake.press('jt')
    await waitFor(() => beeps() === 7)
    await sees(/Selected: args/)
    expect(asked).toEqual([])
  })

  it('end it', async () => {
    const { fake, quits } = fixture()
    fake.press('q')
    await waitFor(() => quits() === 1)
    fake.press('ji\u0003')
    await waitFor(() => quits() === 2)
  })
})

describe('commands', () => {
  it('revoke a task, and show what the workers say', async () => {
    const { fake, asked, sees } = fixture(async () => [
      { 'a@h': { ok: 'revoked' } },
      { 'b@h': { error: 'no' } },
      { c: 5 },
    ])
    fake.press('jc')
    await sees(/Remote Control Command Replies\n\n {3}a@h: revoked\n {3}b@h: no\n {3}c: 5\n/)
    expect(asked).toEqual([['revoke', { task_id: 'b', terminate: false, signal: 'SIGTERM' }]])
  })

  it('limit the rate of a task’s name', async () => {
    const { fake, asked, sees } = fixture()
    fake.press('jjl1')
    await sees(/New rate limit: 1_/)
    fake.press('\u007f5/m\r')
    await sees(/No replies received in 1s deadline\./)
    expect(asked).toEqual([['rate_limit', { task_name: 'proj.add', rate_limit: '5/m' }]])
    fake.press('x')
    await sees(/Keys: /)
    fake.press('l\r')
    await sees(/Keys: /)
    expect(asked).toHaveLength(1)
  })

  it('say what went wrong', async () => {
    const { fake, sees } = fixture(() => Promise.reject(new Error('the broker is away')))
    fake.press('jc')
    await sees(/the broker is away/)
  })
})
