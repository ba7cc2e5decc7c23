import { expect, it } from 'vitest'
import { App } from '../../../../src/app/app.ts'
import { disableEvents, enableEvents, heartbeat } from '../../../../src/worker/commands/events.ts'
import { commandTarget } from '../../../support/command-target.ts'

function target(groups: readonly string[]) {
  const events = new App('proj', { broker: 'memory://' }).events.dispatcher({ groups })
  return { events, worker: commandTarget({}, { events }).worker }
}

it('switches the events of tasks on and off', () => {
  const { events, worker } = target(['worker'])
  expect(enableEvents.run(worker, {})).toEqual({ ok: 'task events enabled' })
  expect([events.sendsTasks, enableEvents.run(worker, {})]).toEqual([true, { ok: 'task events already enabled' }])
  expect(disableEvents.run(worker, {})).toEqual({ ok: 'task events disabled' })
  expect([events.sendsTasks, disableEvents.run(worker, {})]).toEqual([false, { ok: 'task events already disabled' }])
})

it('has no say where all groups are sent, as in Celery', () => {
  const { events, worker } = target([])
  expect(disableEvents.run(worker, {})).toEqual({ ok: 'task events already disabled' })
  expect(enableEvents.run(worker, {})).toEqual({ ok: 'task events already enabled' })
  expect(events.sendsTasks).toBe(true)
})

it('sends a heartbeat on demand, and answers nothing', () => {
  const { worker, trail } = commandTarget()
  expect(heartbeat.run(worker, {})).toBeUndefined()
  expect(trail).toEqual([['heartbeat', 5]])
})
