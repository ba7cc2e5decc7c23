import { describe, expect, it } from 'vitest'
import { neighbourhood } from '../../support/neighbours.ts'

describe('Mingle', () => {
  it('tells neighbours what is revoked, and learns what they know', async () => {
    const start = neighbourhood()
    const [first, second] = [start('a@h'), start('b@h')]
    await first.worker.start()
    first.worker.state.revoked.add('by first')
    second.worker.state.revoked.add('by second')
    for (let step = 0; step < 50; step += 1) first.app.logicalClock.forward()
    await second.worker.start()
    expect(second.log).toContain('INFO mingle: sync with 1 nodes')
    expect(first.log).toContain('INFO sync with b@h')
    for (const { worker } of [first, second]) {
      expect(worker.state.revoked.values().sort()).toEqual(['by first', 'by second'])
    }
    expect(second.app.logicalClock.time).toBeGreaterThan(50)
  })

  it('waits for nobody who is not there', async () => {
    const { worker, log } = neighbourhood()('a@h')
    const startMs = performance.now()
    await worker.start()
    expect(performance.now() - startMs).toBeLessThan(900)
    expect(log).toContain('INFO mingle: all alone')
  })

  it('warns of another worker with the same name', async () => {
    const start = neighbourhood()
    const [first, second] = [start('a@h'), start('a@h')]
    await first.worker.start()
    await second.worker.start()
    const warnings = second.log.filter((line) => line.startsWith('WARNING There is another worker named a@h'))
    expect(warnings).toHaveLength(1)
  })

  it('is left out on demand', async () => {
    const { worker, log } = neighbourhood()('a@h', { withoutMingle: true })
    await worker.start()
    expect(log.filter((line) => line.includes('mingle'))).toEqual([])
  })
})
