import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stats } from '../../../../src/worker/commands/stats.ts'
import { commandTarget } from '../../../support/command-target.ts'
import { ROOT } from '../../../support/sources.ts'

it('tells figures under the names that Celery has for them', async () => {
  const { worker, clock, app } = commandTarget({
    broker: 'redis://me:hush@broker:6380/5;redis://other/5',
    brokerTransportOptions: { password: 'hush' },
  })
  app.logicalClock.adjust(41)
  worker.state.count('proj.add')
  worker.state.count('proj.add')
  await clock.advance(12_000)
  const answer = stats.run(worker, {}) as Record<string, Record<string, unknown>>
  expect(answer).toMatchObject({
    total: { 'proj.add': 2 },
    pid: process.pid,
    clock: '42',
    uptime: 12,
    pool: { 'max-concurrency': 3 },
    prefetch_count: 12,
    broker: { hostname: 'broker', port: 6380, userid: 'me', virtual_host: '5', transport: 'redis', ssl: false },
  })
  expect(JSON.stringify(answer)).not.toContain('hush')
  const recorded = JSON.parse(readFileSync(join(ROOT, 'test/wire/redis-pidbox.json'), 'utf8')) as {
    name: string
    replies: Record<string, Record<string, Record<string, unknown>>>[]
  }[]
  const [python] = Object.values(recorded.find(({ name }) => name === 'stats')?.replies[0] ?? {})
  expect(Object.keys(answer)).toEqual(Object.keys(python ?? {}))
  expect(Object.keys(answer['rusage'] ?? {})).toEqual(Object.keys(python?.['rusage'] ?? {}))
  const names = Object.keys(python?.['broker'] ?? {}).filter((name) => name !== 'credential_provider')
  expect(Object.keys(answer['broker'] ?? {})).toEqual(names)
})
