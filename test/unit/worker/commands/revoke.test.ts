import { describe, expect, it } from 'vitest'
import { storeResult } from '../../../../src/backend/storing.ts'
import type { TaskMeta } from '../../../../src/protocol/result.ts'
import { revokeCommands } from '../../../../src/worker/commands/revoke.ts'
import type { Request } from '../../../../src/worker/request.ts'
import { commandTarget } from '../../../support/command-target.ts'
import type { CommandFixture } from '../../../support/command-target.ts'
import { execute } from '../../../support/requests.ts'

const run = ({ worker }: CommandFixture, name: string, args: Record<string, unknown> = {}): Promise<unknown> =>
  Promise.resolve(revokeCommands.find((command) => command.name === name)?.run(worker, args))

/** A request in the pool. */
async function activate({ all }: CommandFixture, id: string, stamps: Record<string, unknown> = {}): Promise<Request> {
  const { request } = all.request({}, { id, stamps })
  all.slots += 1
  void execute(request)
  await Promise.resolve()
  request.accepted(1)
  return request
}

async function stateOf({ app }: CommandFixture, id: string): Promise<TaskMeta['status'] | undefined> {
  return (await (await app.backend()).getMeta(id))?.status
}

describe('revoke', () => {
  it('notes the ids, one or many, and tells whoever waits', async () => {
    const fixture = commandTarget()
    expect(await run(fixture, 'revoke', { task_id: 'a' })).toEqual({ ok: "tasks {'a'} flagged as revoked" })
    expect(await run(fixture, 'revoke', { task_id: ['b', 'c'], terminate: false, signal: 'SIGTERM' })).toEqual({
      ok: "tasks {'b', 'c'} flagged as revoked",
    })
    expect(fixture.worker.state.revoked.values()).toEqual(['a', 'b', 'c'])
    expect([await stateOf(fixture, 'a'), await stateOf(fixture, 'c')]).toEqual(['REVOKED', 'REVOKED'])
    await expect(fixture.app.asyncResult('a').get({ timeout: 1 })).rejects.toThrow('revoked')
  })

  it('leaves alone what has ended, and what runs here', async () => {
    const fixture = commandTarget()
    const backend = await fixture.app.backend()
    const meta = { task_id: 'failed', status: 'FAILURE', result: null, traceback: null, children: [], date_done: null }
    await storeResult(backend, backend.encodeResult(meta))
    await activate(fixture, 'runs')
    await run(fixture, 'revoke', { task_id: ['failed', 'runs'] })
    expect([await stateOf(fixture, 'failed'), await stateOf(fixture, 'runs')]).toEqual(['FAILURE', undefined])
    expect(fixture.trail).toEqual([])
  })

  it('needs no result backend', async () => {
    const fixture = commandTarget({ backend: 'disabled://' })
    await run(fixture, 'revoke', { task_id: 'a' })
    expect(fixture.logged).toEqual(['INFO Tasks flagged as revoked: a'])
  })

  it('terminates what runs, with the signal asked for', async () => {
    const fixture = commandTarget()
    const { key } = await activate(fixture, 'a')
    const kill = { task_id: ['a', 'x'], terminate: true, signal: 'KILL' }
    expect(await run(fixture, 'revoke', kill)).toEqual({ ok: 'terminate: a' })
    expect(await run(fixture, 'revoke', { task_id: 'x', terminate: true })).toEqual({ ok: 'terminate: tasks unknown' })
    expect(await run(fixture, 'terminate', { task_id: ['a'], signal: 'TERM' })).toEqual({ ok: 'terminate: a' })
    expect(fixture.trail).toEqual([
      ['terminate', key, 'SIGKILL'],
      ['terminate', key, 'SIGTERM'],
    ])
    // What runs is told of by its own end.
    expect([await stateOf(fixture, 'a'), await stateOf(fixture, 'x')]).toEqual([undefined, 'REVOKED'])
  })

  it('refuses anything but ids and signals', async () => {
    const fixture = commandTarget()
    await expect(run(fixture, 'revoke')).rejects.toThrow('"task_id" is')
    await expect(run(fixture, 'revoke', { task_id: [1] })).rejects.toThrow('"task_id" is')
    await expect(run(fixture, 'revoke', { task_id: 'a', terminate: true, signal: 'SIGWAVE' })).rejects.toThrow(
      'There is no signal',
    )
  })
})

describe('revoke_by_stamped_headers', () => {
  it('notes the stamps', async () => {
    const fixture = commandTarget()
    expect(await run(fixture, 'revoke_by_stamped_headers', { headers: { tenant: ['a', 'b'] } })).toEqual({
      ok: "headers {'tenant': ['a', 'b']} flagged as revoked, but not terminated",
    })
    await run(fixture, 'revoke_by_stamped_headers', { headers: ['job=7'] })
    const { revokedStamps } = fixture.worker.state
    const stamped = [{ tenant: 'b' }, { tenant: ['x', 'a'] }, { job: 7 }, { tenant: 'c' }, {}]
    expect(stamped.map((stamps) => revokedStamps.matches({ stamps }))).toEqual([true, true, true, false, false])
  })

  it('terminates what runs', async () => {
    const fixture = commandTarget()
    await activate(fixture, 'other', { tenant: 'b' })
    const stamps = { headers: { tenant: 'a' }, terminate: true }
    expect(await run(fixture, 'revoke_by_stamped_headers', stamps)).toEqual({
      ok: "headers {'tenant': ['a']} were not terminated",
    })
    const { key } = await activate(fixture, 'mine', { tenant: 'a' })
    expect(await run(fixture, 'revoke_by_stamped_headers', stamps)).toEqual({ ok: "headers {'tenant': ['a']} revoked" })
    expect(fixture.trail).toEqual([['terminate', key, 'SIGTERM']])
  })
})
