import { expect, it } from 'vitest'
import { queueCommands } from '../../../../src/worker/commands/queues.ts'
import { commandTarget } from '../../../support/command-target.ts'
import type { CommandFixture } from '../../../support/command-target.ts'

function run({ worker }: CommandFixture, name: string, args: Record<string, unknown> = {}): unknown {
  return queueCommands.find((command) => command.name === name)?.run(worker, args)
}

it('tells the queues', () => {
  expect(run(commandTarget(), 'active_queues')).toMatchObject([{ name: 'celery', routing_key: 'celery' }])
})

it('adds a queue as Celery’s clients name it', async () => {
  const fixture = commandTarget()
  const args = { exchange: null, exchange_type: 'direct', routing_key: null }
  expect(await run(fixture, 'add_consumer', { queue: 'extra', ...args })).toEqual({ ok: 'add consumer extra' })
  await run(fixture, 'add_consumer', { queue: 'q', exchange: 'e', exchange_type: 'topic', routing_key: 'a.#', max_priority: 5 }) // prettier-ignore
  // Known already: what is said of it now does not count.
  await run(fixture, 'add_consumer', { queue: 'celery', exchange: 'other' })
  expect(fixture.trail).toEqual([
    ['add', 'extra', 'extra', 'direct', 'extra'],
    ['add', 'q', 'e', 'topic', 'a.#'],
    ['add', 'celery', 'celery', 'direct', 'celery'],
  ])
  expect(fixture.app.queues.get('q').maxPriority).toBe(5)
  await expect(run(fixture, 'add_consumer', {})).rejects.toThrow('"queue" is')
  await expect(run(fixture, 'add_consumer', { queue: 'x', exchange_type: 'sideways' })).rejects.toThrow('sideways')
})

it('cancels a queue', async () => {
  const fixture = commandTarget()
  expect(await run(fixture, 'cancel_consumer', { queue: 'celery' })).toEqual({ ok: 'no longer consuming from celery' })
  await run(fixture, 'cancel_consumer', { queue: 'nowhere' })
  expect(fixture.trail).toEqual([
    ['cancel', 'celery'],
    ['cancel', 'nowhere'],
  ])
})
