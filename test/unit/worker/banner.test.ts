import { describe, expect, it } from 'vitest'
import { bannerTasks, startBanner, type BannerFacts } from '../../../src/worker/banner.ts'

const facts: BannerFacts = {
  hostname: 'celery@box',
  version: '1.2.3',
  platform: 'Linux 6.1 x64, Node.js v20.20.2',
  startedAt: new Date(2026, 10, 21, 9, 5, 7),
  app: 'proj',
  transport: 'redis://localhost:6379/0',
  results: 'disabled',
  concurrency: 4,
  autoscale: undefined,
  pool: 'prefork',
  queues: ['.> celery           exchange=celery(direct) key=celery'],
  tasks: undefined,
}

describe('startBanner', () => {
  it('tells version, node, transport, results, concurrency and queues', () => {
    const text = startBanner(facts)
    for (const line of [
      'celery@box v1.2.3 (celeriac)',
      'Linux 6.1 x64, Node.js v20.20.2 2026-11-21 09:05:07',
      '[config]',
      '.> app:         proj',
      '.> transport:   redis://localhost:6379/0',
      '.> results:     disabled',
      '.> concurrency: 4 (prefork)',
      '[queues]',
      '.> celery           exchange=celery(direct) key=celery',
    ]) {
      expect(text).toMatch(new RegExp(`^.{15}${line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm'))
    }
    expect(text).not.toContain('[tasks]')
    expect(text).not.toMatch(/ $/m)
  })

  it('tells between which sizes the pool is scaled', () => {
    const text = startBanner({ ...facts, concurrency: 2, autoscale: { max: 10, min: 2 } })
    expect(text).toMatch(/\.> concurrency: \{min=2, max=10\} \(prefork\)$/m)
  })

  it('lists every queue below the others', () => {
    expect(startBanner({ ...facts, queues: ['.> a', '.> b', '.> c'] })).toMatch(/\n +\.> a\n +\.> b\n +\.> c\n/)
  })

  it('lists the tasks when it is told them', () => {
    expect(startBanner({ ...facts, tasks: ['proj.add', 'proj.mul'] })).toContain(
      '\n[tasks]\n  . proj.add\n  . proj.mul\n\n',
    )
  })
})

describe('bannerTasks', () => {
  const names = ['proj.b', 'celery.chord', 'proj.a']
  it.each([
    [{ info: false, debug: false }, undefined],
    [{ info: true, debug: false }, ['proj.a', 'proj.b']],
    [{ info: true, debug: true }, ['celery.chord', 'proj.a', 'proj.b']],
  ])('at the levels %j', (shows, expected) => {
    expect(bannerTasks(names, shows)).toEqual(expected)
  })
})
