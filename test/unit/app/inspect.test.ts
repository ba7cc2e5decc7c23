import { expect, it } from 'vitest'
import { Inspect } from '../../../src/app/inspect.ts'
import type { InspectOptions } from '../../../src/app/inspect.ts'

function fixture(options: InspectOptions = {}): { inspect: Inspect; asked: unknown[] } {
  const asked: unknown[] = []
  const inspect = new Inspect(async (command, all) => {
    asked.push([command, all.arguments])
    return [{ 'celery@a': ['x'] }, { 'media@b': { error: 'no' } }]
  }, options)
  return { inspect, asked }
}

it('merges what nodes answer', async () => {
  expect(await fixture().inspect.revoked()).toEqual({ 'celery@a': ['x'], 'media@b': { error: 'no' } })
})

it('leaves out nodes that do not match, though they answered', async () => {
  expect(await fixture({ pattern: 'media@*' }).inspect.revoked()).toEqual({ 'media@b': { error: 'no' } })
  expect(await fixture({ pattern: 'c.+a$', matcher: 'pcre' }).inspect.revoked()).toEqual({ 'celery@a': ['x'] })
})

it('has a verb for each command of Celery, with its arguments', async () => {
  const { inspect, asked } = fixture()
  await inspect.ping()
  await inspect.active()
  await inspect.active(true)
  await inspect.reserved()
  await inspect.scheduled()
  await inspect.registered('rate_limit')
  await inspect.queryTask('a')
  await inspect.queryTask(['a', 'b'])
  await inspect.stats()
  await inspect.conf()
  await inspect.activeQueues()
  await inspect.report()
  await inspect.clock()
  await inspect.memsample()
  await inspect.memdump()
  await inspect.objgraph()
  expect(asked).toEqual([
    ['ping', {}],
    ['active', {}],
    ['active', { safe: true }],
    ['reserved', {}],
    ['scheduled', {}],
    ['registered', { taskinfoitems: ['rate_limit'] }],
    ['query_task', { ids: ['a'] }],
    ['query_task', { ids: ['a', 'b'] }],
    ['stats', {}],
    ['conf', { with_defaults: false }],
    ['active_queues', {}],
    ['report', {}],
    ['clock', {}],
    ['memsample', {}],
    ['memdump', { samples: 10 }],
    ['objgraph', {}],
  ])
})
