import { expect, it } from 'vitest'
import type { Request } from '../../../../src/worker/request.ts'
import { inspectCommands } from '../../../../src/worker/commands/inspect.ts'
import { commandTarget } from '../../../support/command-target.ts'
import type { CommandFixture } from '../../../support/command-target.ts'

function run({ worker }: CommandFixture, name: string, args: Record<string, unknown> = {}): unknown {
  return inspectCommands.find((command) => command.name === name)?.run(worker, args)
}

/** One request in each stage: runs, waits in a child's line, waits here, waits for its time. */
function inHand(fixture: CommandFixture): Record<'runs' | 'lined' | 'waits' | 'held', Request> {
  const { all, clock } = fixture
  const { state } = all.parts
  const make = (id: string, eta?: number): Request => all.request({}, { id, args: [1, 'x'], eta }).request
  const found = {
    runs: make('runs'),
    lined: make('lined'),
    waits: make('waits'),
    held: make('held', clock.now() + 5000),
  }
  state.active.set(found.runs.key, found.runs)
  state.active.set(found.lined.key, found.lined)
  state.reserved.set(found.waits.key, found.waits)
  state.scheduled.set(found.held.key, found.held)
  found.runs.accepted(77)
  return found
}

const idsOf = (answer: unknown): string[] => (answer as { id: string }[]).map(({ id }) => id)

it('tells what runs and what waits', () => {
  const fixture = commandTarget()
  inHand(fixture)
  const nowS = fixture.all.clock.now() / 1000
  expect(run(fixture, 'active')).toEqual([
    {
      id: 'runs',
      name: 'proj.add',
      args: [1, 'x'],
      kwargs: {},
      type: 'proj.add',
      hostname: 'celery@test',
      time_start: nowS,
      acknowledged: true,
      delivery_info: { exchange: '', routing_key: 'celery', priority: null, redelivered: false },
      worker_pid: 77,
    },
  ])
  expect(run(fixture, 'active', { safe: true })).toMatchObject([{ args: "(1, 'x')", kwargs: '{}' }])
  expect(idsOf(run(fixture, 'reserved'))).toEqual(['lined', 'waits'])
  const scheduled = run(fixture, 'scheduled') as { eta: string; request: { id: string } }[]
  expect(scheduled.map(({ eta, request }) => [eta, request.id])).toEqual([
    [new Date(fixture.clock.now() + 5000).toISOString(), 'held'],
  ])
  expect(scheduled[0]).toMatchObject({
    priority: 6,
    request: { time_start: null, worker_pid: null, acknowledged: false },
  })
})

it('finds tasks by their ids', () => {
  const fixture = commandTarget()
  inHand(fixture)
  const answer = run(fixture, 'query_task', { ids: ['runs', 'lined', 'held', 'nowhere'] }) as Record<string, unknown[]>
  expect(Object.entries(answer).map(([id, [stage]]) => [id, stage])).toEqual([
    ['runs', 'active'],
    ['lined', 'reserved'],
    ['held', 'ready'],
  ])
  expect(run(fixture, 'query_task', { ids: 'nowhere' })).toEqual({})
})

it('tells the ids that must not run', () => {
  const fixture = commandTarget()
  fixture.worker.state.revoked.add('a')
  expect(run(fixture, 'revoked')).toEqual(['a'])
})

it('tells which tasks there are, with their options', () => {
  const fixture = commandTarget()
  fixture.app.task('proj.add', { queue: 'q', exchange: 'e', priority: 3 }, () => 1)
  fixture.app.task('proj.plain', () => 1)
  fixture.app.task('celery.mine', () => 1)
  expect(run(fixture, 'registered')).toEqual(['proj.add [exchange=e]', 'proj.plain'])
  expect(run(fixture, 'registered', { taskinfoitems: ['priority', 'acks_late'], builtins: true })).toEqual([
    'celery.mine [acks_late=false]',
    'proj.add [priority=3 acks_late=false]',
    'proj.plain [acks_late=false]',
  ])
})

it('tells settings without secrets', async () => {
  const fixture = commandTarget({ broker: 'redis://me:hush@h/1', securityKey: 'k' })
  const conf = run(fixture, 'conf') as Record<string, unknown>
  expect(conf['broker_url']).toBe('redis://me:**@h/1')
  expect('task_acks_late' in conf).toBe(false)
  expect(run(fixture, 'conf', { with_defaults: 'true' })).toMatchObject({ task_acks_late: false })
  const { ok } = (await run(fixture, 'report')) as { ok: string }
  expect(ok).toContain('software -> celeriac')
  expect(JSON.stringify(conf) + ok).not.toContain('hush')
})
