import { describe, expect, it } from 'vitest'
import { neighbourhood } from '../../support/neighbours.ts'
import type { Neighbour } from '../../support/neighbours.ts'
import { waitFor } from '../../support/wait-for.ts'

/** What a worker notices of others, in order. */
function noticed({ app }: Neighbour): string[] {
  const trail: string[] = []
  for (const name of ['node-join', 'node-leave', 'node-lost'] as const) {
    app.signals.on(name, ({ hostname, node }) => void trail.push(`${hostname}: ${name} ${node}`))
  }
  return trail
}

describe('Gossip', () => {
  it('notices who comes and goes, and follows their clocks', async () => {
    const start = neighbourhood()
    const [first, second] = [start('a@h'), start('b@h')]
    const trail = noticed(first)
    await first.worker.start()
    await second.worker.start()
    await waitFor(() => trail.length === 1)
    second.app.logicalClock.adjust(1000)
    await waitFor(() => first.app.logicalClock.time > 1000)
    await second.worker.stop()
    await waitFor(() => trail.length === 2)
    expect(trail).toEqual(['a@h: node-join b@h', 'a@h: node-leave b@h'])
  })

  it('notices who is lost', { timeout: 15_000 }, async () => {
    const start = neighbourhood()
    const [first, second] = [start('a@h'), start('b@h', { withoutHeartbeat: true })]
    const trail = noticed(first)
    await first.worker.start()
    await second.worker.start()
    second.app.events.defaultDispatcher('b@h').send('worker-heartbeat', { freq: 0.01 })
    await waitFor(() => trail.length === 2, { timeoutMs: 10_000 })
    expect(trail).toEqual(['a@h: node-join b@h', 'a@h: node-lost b@h'])
    expect(first.log).toContain('INFO missed heartbeat from b@h')
  })

  it('warns once of another process that sends as this worker', async () => {
    const start = neighbourhood()
    const one = start('a@h')
    await one.worker.start()
    const pretender = one.app.events.dispatcher({ hostname: 'a@h' })
    const pid = process.pid
    Object.defineProperty(process, 'pid', { value: pid + 1, configurable: true })
    for (let count = 0; count < 2; count += 1) pretender.send('worker-heartbeat', {})
    Object.defineProperty(process, 'pid', { value: pid, configurable: true })
    await pretender.close()
    const warnings = (): string[] =>
      one.log.filter((line) => line.startsWith('WARNING Another worker sends events as a@h'))
    await waitFor(() => warnings().length > 0)
    expect(warnings()).toHaveLength(1)
  })

  it('holds elections: one of all does it', async () => {
    const start = neighbourhood()
    const workers = [start('a@h'), start('b@h'), start('c@h')]
    const done: string[] = []
    for (const { app } of workers) app.task('proj.note', (what: string) => void done.push(what))
    const joined = workers.map((each) => noticed(each))
    for (const { worker } of workers) await worker.start()
    await waitFor(() => joined.every((trail) => new Set(trail).size === 2))
    const action = { task: 'proj.note', args: ['once'], kwargs: {}, options: {}, subtask_type: null, immutable: false }
    await workers[0]?.app.control.broadcast('election', { arguments: { id: 'e1', topic: 'task', action } })
    await waitFor(() => done.length > 0)
    const log = workers.flatMap((each) => each.log)
    expect(log.filter((line) => line.includes('I won the election'))).toHaveLength(1)
    expect(log.filter((line) => line.includes('elected for e1'))).toHaveLength(2)
    expect(done).toEqual(['once'])
  })

  it('is left out on demand', async () => {
    const start = neighbourhood()
    const [first, second] = [start('a@h', { withoutGossip: true }), start('b@h')]
    const [deaf, trail] = [noticed(first), noticed(second)]
    await first.worker.start()
    await second.worker.start()
    await waitFor(() => trail.length === 1)
    expect(deaf).toEqual([])
  })
})
