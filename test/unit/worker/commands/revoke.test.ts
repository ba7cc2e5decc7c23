import { describe, expect, it } from 'vitest'
import type { CommandArguments } from '../../../../src/worker/commands/command.ts'
import { revoke } from '../../../../src/worker/commands/revoke.ts'
import { requests } from '../../../support/requests.ts'

function target(): {
  run: (args: CommandArguments) => unknown
  terminated: unknown[]
  revoked: () => string[]
  activate: (id: string) => void
} {
  const { parts, request } = requests()
  const terminated: unknown[] = []
  const worker = {
    hostname: 'celery@test',
    state: parts.state,
    terminate: (key: number, signal: NodeJS.Signals) => terminated.push([key, signal]) > 0,
    shutdown: () => undefined,
  }
  return {
    run: (args) => revoke.run(worker, args),
    terminated,
    revoked: () => parts.state.revoked.values(),
    activate: (id) => {
      const { request: active } = request({}, { id })
      parts.state.active.set(active.key, active)
    },
  }
}

describe('revoke', () => {
  it('notes the ids, one or many', () => {
    const { run, revoked } = target()
    expect(run({ task_id: 'a' })).toEqual({ ok: "tasks {'a'} flagged as revoked" })
    expect(run({ task_id: ['b', 'c'], terminate: false, signal: 'SIGTERM' })).toEqual({
      ok: "tasks {'b', 'c'} flagged as revoked",
    })
    expect(revoked()).toEqual(['a', 'b', 'c'])
  })

  it('terminates what runs, with the signal asked for', () => {
    const { run, terminated, activate } = target()
    activate('a')
    expect(run({ task_id: ['a', 'x'], terminate: true, signal: 'KILL' })).toEqual({ ok: 'terminate: a' })
    expect(run({ task_id: 'x', terminate: true })).toEqual({ ok: 'terminate: tasks unknown' })
    expect(terminated).toEqual([[1, 'SIGKILL']])
  })

  it('refuses anything but ids', () => {
    expect(() => target().run({})).toThrow('revoke wants a task_id')
    expect(() => target().run({ task_id: [1] })).toThrow('revoke wants a task_id')
  })
})
